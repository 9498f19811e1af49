"""What became of a command for one child."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, TypeVar

import trio

from supctl.errors import ActorTimeout, SupctlError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command for one child.

    Args:
        address: of the child.
        did: ``"stopped"``, ``"was running"``, ...; empty if it failed.
        status: what a shell would show in ``$?`` of its last end, if that is known.
        error: ``code``, ``category`` and ``message``, if it failed.
    """

    address: str
    did: str
    status: int | None = None
    error: dict[str, str] | None = None

    @classmethod
    def failed(cls, address: str, error: SupctlError) -> Outcome:
        """Return that of a command that failed."""
        told = {"code": error.code, "category": error.category, "message": str(error)}
        return cls(address, "", error=told)


async def each(
    addresses: Sequence[str],
    method: str,
    work: Callable[[str], Awaitable[Outcome]],
    timeout: float | None,
) -> list[dict[str, Any]]:
    """Do ``work`` for all addresses at once, and return the outcomes in their order.

    Args:
        method: what it is called in errors.
        timeout: seconds for each; what has been asked for by then may still be done.
    """
    outcomes: dict[str, Outcome] = {}

    async def one(address: str) -> None:
        try:
            outcomes[address] = await in_time(address, method, partial(work, address), timeout)
        except SupctlError as error:
            outcomes[address] = Outcome.failed(address, error)

    async with trio.open_nursery() as nursery:
        for address in addresses:
            nursery.start_soon(one, address)
    return [asdict(outcomes[address]) for address in addresses]


async def in_time(
    address: str, method: str, work: Callable[[], Awaitable[T]], timeout: float | None
) -> T:
    """Return what ``work`` returns; raises ActorTimeout if that takes more seconds."""
    with trio.move_on_after(math.inf if timeout is None else timeout):
        return await work()
    raise ActorTimeout(address, method, timeout or 0.0)
