"""Commands that are being carried out: how long who asked waits, and what is under way for whom."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

import trio

from supctl.errors import InvalidState, SupctlError

from .outcome import Outcome, each, in_time

_log = logging.getLogger("supctl.daemon")

_NOTHING: Final = nullcontext()

T = TypeVar("T")
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

    async def finish(
        self,
        address: str,
        method: str,
        work: Callable[[], Awaitable[T]],
        timeout: float | None,
        held: AbstractContextManager[object] = _NOTHING,
    ) -> T:
        """Return what ``work`` returns. It goes on, whoever still waits for that.

        Args:
            address: of the child that it is about.
            timeout, method: as of :meth:`each`.
            held: what is left when it is over.

        Raises:
            ActorTimeout: it takes longer; and what ``work`` raises.
        """
        results: list[T] = []
        errors: list[SupctlError] = []
        is_done = trio.Event()

        async def carry_out() -> None:
            try:
                with held:
                    results.append(await work())
            except SupctlError as error:
                errors.append(error)
            finally:
                is_done.set()

        self._nursery.start_soon(carry_out)
        await in_time(address, method, is_done.wait, timeout)
        for error in errors:
            raise error
        for result in results:
            return result
        raise InvalidState("the daemon", "stopping", "one that runs")

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
