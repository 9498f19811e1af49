"""Processes that are held here for somebody in another process who wanted them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from signal import SIGTERM
from typing import Any, Final, Protocol

import trio

from supctl.logs.seek import Seek
from supctl.specs import Log

from .base import Gone, Notice, Process, ProcessSpec, PythonSpec, Spawner
from .handover import Handover
from .zygote_link import close_all

_FORCE: Final = 5.0
"""Seconds that killed Python code may take. Only what is stuck in the kernel takes longer."""


class TakeOutput(Protocol):
    """Takes over the output of a process."""

    def __call__(
        self,
        address: str,
        process: Process,
        last_words: Callable[[bytes], None] | None = None,
        seek: Seek | None = None,
        log: Log | None = None,
        /,
    ) -> None:
        """Take it, as that of the child at ``address``; others are told of it in any thread."""


@dataclass(slots=True, eq=False)
class _Held:
    process: Process
    stop_signal: int
    grace: float
    force: float
    is_gone: bool = False
    is_taken: bool = False
    """Whether its output is somebody's."""


class Custody:
    """Starts and holds processes for a :class:`~.relay.Relay` in another process.

    When that is gone, they can be ended here.

    Args:
        spawner: starts them.
        take_output: takes their output.
        check_log: sees whether that can be stored.
        redirect: has it stored otherwise.
        handover: what brings descriptors to the relay.
        tell: tells the relay something: ``tell("hear_notice", number, notice)``.
    """

    def __init__(
        self,
        spawner: Spawner,
        take_output: TakeOutput,
        check_log: Callable[[str, Log], Awaitable[None]],
        redirect: Callable[[str, Log | None, int], None],
        handover: Handover,
        tell: Callable[..., None],
    ) -> None:
        self._spawner, self._take_output, self._check_log = spawner, take_output, check_log
        self.redirect = redirect
        self._handover, self._tell = handover, tell
        self._held: dict[int, _Held] = {}

    # What the relay asks for.

    async def spawn(self, number: int, spec: ProcessSpec) -> tuple[int, tuple[str, ...]]:
        """Start a program; return its pid and the limits that are not enforced."""
        process = await self._spawner.spawn(spec, partial(self._hear, number))
        self._held[number] = _Held(process, spec.stop_signal, spec.grace, spec.force)
        return process.pid, process.unenforced

    async def spawn_python(self, number: int, spec: PythonSpec) -> int:
        """Start Python code, hand its descriptors over and return its pid."""
        process, descriptors = await self._spawner.spawn_python(spec, partial(self._hear, number))
        self._held[number] = _Held(process, SIGTERM, spec.grace, _FORCE)
        try:
            await self._handover.send(number, descriptors)
        finally:
            close_all(descriptors)
        return process.pid

    async def check_log(self, address: str, log: Log) -> None:
        """See whether the log of the child at ``address`` can be written."""
        await self._check_log(address, log)

    # What the relay tells.

    def signal(self, number: int, signal: int) -> None:
        """Send a signal to a process, if it is there."""
        if (held := self._held.get(number)) is not None:
            held.process.signal(signal)

    def signal_all(self, number: int, signal: int) -> None:
        """Send a signal to every process of a tree, if it is there."""
        if (held := self._held.get(number)) is not None:
            held.process.signal_all(signal)

    def kill(self, number: int) -> None:
        """Kill a process, if it is there."""
        if (held := self._held.get(number)) is not None:
            held.process.kill()

    def change(self, number: int, spec: ProcessSpec) -> None:
        """Have a process, if it is there, be limited and ended as another spec says."""
        if (held := self._held.get(number)) is not None:
            held.stop_signal, held.grace, held.force = spec.stop_signal, spec.grace, spec.force
            self._spawner.change(held.process, spec)

    def abandon(self, number: int) -> None:
        """Kill a process that nobody wants any more, if it is there."""
        self.kill(number)
        self.discard_output(number)

    def discard_output(self, number: int) -> None:
        """Close the output of a process, if it is there and nobody has taken that."""
        if (held := self._held.get(number)) is not None:
            self._discard(held)
            self._forget_if_over(number, held)

    def take_output(
        self,
        number: int,
        address: str,
        wants_words: bool,
        sought: tuple[bytes, int] | None = None,
        log: Log | None = None,
    ) -> None:
        """Take the output of a process, which may have ended by now.

        ``sought``: pattern and flags of a line that is waited for. ``log``: what becomes of it.
        """
        held = self._held[number]
        token = trio.lowlevel.current_trio_token()

        def tell(*message: Any) -> None:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(self._tell, *message)

        def last_words(words: bytes) -> None:
            tell("hear_last_words", number, words)

        seek = None
        if sought is not None:
            seek = Seek(re.compile(*sought), partial(tell, "hear_line", number))
        words = last_words if wants_words else None
        self._take_output(address, held.process, words, seek, log)
        held.is_taken = True
        self._forget_if_over(number, held)

    def _hear(self, number: int, notice: Notice) -> None:
        held = self._held.get(number)
        if isinstance(notice, Gone) and held is not None:
            held.is_gone = True
            self._forget_if_over(number, held)
        self._tell("hear_notice", number, notice)

    def _discard(self, held: _Held) -> None:
        close_all([fd for fd in held.process.take_output() if fd is not None])
        held.is_taken = True

    def _forget_if_over(self, number: int, held: _Held) -> None:
        if held.is_gone and held.is_taken:
            del self._held[number]

    # The end.

    def kill_all(self) -> None:
        """Kill everything that is held. Never blocks."""
        for held in self._held.values():
            held.process.kill()

    async def end_all(self) -> None:
        """Ask everything that is held to end, kill what does not within its grace, and return
        when nothing lives."""
        async with trio.open_nursery() as nursery:
            for held in list(self._held.values()):
                nursery.start_soon(self._end, held)
        for held in self._held.values():
            self._discard(held)
        self._held.clear()

    async def _end(self, held: _Held) -> None:
        held.process.signal(held.stop_signal)
        with trio.move_on_after(held.grace):
            await held.process.wait_gone()
            return
        held.process.kill()
        with trio.move_on_after(held.force):
            await held.process.wait_gone()
