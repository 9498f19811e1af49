"""Programs that have outlived whoever supervised them, for who goes on with them."""

from __future__ import annotations

import os
import signal
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import trio

from supctl.backends.base import ProcessSpec
from supctl.backends.posix_process import PosixProcess
from supctl.specs.app import Stop


@dataclass(frozen=True, slots=True)
class Remains:
    """What must be known of the life of a program to go on with it.

    Args:
        token: of its process.
        is_up: whether its start has succeeded.
        is_paused: whether its processes were made to stand still.
        asked_at: when it was asked to stop, on the monotonic clock; ``None``: it was not.
    """

    token: int
    is_up: bool = False
    is_paused: bool = False
    asked_at: float | None = None


@dataclass(slots=True, eq=False)
class Inherited:
    """A life of a program that somebody is to go on with.

    Args:
        process: of the program, which may have ended meanwhile.
        remains: what is known of it.
        print: the :func:`fingerprint` of what it was started as.
        note: is told what is known of it when that changes, for who may follow us.
    """

    process: PosixProcess
    remains: Remains
    print: str
    note: Callable[[Remains], None]

    def ask(self, stop: Stop) -> float:
        """Ask it to stop, if nobody has; return the seconds that it has from now on."""
        asked_at = self.remains.asked_at
        if asked_at is None:
            if not stop.grace:
                return 0.0
            asked_at = time.monotonic()
            self.remains = replace(self.remains, asked_at=asked_at)
            self.process.signal(stop.signal)
            self.note(self.remains)
        return max(0.0, asked_at + stop.grace - time.monotonic())


Claim: TypeAlias = Callable[[str], Inherited | None]
"""Gives the life of the app at an address to who asks first; ``None``: there is none."""


def nothing(address: str) -> Inherited | None:
    """Claim in vain: nobody was there before."""
    return None


_HOW_IT_RUNS: Final = (
    *("command", "env", "cwd", "umask", "user", "group", "nice", "rlimits", "death_signal"),
)
"""What cannot be changed while it runs."""


def fingerprint(spec: ProcessSpec) -> str:
    """Return what is the same for two specs if, and most likely only if, a process that was started
    as one of them is as it would be as the other."""
    told = {name: getattr(spec, name) for name in _HOW_IT_RUNS}
    told["env"] = sorted(spec.env.items())
    told["rlimits"] = sorted(spec.rlimits.items())
    if spec.secrets:  # where they are: what they are must not even be guessed
        told["secrets"] = sorted(spec.secrets.items())
    return digest(told)


def digest(told: object) -> str:
    """Return what is the same for two values if, and most likely only if, ``repr`` is."""
    text = repr(told).encode("utf-8", "surrogateescape")
    return f"{zlib.crc32(text):08x}{zlib.adler32(text):08x}"


async def end(inherited: Inherited, stop: Stop) -> None:
    """See a program that nobody goes on with to its end: asked, and killed after its grace.

    Who was asked already is not asked again, and its grace has begun then.
    """
    process = inherited.process
    process.listen(None)
    if process.notify_fd is not None:
        os.close(process.notify_fd)
        process.notify_fd = None
    grace = inherited.ask(stop)
    if inherited.remains.is_paused:
        process.signal_all(signal.SIGCONT)
    with trio.move_on_after(grace):
        await process.wait_gone()
        return
    process.kill()
    with trio.move_on_after(stop.force):
        await process.wait_gone()
