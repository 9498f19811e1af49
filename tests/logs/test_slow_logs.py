"""A log that is slow, full or stuck for ever holds up its own app at the most, and no other."""

from __future__ import annotations

import fcntl
import json
import os
import queue
import select
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from supctl.logs.capture import Capture, Tap
from supctl.logs.directory import LogDirectory
from supctl.logs.file import LogFile
from supctl.logs.peek import waiting_in
from supctl.specs import Log
from supctl.specs.log import LogMode, WhenFull

pytestmark = pytest.mark.usefixtures("nothing_left")


class Gate:
    """Holds every write to the file of ``/stuck`` until it is opened, as a hung mount would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self._open = threading.Event(), threading.Event()
        for name in ("write", "move", "pour"):
            monkeypatch.setattr(LogFile, name, self._holding(getattr(LogFile, name)))

    def _holding(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def held(file: LogFile, *details: Any) -> Any:
            if Path(file.path).name.startswith("stuck"):
                self.reached.set()
                assert self._open.wait(30)
            return method(file, *details)

        return held

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate(monkeypatch)
    yield gate
    gate.open()


class App:
    """Our end of the pipe of an app, which does not wait when it is full."""

    def __init__(self, capture: Capture, address: str, log: Log | None = None) -> None:
        read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        fcntl.fcntl(read, fcntl.F_SETPIPE_SZ, 65536)
        capture.attach(address, "stdout", read, log=log)
        self.said = bytearray()

    def say(self, data: bytes) -> None:
        """Say ``data``, which the pipe has room for, or will have soon."""
        while data:
            assert select.select([], [self._write], [], 10)[1]
            written = os.write(self._write, data)
            self.said += data[:written]
            data = data[written:]

    def flood(self, size: int) -> int:
        """Say so many bytes or until nobody has taken any for a while; return how many."""
        line, before = b"%099d\n" % 7 * 40, len(self.said)
        while len(self.said) - before < size and select.select([], [self._write], [], 0.3)[1]:
            written = os.write(self._write, line)
            self.said += line[:written]
        return len(self.said) - before

    def until_taken(self) -> None:
        """Wait until nothing of it is in the pipe."""
        while waiting_in(self._write):
            time.sleep(0.001)

    def end(self) -> None:
        os.close(self._write)


class Heard:
    """A tap that tells what has been heard."""

    def __init__(self) -> None:
        self._queue: queue.Queue[tuple[str, bytes]] = queue.Queue()

    def __call__(self, address: str, stream: str, data: bytes) -> None:
        self._queue.put((address, data))

    def until(self, address: str, wanted: bytes) -> None:
        seen = b""
        while wanted not in seen:
            found, data = self._queue.get(timeout=10)
            seen += data if found == address else b""


def stored(directory: LogDirectory, address: str) -> bytes:
    return directory.file_of(address, "stdout").read_bytes()


def made(directory: LogDirectory, tap: Tap | None = None) -> Capture:
    return Capture(directory, tap, on_problem=lambda *_: None)


def test_a_stuck_log_delays_no_other(directory: LogDirectory, gate: Gate) -> None:
    heard = Heard()
    capture = made(directory, heard)
    stuck, other = App(capture, "/stuck", Log(LogMode.JSON)), App(capture, "/other")
    stuck.say(b"first\n")
    assert gate.reached.wait(10)
    begun = time.monotonic()
    other.say(b"still heard\n")
    heard.until("/other", b"still heard\n")
    assert time.monotonic() - begun < 1.0
    assert stored(directory, "/other") == b"still heard\n"
    stuck.say(b"second\n")
    heard.until("/stuck", b"second\n")  # who follows it does not wait for the disk
    assert [it.state for it in capture.report("/stuck")] == ["slow"]
    late = App(capture, "/late")  # and a new app starts
    late.say(b"hello\n")
    heard.until("/late", b"hello\n")
    gate.open()
    for app in (stuck, other, late):
        app.end()
    capture.close()
    told = map(json.loads, stored(directory, "/stuck").splitlines())
    assert [it["text"] for it in told] == ["first", "second"]


def test_many_stuck_logs_delay_no_other(directory: LogDirectory, gate: Gate) -> None:
    heard = Heard()
    capture = made(directory, heard)
    stuck = [App(capture, f"/stuck{number}") for number in range(20)]
    other = App(capture, "/other")
    for number in range(5):
        for app in stuck:
            app.say(b"%d\n" % number)
        other.say(b"%d heard\n" % number)
        heard.until("/other", b"%d heard\n" % number)
    gate.open()
    for app in (*stuck, other):
        app.end()
    capture.close()
    for number in range(20):
        assert stored(directory, f"/stuck{number}") == b"0\n1\n2\n3\n4\n"


def test_block_lets_the_app_wait_and_loses_nothing(directory: LogDirectory, gate: Gate) -> None:
    capture = made(directory)
    app = App(capture, "/stuck")
    app.say(b"begin\n")
    assert gate.reached.wait(10)
    taken = app.flood(10 * 2**20)
    assert taken < 1.5 * 2**20  # two pipes and what is in hand
    (report,) = capture.report("/stuck")
    assert report.waiting_bytes <= 2**19
    assert report.blocked > 0
    gate.open()
    app.flood(2**20)
    app.end()
    capture.close()
    assert stored(directory, "/stuck") == app.said
    assert capture.report("/stuck")[0].waiting_bytes == 0


def test_spill_keeps_so_much_in_memory_before_the_app_waits(
    directory: LogDirectory, gate: Gate
) -> None:
    capture = made(directory)
    app = App(capture, "/stuck", Log(when_full=WhenFull.SPILL, buffer=4 * 2**20))
    app.say(b"begin\n")
    assert gate.reached.wait(10)
    taken = app.flood(20 * 2**20)
    assert 4 * 2**20 <= taken < 6 * 2**20
    gate.open()
    app.flood(2**20)
    app.end()
    capture.close()
    assert stored(directory, "/stuck") == app.said


@pytest.mark.parametrize("mode", [LogMode.RAW, LogMode.TIMESTAMPED])
def test_drop_says_how_much_and_the_app_never_waits(
    directory: LogDirectory, gate: Gate, mode: LogMode
) -> None:
    capture = made(directory)
    app = App(capture, "/stuck", Log(mode, when_full=WhenFull.DROP, buffer=2**20))
    app.say(b"begin\n")
    assert gate.reached.wait(10)
    assert app.flood(20 * 2**20) >= 20 * 2**20
    app.until_taken()
    gate.open()
    app.say(b"the end\n")
    app.end()
    capture.close()
    lines = stored(directory, "/stuck").split(b"\n")
    (note,) = [line for line in lines if b"[supctl: " in line]
    (report,) = capture.report("/stuck")
    counts = f"{report.dropped_lines} lines, {report.dropped_bytes} bytes dropped".encode()
    assert counts in note
    assert len(lines) - 2 + report.dropped_lines == app.said.count(b"\n")
    assert {line[-99:] for line in lines} - {note[-99:]} <= {
        b"%099d" % 7, b"", *(line[-99:] for line in lines if line.endswith((b"begin", b"the end")))
    }  # fmt: skip


def test_restarts_beside_a_stuck_log_do_not_fill_the_memory(
    directory: LogDirectory, gate: Gate
) -> None:
    heard = Heard()
    capture = made(directory, heard)
    App(capture, "/stuck").end()
    for life in range(150):
        app = App(capture, "/stuck")
        app.say(b"%099d\n" % life * 600)
        app.end()
        other = App(capture, f"/other{life}")
        other.say(b"here\n")
        heard.until(f"/other{life}", b"here\n")
        other.end()
    (report,) = capture.report("/stuck")
    assert report.waiting_bytes < 6 * 2**20
    gate.open()
    capture.close()
    assert report.dropped_bytes > 0
    assert b"bytes dropped" in stored(directory, "/stuck")


def test_a_fifo_that_nobody_reads_holds_up_its_app_only(directory: LogDirectory) -> None:
    heard = Heard()
    capture = made(directory, heard)
    fifo = directory.file_of("/fifo", "stdout")
    os.mkfifo(fifo)
    app, other = App(capture, "/fifo"), App(capture, "/other")
    app.say(b"nobody reads\n")
    other.say(b"here\n")
    heard.until("/other", b"here\n")
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    got = b""
    while b"nobody reads\n" not in got:
        assert select.select([reader], [], [], 10)[0]
        got += _read(reader)
    app.flood(2**20)  # more than the FIFO takes
    other.say(b"still here\n")
    heard.until("/other", b"still here\n")
    app.end()
    while got != app.said:
        assert select.select([reader], [], [], 10)[0]
        got += _read(reader)
    other.end()
    capture.close()
    os.close(reader)


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 65536)
    except BlockingIOError:
        return b""


def test_close_does_not_wait_for_a_fifo_that_nobody_reads(directory: LogDirectory) -> None:
    told: list[tuple[str, int, int]] = []
    capture = Capture(directory, on_problem=lambda *facts: told.append(facts))
    fifo = directory.file_of("/fifo", "stdout")
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    app = App(capture, "/fifo")
    taken = app.flood(2**20)
    begun = time.monotonic()
    app.end()
    capture.close(patience=0.2)
    assert time.monotonic() - begun < 5.0
    in_fifo = len(os.read(reader, 2**20))
    os.close(reader)
    (report,) = capture.report("/fifo")
    assert report.lost_bytes == taken - in_fifo
    assert told[-1][2] == report.lost_bytes


def test_idle_capture_does_nothing(directory: LogDirectory) -> None:
    heard = Heard()
    capture = made(directory, heard)
    app = App(capture, "/app")
    app.say(b"busy for a moment\n")
    heard.until("/app", b"busy for a moment\n")
    assert _settled() == _settled()
    app.end()
    capture.close()


def _settled() -> int:
    """Return how often our threads have slept and woken, once that does not change any more."""
    before = -1
    for _ in range(100):
        now = _switches()
        if now == before:
            return now
        before = now
        time.sleep(0.1)
    raise AssertionError("something wakes up again and again")


def _switches() -> int:
    own = threading.get_native_id()
    total = 0
    for task in Path("/proc/self/task").iterdir():
        if int(task.name) != own:
            for line in (task / "status").read_text().splitlines():
                if line.startswith("voluntary_ctxt_switches"):
                    total += int(line.split()[1])
    return total
