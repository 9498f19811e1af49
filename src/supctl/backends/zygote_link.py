"""The daemon's end of a zygote, and of fresh interpreters: start them, ask them, see them go."""

from __future__ import annotations

import errno
import itertools
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import trio

from supctl.errors import ProtocolError, SpawnFailed

from .base import Gone, Notice, Notify, Process, ProcessSpec, PythonSpec
from .link import Link
from .zygote.child import own_script

Spawn = Callable[..., Awaitable[Process]]

# The user's own interpreter with the user's own flags: what is forked runs the user's code.
# This package and no other of that name: the one that is installed may have been upgraded below us.
_PROGRAM: Final = (
    f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r}); import supctl;"
    "del sys.path[0]; from supctl.backends.zygote.main import main; main()"
)


@dataclass(slots=True)
class Talk:
    """Two pipes that cross, to talk over, and a socket if one is wanted: our ends and theirs."""

    ours: tuple[int, ...]
    theirs: tuple[int, ...]

    @classmethod
    def open(cls, *, with_socket: bool = False) -> Talk:
        """Make them. Raises OSError."""
        made: list[int] = []
        try:
            for _ in range(2):
                made += os.pipe2(os.O_CLOEXEC)
            if with_socket:
                pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                made += [end.detach() for end in pair]
        except OSError:
            close_all(made)
            raise
        in_read, in_write, out_read, out_write, *ends = made
        return cls((in_read, out_write, *ends[:1]), (out_read, in_write, *ends[1:]))


@dataclass(slots=True)
class _Question:
    """A request, and where its answer is put."""

    done: trio.Event = field(default_factory=trio.Event)
    answer: list[Any] | None = None


class ZygoteLink(Link):
    """A zygote, or an interpreter that will be one program, and the socket to it."""

    def __init__(self, ours: socket.socket) -> None:
        super().__init__(ours)
        self.process: Process | None = None
        self.is_lost = False
        self.scope = trio.CancelScope()
        self._numbers = itertools.count(1)
        self._asked: dict[int, _Question] = {}
        self._imported: set[str] = set()

    @classmethod
    async def start(
        cls, spawn: Spawn, spec: PythonSpec, notify: Notify | None, held: int | None = None
    ) -> ZygoteLink:
        """Start an interpreter that is to serve ``spec``.

        Args:
            spawn: of the backend, which holds the interpreter as it holds every program.
            notify: hears, too, what becomes of it.
            held: a descriptor that is held with it, if it is to be kept.

        Raises:
            SpawnFailed, ReaperLost: as for every program.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        link = cls(ours)
        is_alone = spec.start_method == "spawn"

        def hear(notice: Notice) -> None:
            if isinstance(notice, Gone):
                link.lose()
            if notify is not None:
                notify(notice)

        try:
            with theirs:
                link.process = await spawn(
                    ProcessSpec(
                        (sys.executable, *_flags(), "-c", _PROGRAM),
                        env=dict(os.environ),
                        stdin=theirs.fileno(),
                        stdout=is_alone,
                        stderr=is_alone,
                        grace=spec.grace,
                        kept=spec.kept if is_alone else "",
                        notify=held,
                    ),
                    hear,
                )
        except BaseException:
            link.close()
            raise
        return link

    def lose(self) -> None:
        """Know that it is gone; who waits for it is told."""
        self.is_lost = True
        for question in self._asked.values():
            question.done.set()

    async def serve(self) -> None:
        """Hear what it tells until it is gone."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.flush_forever)
            try:
                while True:
                    for message in await self.receive():
                        self._handle(message)
            except (EOFError, ProtocolError):
                nursery.cancel_scope.cancel()
        self.lose()

    def _handle(self, message: list[Any]) -> None:
        match message:
            case ["imported" | "forked", int(number), *answer]:
                if number in self._asked:  # else nobody waits any more
                    self._asked[number].answer = answer
                    self._asked[number].done.set()
            case other:
                raise ProtocolError(repr(other)[:200], "a message of the zygote")

    async def _ask(self, word: str, *about: Any, descriptors: list[int] | None = None) -> list[Any]:
        """Send a request and return its answer. Raises SpawnFailed if the zygote is gone."""
        number = next(self._numbers)
        question = self._asked[number] = _Question()
        try:
            self.send(word, number, *about, descriptors=descriptors)
            if not self.is_lost:
                await question.done.wait()
        finally:
            del self._asked[number]
        if question.answer is None:
            detail = f"its zygote ended before it could {word}"
            raise SpawnFailed(sys.executable, "program", errno.ECHILD, detail)
        return question.answer

    async def prepare(self, spec: PythonSpec) -> None:
        """Have it import what ``spec`` needs and it has not imported yet. One at a time.

        Raises:
            SpawnFailed: something cannot be imported; tells what.
        """
        script = own_script() if spec.needs_script else None
        modules = [spec.entry.partition(":")[0], *spec.preload]
        new = [module for module in modules if module not in self._imported]
        if not new and (script is None or script in self._imported):
            return
        warm_up = spec.warm_up if spec.start_method == "fork" else None
        (problem,) = await self._ask("import", sys.path, new, script, warm_up)
        if problem:
            raise SpawnFailed(spec.entry, "import", 0, problem)
        self._imported.update(new, [script] if script else [])

    async def fork(self, entry: str, descriptors: list[int]) -> int:
        """Fork; return the pid.

        Raises:
            SpawnFailed: the system refused, or the zygote is gone.
        """
        pid, error = await self._ask("fork", entry, len(descriptors), descriptors=descriptors)
        if not pid:
            raise SpawnFailed(sys.executable, "system", error)
        return int(pid)

    def become(self, entry: str, descriptors: list[int]) -> None:
        """Let it be the program ``entry``."""
        self.send("become", entry, len(descriptors), descriptors=descriptors)


def _flags() -> list[str]:
    """Return the flags that this interpreter was started with."""
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return flags


def close_all(descriptors: tuple[int, ...] | list[int]) -> None:
    """Close descriptors."""
    for fd in descriptors:
        os.close(fd)
