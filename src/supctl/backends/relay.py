"""Starting processes from a process that is no parent of any: whoever is above it does that."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Protocol

import trio

from supctl.errors import ConnectionLost, ReaperLost
from supctl.logs.seek import Seek
from supctl.specs import Log

from .base import Gone, Notice, Notify, Process, ProcessSpec, PythonSpec, Spawner
from .handover import Handover
from .reaper import marks
from .told import ToldProcess


class Above(Protocol):
    """The process above, which has a :class:`~.custody.Custody` for us."""

    async def ask(self, method: str, *args: Any) -> Any:
        """Ask the custody; raises ConnectionLost if it is gone."""
        ...

    def tell(self, method: str, *args: Any) -> None:
        """Tell the custody; what is told to somebody who is gone goes nowhere."""
        ...


class RelayedProcess(ToldProcess):
    """A process that the custody holds, with its output: nobody can take that here."""

    __slots__ = ("_above", "number")

    def __init__(self, number: int, above: Above) -> None:
        super().__init__()
        self.number, self._above = number, above

    def signal(self, number: int) -> None:
        if not self.gone:
            self._above.tell("signal", self.number, number)

    def signal_all(self, number: int) -> None:
        if not self.gone:
            self._above.tell("signal_all", self.number, number)

    def kill(self) -> None:
        if not self.gone:
            self._above.tell("kill", self.number)

    def take_output(self) -> tuple[int | None, int | None]:
        self._above.tell("discard_output", self.number)
        return None, None


class Relay(Spawner):
    """Has processes started by the process above.

    Args:
        above: the way there.
        handover: what brings descriptors from there.
    """

    def __init__(self, above: Above, handover: Handover) -> None:
        self._above, self._handover = above, handover
        self._numbers = itertools.count(1)
        self._processes: dict[int, RelayedProcess] = {}
        self._last_words: dict[int, Callable[[bytes], None]] = {}
        self._seeks: dict[int, Seek] = {}

    async def spawn(self, spec: ProcessSpec, notify: Notify | None = None) -> Process:
        process, (pid, unenforced) = await self._begin("spawn", spec, notify)
        process.pid, process.unenforced = pid, tuple(unenforced)
        process.mark = marks.own_mark_of(pid)
        return process

    async def spawn_python(
        self, spec: PythonSpec, notify: Notify | None = None
    ) -> tuple[Process, tuple[int, ...]]:
        process, pid = await self._begin("spawn_python", spec, notify)
        process.pid = pid
        return process, tuple(self._handover.take(process.number))

    async def _begin(
        self, method: str, spec: ProcessSpec | PythonSpec, notify: Notify | None
    ) -> tuple[RelayedProcess, Any]:
        number = next(self._numbers)
        process = self._processes[number] = RelayedProcess(number, self._above)
        try:
            answer = await self._above.ask(method, number, spec)
        except BaseException as error:
            del self._processes[number]
            self._above.tell("abandon", number)  # it may have been started nevertheless
            if isinstance(spec, PythonSpec):
                self._handover.refuse(number)
            if isinstance(error, ConnectionLost):
                raise ReaperLost(error.reason) from None
            raise
        # Not from here: a notice must not come before this call has returned.
        trio.lowlevel.current_trio_token().run_sync_soon(process.listen, notify)
        return process, answer

    async def check_log(self, address: str, log: Log) -> None:
        """See whether the log of the child at ``address`` can be written. Raises StorageFailed."""
        try:
            await self._above.ask("check_log", address, log)
        except ConnectionLost as error:
            raise ReaperLost(error.reason) from None

    def redirect(self, address: str, log: Log | None, pid: int) -> None:
        """Have the output of the child at ``address`` stored as ``log`` says."""
        self._above.tell("redirect", address, log, pid)

    def change(self, process: Process, spec: ProcessSpec) -> None:
        assert isinstance(process, RelayedProcess)
        if not process.gone:
            self._above.tell("change", process.number, spec)

    def take_output(
        self,
        address: str,
        process: Process,
        last_words: Callable[[bytes], None] | None = None,
        seek: Seek | None = None,
        log: Log | None = None,
    ) -> None:
        """Let the output of ``process`` be taken where it is, as that of the child at ``address``.

        ``last_words`` is told the end of its standard error, ``seek`` of a line of either pipe.
        ``log`` says what becomes of it.
        """
        assert isinstance(process, RelayedProcess)
        number = process.number
        if last_words is not None:
            self._last_words[number] = last_words
        if seek is not None and not process.gone:
            self._seeks[number] = seek
        sought = None if seek is None else (seek.pattern.pattern, seek.pattern.flags)
        self._above.tell("take_output", number, address, last_words is not None, sought, log)

    # What the custody tells.

    def hear_notice(self, number: int, notice: Notice) -> None:
        """Hear what has become of a process."""
        process = self._processes.get(number)
        if process is not None:
            if isinstance(notice, Gone):
                del self._processes[number]
                self._seeks.pop(number, None)
            process.notice(notice)

    def hear_last_words(self, number: int, words: bytes) -> None:
        """Hear the end of a standard error."""
        self._last_words.pop(number)(words)

    def hear_line(self, number: int) -> None:
        """Hear that a line was printed that was sought."""
        seek = self._seeks.pop(number, None)
        if seek is not None:
            seek.found()
