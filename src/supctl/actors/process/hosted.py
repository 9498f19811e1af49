"""One life of what has a process of its own, as its supervisor sees it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final

import trio

from supctl.actors.incarnation import Down, Ignored, Incarnation, Killed, NotUp, Tell, Up
from supctl.actors.services import Services
from supctl.backends.base import Exited, Gone, Left, Lost, Notice, Process, PythonSpec
from supctl.errors import ConnectionLost, ProtocolError, SupctlError
from supctl.exits import SHUTDOWN, ExitKind, ExitReason
from supctl.ipc import (
    Codec,
    Connection,
    DescriptorTransport,
    Heartbeat,
    Hello,
    Request,
    open_connection,
)
from supctl.ipc.alarm import Alarm

from .host import HOST

_EXIT_PATIENCE: Final = 2.0
"""Seconds that a process may take to end once what it hosts has, before it is killed."""

_WORDS_PATIENCE: Final = 0.5
"""Seconds to wait for the last words of a process that died; a stranger may hold its stderr."""

_LAST_LINES: Final = 10

_KILL_PATIENCE: Final = 10.0
"""Seconds a killed process may take; as for apps."""


class Hosted(Incarnation):
    """One life of what a :class:`~.host.Host` has in its care, in a process of its own.

    Attributes:
        entry, warm_up: the program of the process, as in :class:`supctl.backends.base.PythonSpec`.
        with_socket: whether descriptors are to be handed down to it.

    Args:
        address: of the child.
        services: shared by all children of the tree.
        tell: hears the reports.
        hung_after: seconds without a sign of life after which it is killed; ``None``: never.
    """

    entry: ClassVar[str]
    warm_up: ClassVar[str | None] = None
    with_socket: ClassVar[bool] = False

    def __init__(
        self, address: str, services: Services, tell: Tell, hung_after: float | None
    ) -> None:
        self._address, self._services, self._tell = address, services, tell
        self._hung_after = hung_after
        self._branch = services.board.add_branch(address)
        self._process: Process | None = None
        self._connection: Connection | None = None
        self._state = "starting"
        self.stopped_for: int | None = None
        """Number of the event for which it is to stop, if there is one."""
        self._killed = self._was_cut_off = self._is_up = False
        self._told: ExitReason | None = None  # by the host
        self._status_reason: ExitReason | None = None  # by the system
        self._over = trio.Event()  # what it hosts has ended, or the process
        self._gone = trio.Event()
        self._alarm = Alarm()
        self._last_words = b""
        self._words_read = trio.Event()

    # What differs from one kind to another.

    @abstractmethod
    def _what(self) -> Sequence[Any]:
        """Return what the host is told to make; raises what cannot be told."""

    @abstractmethod
    def _needs_script(self) -> bool:
        """Return whether it is, or uses, something of the program's own script."""

    @abstractmethod
    def _take_fact(self, fact: Any) -> None:
        """Hear what its host says of it when it is up."""

    # As an incarnation.

    @property
    def state(self) -> str:
        if self._state == "running" and self._over.is_set():
            return "stopping"
        return self._state

    def stop(self) -> None:
        if self._state == "stopping":
            return
        self._state = "stopping"
        if self._connection is None or self.grace <= 0:
            self.kill()
            return
        try:
            self._connection.cast(HOST, "stop", (), {"cause": self.stopped_for}, refusable=False)
        except SupctlError:
            self.kill()
        else:
            self._alarm.set(self.grace)

    def kill(self) -> None:
        self._state, self._killed = "stopping", True
        if self._process is not None:
            self._process.kill()

    def signal(self, number: int) -> None:
        if self._process is not None:
            self._process.signal(number)

    async def run(self) -> None:
        try:
            started = await self._start()
        except (SupctlError, OSError) as error:
            self._services.board.end_branch(self._branch, not_started(error), "", died=True)
            self._tell(NotUp(not_started(error)))
            return
        if started is None:
            self._services.board.end_branch(self._branch, SHUTDOWN, "", died=False)
            self._tell(Down(SHUTDOWN))
            return
        self._process, descriptors = started
        try:
            self._attach_output()
            if self._killed:
                self._process.kill()
            report = await self._serve(descriptors)
            await self._wait_gone()
        except BaseException:  # our own task is ended: nobody would end the process later
            self._process.kill()
            raise
        await self._bury(report)

    async def _start(self) -> tuple[Process, Sequence[int]] | None:
        """Return its process, and the descriptors to talk with it.

        ``None``: we were asked to stop, and none lives. Raises what keeps us from it.
        """
        return await self._spawn()

    async def _spawn(self) -> tuple[Process, Sequence[int]]:
        return await self._services.backend.spawn_python(self._python(), self._hear_notice)

    def _python(self) -> PythonSpec:
        return PythonSpec(
            self.entry,
            self.warm_up,
            with_socket=self.with_socket,
            preload=self._services.preload,
            needs_script=self._needs_script(),
            start_method=self._services.start_method,
            grace=min(self.grace, _KILL_PATIENCE),
        )

    def _attach_output(self) -> None:
        assert self._process is not None
        token = trio.lowlevel.current_trio_token()

        def on_end(words: bytes) -> None:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(self._take_last_words, words)

        self._services.take_output(self._address, self._process, on_end)

    def _take_last_words(self, words: bytes) -> None:
        self._last_words = words
        self._words_read.set()

    # While it lives.

    async def _serve(self, descriptors: Sequence[int]) -> NotUp | Ignored | None:
        """Talk with the process until it is over; return what came instead of a life."""
        read_fd, write_fd = descriptors[:2]
        limit = self._hung_after
        heartbeat = None if limit is None else Heartbeat(interval=limit / 4, limit=limit * 3 / 4)
        try:
            async with open_connection(
                DescriptorTransport(read_fd, write_fd),
                hello=Hello("supervisor"),
                service=self,
                codec=Codec(self._services.board.types),
                greeting=None,  # it takes a moment to begin, and may as well know what for
                heartbeat=heartbeat,
            ) as connection:
                self._connection = self._branch.connection = connection
                return await self._attend(connection)
        except (ConnectionLost, ProtocolError) as error:  # it did not even say hello
            return NotUp(not_started(error))

    async def _attend(self, connection: Connection) -> NotUp | Ignored | None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch_grace)
            nursery.start_soon(self._watch_connection, connection)
            report = await self._begin(connection)
            if report is None:
                await self._over.wait()
            nursery.cancel_scope.cancel()
        return report

    async def _begin(self, connection: Connection) -> NotUp | Ignored | None:
        try:
            match await self._ask_to_begin(connection):
                case ("up", fact):
                    self._take_fact(fact)
                case ("ignored", _):
                    return Ignored()
                case (_, ExitReason() as reason):
                    return NotUp(reason)
        except ConnectionLost as lost:
            self._was_cut_off = True
            return NotUp(not_started(lost))
        except Exception as error:  # such as an argument that cannot be sent
            return NotUp(not_started(error))
        self._be_up()
        return None

    async def _ask_to_begin(self, connection: Connection) -> Any:
        told = ([*self._branch.place], self._address, *self._what())
        return await connection.call(HOST, "begin", told)

    def _be_up(self, age: float | None = None) -> None:
        assert self._process is not None
        if self._state == "starting":
            self._state = "running"
        self._is_up = True
        self._tell(Up(self._process.pid, age=age))

    async def _watch_grace(self) -> None:
        if await self._alarm.sleep():
            self._tell(Killed(self.grace))
            self.kill()

    async def _watch_connection(self, connection: Connection) -> None:
        await connection.closed.wait()
        self._over.set()

    def _hear_notice(self, notice: Notice) -> None:
        match notice:
            case Exited(status):
                self._status_reason = ExitReason.of_status(status)
            case Lost(detail):
                self._status_reason = ExitReason(ExitKind.LOST, detail=detail)
            case Left():  # what it has started ends with it
                assert self._process is not None
                self._process.kill()
            case Gone():
                self._gone.set()
        self._over.set()

    # What its process asks for; as supctl.ipc.Service.

    def call(self, request: Request) -> None:
        """Pass it on."""
        self._services.board.call(request)

    def stream(self, request: Request) -> AsyncIterator[Any]:
        """Pass it on."""
        return self._services.board.stream(request)

    def cast(self, to: str | int, method: str, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Hear how what it hosts has ended, or pass it on."""
        if to == HOST and method == "down":
            self._told = args[0]
            self._over.set()
        else:
            self._services.board.cast(to, method, args, kwargs)

    def cast_failed(self, to: str | int, method: str, error: Exception) -> None:
        """As the switchboard."""
        self._services.board.cast_failed(to, method, error)

    # Its end.

    async def _wait_gone(self) -> None:
        """Return when nothing of the process lives, which takes force if it does not obey."""
        assert self._process is not None
        if self._connection is not None and self._connection.is_hung:
            self._process.kill()
        for patience in (_EXIT_PATIENCE, _KILL_PATIENCE):
            with trio.move_on_after(patience):
                await self._gone.wait()
                return
            self._process.kill()

    async def _bury(self, report: NotUp | Ignored | None) -> None:
        died = self._told is None and not isinstance(report, Ignored)
        if died:
            with trio.move_on_after(_WORDS_PATIENCE):
                await self._words_read.wait()
        reason = self._reason()
        words = self._last_words.decode(errors="replace").rstrip()
        words = "\n".join(words.splitlines()[-_LAST_LINES:])
        self._services.board.end_branch(self._branch, reason, words, died=died)
        if self._was_cut_off:  # before it was up
            told = f"{reason}; its last words:\n{words}" if words else str(reason)
            report = NotUp(ExitReason(ExitKind.START_FAILED, reason.status, told))
        self._tell(Down(reason) if report is None else report)

    def _reason(self) -> ExitReason:
        """Return why it ended: the host knows best, then whoever killed it, then the system."""
        known = self._status_reason or ExitReason(ExitKind.LOST, detail="it cannot be killed")
        if self._told is not None:
            return self._told
        if self._killed:
            return ExitReason(ExitKind.KILLED, known.status)
        if self._connection is not None and self._connection.is_hung:
            return ExitReason(ExitKind.KILLED, known.status, self._connection.reason)
        if known.is_normal:
            return ExitReason(ExitKind.CRASHED, known.status, f"{known.status}, without a word")
        return known


def not_started(error: BaseException) -> ExitReason:
    """Return the reason of a start that failed with ``error``."""
    return ExitReason(ExitKind.START_FAILED, detail=str(error))
