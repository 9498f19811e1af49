"""Processes that are started by one side and wanted by the other."""

from __future__ import annotations

import errno
import os
import re
import signal
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import psutil
import pytest
import trio

from supctl.backends.base import Backend, Exited, Gone, Notice, Process, ProcessSpec, PythonSpec
from supctl.backends.custody import Custody
from supctl.backends.handover import Handover
from supctl.backends.platform import open_backend
from supctl.backends.posix_process import PosixProcess
from supctl.backends.relay import Relay
from supctl.errors import ConnectionLost, ProtocolError, ReaperLost, SpawnFailed, StorageFailed
from supctl.exits import ExitStatus
from supctl.logs.seek import Seek
from supctl.specs import Log

ENV = {"PATH": os.environ["PATH"]}


class Line:
    """Both sides in one process; what one says the other hears at once."""

    def __init__(self, backend: Backend) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.handovers = Handover(ours.detach()), Handover(theirs.detach())
        self.taken: dict[str, Process] = {}
        self.redirected: list[tuple[str, Log | None, int]] = []
        self.is_cut = False
        self.custody = Custody(
            backend,
            self._take_output,
            self._check_log,
            self._redirect,
            self.handovers[0],
            self._tell_relay,
        )
        self.relay = Relay(self, self.handovers[1])

    def _redirect(self, address: str, log: Log | None, pid: int) -> None:
        self.redirected.append((address, log, pid))

    def _take_output(
        self,
        address: str,
        process: Process,
        last_words: Callable[[bytes], None] | None = None,
        seek: Seek | None = None,
        log: Log | None = None,
        /,
    ) -> None:
        self.taken[address] = process
        if seek is not None and seek.pattern.search(b"now listening"):
            seek.found()
        if last_words is not None:
            last_words(b"that was all")

    async def _check_log(self, address: str, log: Log) -> None:
        if log.file is not None:
            raise StorageFailed(log.file, errno.EACCES, "a log")

    def _tell_relay(self, method: str, *args: Any) -> None:
        getattr(self.relay, method)(*args)

    async def ask(self, method: str, *args: Any) -> Any:
        if self.is_cut:
            raise ConnectionLost("the custody", "it was cut")
        return await getattr(self.custody, method)(*args)

    def tell(self, method: str, *args: Any) -> None:
        getattr(self.custody, method)(*args)

    def close(self) -> None:
        for handover in self.handovers:
            handover.close()


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with open_backend() as backend:
        line = Line(backend)
        yield line
        await line.custody.end_all()
        line.close()


async def test_a_program_lives_its_life(line: Line) -> None:
    notices: list[Notice] = []
    process = await line.relay.spawn(ProcessSpec(("sh", "-c", "exit 3"), ENV), notices.append)
    assert process.pid > 0
    await process.wait_gone()
    assert (await process.wait()).code == 3
    await trio.testing.wait_all_tasks_blocked()
    exited, gone = notices
    assert isinstance(exited, Exited)
    assert gone == Gone()


async def test_signals_reach_it(line: Line) -> None:
    process = await line.relay.spawn(ProcessSpec(("sleep", "1000"), ENV))
    process.signal(signal.SIGUSR1)
    assert (await process.wait()).signal == signal.SIGUSR1
    other = await line.relay.spawn(ProcessSpec(("sleep", "1000"), ENV))
    other.kill()
    await other.wait_gone()
    assert (await other.wait()).signal == signal.SIGKILL
    other.kill()
    other.signal(signal.SIGTERM)


async def test_what_changes_is_changed_on_the_other_side(line: Line) -> None:
    process = await line.relay.spawn(ProcessSpec(("sleep", "1000"), ENV))
    line.relay.change(process, ProcessSpec(("sleep", "1000"), ENV, stop_signal=2, grace=3.0))
    line.relay.redirect("/a", Log(keep=3), process.pid)
    (held,) = line.custody._held.values()
    assert isinstance(held.process, PosixProcess)
    assert (held.stop_signal, held.grace) == (2, 3.0)
    assert (held.process.terms.stop_signal, held.process.terms.grace) == (2, 3.0)
    assert line.redirected == [("/a", Log(keep=3), process.pid)]
    process.kill()
    await process.wait_gone()
    line.relay.change(process, ProcessSpec(("sleep", "1000"), ENV))


async def test_a_line_is_sought_on_the_other_side(line: Line) -> None:
    process = await line.relay.spawn(ProcessSpec(("sleep", "1000"), ENV))
    found = trio.Event()
    line.relay.take_output("/a", process, None, Seek(re.compile(rb"LISTENING", re.I), found.set))
    with trio.fail_after(5):
        await found.wait()
    line.relay.hear_line(process.number)  # type: ignore[attr-defined]  # the other pipe's
    process.kill()
    await process.wait_gone()


async def test_its_output_is_taken_on_the_other_side(line: Line) -> None:
    process = await line.relay.spawn(ProcessSpec(("sh", "-c", "echo words"), ENV))
    await process.wait_gone()  # a life may be shorter than a message takes
    words: list[bytes] = []
    line.relay.take_output("/a", process, words.append)
    stdout, stderr = line.taken["/a"].take_output()
    assert stdout is not None
    assert stderr is not None
    assert os.read(stdout, 100) == b"words\n"
    os.close(stdout)
    os.close(stderr)
    await trio.testing.wait_all_tasks_blocked()
    assert words == [b"that was all"]
    assert process.take_output() == (None, None)


@pytest.mark.parametrize("method", ["fork", "spawn"])
async def test_descriptors_are_handed_down(line: Line, method: str) -> None:
    spec = PythonSpec("tests.backends.entries:echo_over_socket", with_socket=True)
    spec = PythonSpec(spec.entry, with_socket=True, start_method=method)
    process, (read_fd, write_fd, socket_fd) = await line.relay.spawn_python(spec)
    told, tell = os.pipe2(os.O_CLOEXEC)
    with socket.socket(fileno=socket_fd) as handed:
        socket.send_fds(handed, [b"x"], [tell])
    os.close(tell)
    os.write(write_fd, b"hello")
    await trio.lowlevel.wait_readable(told)
    assert os.read(told, 100) == b"hello"
    for fd in (told, read_fd, write_fd):
        os.close(fd)
    assert (await process.wait()) is not None
    assert (await process.wait()).code == 0


async def test_a_start_that_fails_says_why(line: Line) -> None:
    with pytest.raises(SpawnFailed, match="no_such_program"):
        await line.relay.spawn(ProcessSpec(("no_such_program",), ENV))
    with pytest.raises(SpawnFailed, match="no_such_module"):
        await line.relay.spawn_python(PythonSpec("no_such_module:main"))
    line.is_cut = True
    with pytest.raises(ReaperLost, match="it was cut"):
        await line.relay.spawn(ProcessSpec(("sleep", "1000"), ENV))


async def test_what_is_not_wanted_any_more_is_killed(line: Line) -> None:
    started: list[int] = []

    async def ask(method: str, *args: Any) -> Any:
        pid = await getattr(line.custody, method)(*args)
        started.append(pid)
        nursery.cancel_scope.cancel()  # it has begun, and nobody hears of it
        await trio.sleep_forever()

    line.ask = ask  # type: ignore[method-assign]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(line.relay.spawn_python, PythonSpec("tests.backends.entries:echo"))
    _, alive = await trio.to_thread.run_sync(
        psutil.wait_procs, [psutil.Process(pid) for pid in started if psutil.pid_exists(pid)], 10
    )
    assert alive == []
    with pytest.raises(ProtocolError, match="no descriptors"):
        line.handovers[1].take(1)


async def test_all_that_is_held_can_be_ended(line: Line) -> None:
    deaf = ("sh", "-c", "trap '' TERM; echo; while :; do sleep 1; done")
    ends: list[ExitStatus] = []

    def hear(notice: Notice) -> None:
        if isinstance(notice, Exited):
            ends.append(notice.status)

    process = await line.relay.spawn(ProcessSpec(deaf, ENV, grace=0.1), hear)
    line.relay.take_output("/deaf", process)
    stdout, stderr = line.taken["/deaf"].take_output()
    assert stdout is not None
    assert stderr is not None
    await trio.lowlevel.wait_readable(stdout)  # it is deaf from here on
    await line.relay.spawn(ProcessSpec(("sleep", "1000"), ENV), hear)
    await line.custody.end_all()
    assert {end.signal for end in ends} == {signal.SIGTERM, signal.SIGKILL}
    os.close(stdout)
    os.close(stderr)


async def test_a_full_socket_is_waited_for() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    send, take = Handover(ours.detach()), Handover(theirs.detach())
    sent = 0

    async def send_all() -> None:
        nonlocal sent
        for number in range(2000):
            await send.send(number, [0])
            sent = number + 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_all)
        taken = 0
        while taken < 2000:
            await trio.testing.wait_all_tasks_blocked()
            assert sent - taken < 2000
            for number in range(taken, sent):
                os.close(*take.take(number))
            taken = sent
    send.close()
    take.close()


async def test_a_log_is_looked_at_on_the_other_side(line: Line) -> None:
    await line.relay.check_log("/app", Log(required=True))
    with pytest.raises(StorageFailed, match="/no/such"):
        await line.relay.check_log("/app", Log(file="/no/such"))
    line.is_cut = True
    with pytest.raises(ReaperLost):
        await line.relay.check_log("/app", Log())
