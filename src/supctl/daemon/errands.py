"""Commands that are being carried out: how long who asked waits, and what is under way for whom."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import asdict
from functools import partial
from typing import Any, Final, TypeAlias

import trio

from supctl.errors import SupctlError

from .outcome import Outcome, each

_log = logging.getLogger("supctl.daemon")

_NOTHING: Final = nullcontext()

Work: TypeAlias = Callable[[str], Awaitable[Outcome]]


class Errands:
    """Carries out commands. Those for different children do not wait for each other.

    Args:
        nursery: of what nobody waits for; cancelled when the daemon ends.
    """

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._under_way: Counter[tuple[str, str]] = Counter()

    def is_under_way(self, address: str, method: str) -> bool:
        """Return whether a command is being carried out for a child."""
        return self._under_way[address, method] > 0

    def is_joined(self, address: str, method: str) -> bool:
        """Return whether a command is being carried out for a child more than once."""
        return self._under_way[address, method] > 1

    async def each(
        self,
        addresses: Sequence[str],
        method: str,
        work: Work,
        timeout: float | None,
        *,
        wait: bool,
        one_by_one: bool = False,
    ) -> list[dict[str, Any]]:
        """Do ``work`` for all addresses, and return their outcomes in that order.

        Args:
            method: what the command is called.
            timeout: seconds for each; what has been asked for by then may still be done.
            wait: if not, return as soon as it has begun; ``did`` is ``"asked"``.
            one_by_one: each when the one before has succeeded; else all at once.
        """
        do = partial(self._one_by_one if one_by_one else each, method=method, timeout=timeout)
        carry_out = partial(do, addresses, work=partial(self._note, method, work))
        if wait:
            return await carry_out()
        self.begin(carry_out)
        return [asdict(Outcome(address, "asked")) for address in addresses]

    def begin(
        self,
        work: Callable[[], Awaitable[Sequence[dict[str, Any]]]],
        held: AbstractContextManager[object] = _NOTHING,
    ) -> None:
        """Begin with something that nobody waits for; the log tells whether it fails.

        Args:
            held: what is left when it is over.
        """
        self._nursery.start_soon(_alone, work, held)

    async def _note(self, method: str, work: Work, address: str) -> Outcome:
        self._under_way[address, method] += 1
        try:
            return await work(address)
        finally:
            self._under_way[address, method] -= 1
            if not self._under_way[address, method]:
                del self._under_way[address, method]

    @staticmethod
    async def _one_by_one(
        addresses: Sequence[str], method: str, work: Work, timeout: float | None
    ) -> list[dict[str, Any]]:
        outcomes: list[dict[str, Any]] = []
        for address in addresses:
            outcomes += await each([address], method, work, timeout)
            if outcomes[-1]["error"] is not None:
                break  # one that fails is enough
        return outcomes


async def _alone(
    work: Callable[[], Awaitable[Sequence[dict[str, Any]]]], held: AbstractContextManager[object]
) -> None:
    try:
        with held:
            outcomes = await work()
    except SupctlError as error:
        _log.warning("what nobody waits for has failed: %s", error)
        return
    except Exception:  # ours: it must not end the daemon, and nobody else hears of it
        _log.exception("what nobody waits for has failed")
        return
    for outcome in outcomes:
        if outcome["error"] is not None:
            _log.warning("%s: %s", outcome["address"], outcome["error"]["message"])


@asynccontextmanager
async def open_errands() -> AsyncIterator[Errands]:
    """Carry out commands within the block; what is under way at its end is given up."""
    async with trio.open_nursery() as nursery:
        yield Errands(nursery)
        nursery.cancel_scope.cancel()
