"""What simulated programs do, as plain data: :class:`Program` and its :class:`Child`."""

from __future__ import annotations

import select
import signal as signals
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from supctl.errors import InvalidConfig
from supctl.exits import ExitStatus
from supctl.specs.policy import check_seconds

_HARMLESS: Final = frozenset(
    {
        signals.SIGCHLD,
        signals.SIGCONT,
        signals.SIGSTOP,
        signals.SIGTSTP,
        signals.SIGTTIN,
        signals.SIGTTOU,
        signals.SIGURG,
        signals.SIGWINCH,
    }
)
"""Signals whose default action ends nothing (signal(7))."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process that a simulated program forks. It lives on when the program ends.

    Args:
        lifetime: seconds from its birth to its end by itself; ``None``: for ever.
        escapes: it forked twice and called ``setsid``, so that it gets no signal meant
            for the process group.
        deaf_to: signals it ignores.
        born_on: born each time the program gets this signal, also if it is deaf to it;
            ``None``: born with the program.

    Raises:
        InvalidConfig: naming the field that is out of range.
    """

    lifetime: float | None = None
    escapes: bool = False
    deaf_to: frozenset[int] = frozenset()
    born_on: int | None = None

    def __post_init__(self) -> None:
        if self.lifetime is not None:
            check_seconds("lifetime", self.lifetime)
        _check_deafness(self.deaf_to)

    def ends_by(self, number: int) -> bool:
        """Return whether a signal ends it."""
        return number not in _HARMLESS | self.deaf_to


@dataclass(frozen=True, slots=True)
class Program:
    """One run of a simulated program: how it starts, what it does and how it ends.

    Args:
        lifetime: seconds from its start to its end by itself; ``None``: for ever.
        code: exit code of that end.
        signal: the signal of that end, in place of a code (a segmentation fault, say).
        out_of_memory: that end is the kernel's out-of-memory killer.
        deaf_to: signals it ignores.
        hangs_after: seconds from its start after which it ignores every signal but SIGKILL and
            prints nothing more; ``None``: it never hangs. It still ends by its ``lifetime``.
            Its probes get no answer.
        ready_after: seconds from its start after which its probes succeed; ``None``: they never do.
        unhealthy_after: seconds from its start after which they fail again; ``None``: never.
        stop_delay: seconds from a signal that ends it to its end; SIGKILL ends it at once.
        stuck_for: seconds from a SIGKILL to its end: it hangs in the kernel (an
            uninterruptible sleep).
        stop_code: exit code after such a signal; ``None``: it dies by the signal.
        start_delay: seconds that the spawn takes.
        fails_to_start: the spawn fails with this error number.
        failed_stage: the stage of that failure, as in :class:`supctl.errors.SpawnFailed`.
        output: ``(seconds after the start, bytes)`` that it writes to its stdout, a real
            pipe. What does not fit into the pipe is lost; a real program would wait.
        children: the processes it forks.

    Raises:
        InvalidConfig: naming the field that is out of range.
    """

    lifetime: float | None = None
    code: int = 0
    signal: int | None = None
    out_of_memory: bool = False
    deaf_to: frozenset[int] = frozenset()
    hangs_after: float | None = None
    ready_after: float | None = 0.0
    unhealthy_after: float | None = None
    stop_delay: float = 0.0
    stuck_for: float = 0.0
    stop_code: int | None = None
    start_delay: float = 0.0
    fails_to_start: int | None = None
    failed_stage: str = "program"
    output: tuple[tuple[float, bytes], ...] = ()
    children: tuple[Child, ...] = ()

    def __post_init__(self) -> None:
        if self.lifetime is not None:
            check_seconds("lifetime", self.lifetime)
        for name in ("hangs_after", "ready_after", "unhealthy_after"):
            if (seconds := getattr(self, name)) is not None:
                check_seconds(name, seconds)
        check_seconds("stop_delay", self.stop_delay)
        check_seconds("stuck_for", self.stuck_for)
        check_seconds("start_delay", self.start_delay)
        _check_deafness(self.deaf_to)
        for at, data in self.output:
            check_seconds("output", at)
            # Up to here a write to a pipe is all or nothing (pipe(7)).
            if len(data) > select.PIPE_BUF:
                raise InvalidConfig("output", len(data), f"at most {select.PIPE_BUF} bytes at once")

    def hangs(self, age: float) -> bool:
        """Return whether it hangs ``age`` seconds after its start."""
        return self.hangs_after is not None and age >= self.hangs_after

    def ends_by(self, number: int, age: float) -> bool:
        """Return whether a signal ends it ``age`` seconds after its start."""
        if number == signals.SIGKILL:
            return True
        return number not in _HARMLESS | self.deaf_to and not self.hangs(age)

    def own_end(self, wall_time: float) -> ExitStatus:
        """Return the status of its end by itself, after ``wall_time`` seconds."""
        if self.out_of_memory:
            return ExitStatus(signal=signals.SIGKILL, out_of_memory=True, wall_time=wall_time)
        if self.signal is not None:
            return ExitStatus(signal=self.signal, wall_time=wall_time)
        return ExitStatus(code=self.code, wall_time=wall_time)

    def end_by(self, number: int, wall_time: float) -> ExitStatus:
        """Return the status of its end by a signal, after ``wall_time`` seconds."""
        if self.stop_code is not None and number != signals.SIGKILL:
            return ExitStatus(code=self.stop_code, wall_time=wall_time)
        return ExitStatus(signal=number, wall_time=wall_time)


Script: TypeAlias = Program | Sequence[Program] | Callable[[int], Program]
"""What a command does at each start: always the same; one after the other, the last one
repeated; or what a function answers for attempt 0, 1, and so on."""


def program_of(script: Script, attempt: int) -> Program:
    """Return what the script does at start number ``attempt``; the first is 0."""
    if isinstance(script, Program):
        return script
    if callable(script):
        return script(attempt)
    return script[min(attempt, len(script) - 1)]


def _check_deafness(deaf_to: frozenset[int]) -> None:
    if signals.SIGKILL in deaf_to:
        raise InvalidConfig("deaf_to", sorted(deaf_to), "signals other than SIGKILL")
