"""What a test can wait for, besides that an app runs: some of the probes of :mod:`supctl.specs`."""

from __future__ import annotations

import re
from typing import Final, Protocol, TypeAlias

import trio

from supctl.actors.probing.network import try_http, try_tcp
from supctl.errors import Unsupported
from supctl.specs.pattern import compiled
from supctl.specs.probe import Http, Output, Tcp

_FIRST_PAUSE: Final = 0.005
_LONGEST_PAUSE: Final = 0.1
_LONGEST_TRY: Final = 1.0
"""Seconds: a program that is still starting may accept a request and forget it."""

Condition: TypeAlias = Tcp | Http | Output


class Subject(Protocol):
    """One life of an app, as a condition sees it."""

    @property
    def is_simulated(self) -> bool:
        """Whether it runs in virtual time, without ports."""
        ...

    async def find(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        """Return the first match in its output. Fails when none can come any more."""
        ...


async def hold(condition: Condition, subject: Subject) -> None:
    """Return when ``condition`` holds. Cancelling is harmless.

    An output may have been printed in any pieces; a pattern may match over several lines.

    Raises:
        Unsupported: it never can.
    """
    if isinstance(condition, Output):
        await subject.find(compiled(condition.pattern))
        return
    if subject.is_simulated:
        instead = "wait for Output, or for the app's own ready: it has no ports"
        raise Unsupported(type(condition).__name__, "a simulated program", instead)
    pause = _FIRST_PAUSE
    while not await _holds(condition):
        await trio.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


async def _holds(condition: Tcp | Http) -> bool:
    with trio.move_on_after(_LONGEST_TRY):
        answer = await (try_tcp(condition) if isinstance(condition, Tcp) else try_http(condition))
        return answer.ok
    return False
