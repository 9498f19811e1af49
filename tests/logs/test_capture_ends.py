"""Lives follow each other and the capture ends, whatever strangers hold or pour in."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import pytest

from supctl.logs import capture as capture_module
from supctl.logs.capture import Capture
from supctl.logs.directory import LogDirectory

pytestmark = pytest.mark.usefixtures("nothing_left")


class Flood:
    """A pipe that is full again as soon as it was read: a tap that writes what it sees."""

    def __init__(self) -> None:
        self.read, self.write = os.pipe()
        os.write(self.write, b"flood")
        self.seen_new = threading.Event()

    def __call__(self, address: str, stream: str, data: bytes) -> None:
        if data == b"new":
            self.seen_new.set()
        elif data:
            os.write(self.write, data)


def stored(directory: LogDirectory, address: str = "/app") -> bytes:
    return directory.file_of(address, "stdout").read_bytes()


def test_close_ends_beside_a_flood(directory: LogDirectory) -> None:
    flood = Flood()
    capture = Capture(directory, tap=flood)
    capture.attach("/app", "stdout", flood.read)
    capture.close(patience=0.0)
    os.close(flood.write)
    assert stored(directory).startswith(b"flood")


def test_new_life_is_stored_beside_a_flood_from_the_old(directory: LogDirectory) -> None:
    flood = Flood()
    capture = Capture(directory, tap=flood)
    capture.attach("/app", "stdout", flood.read)
    read, write = os.pipe()
    os.write(write, b"new")
    capture.attach("/app", "stdout", read)
    assert flood.seen_new.wait(10)
    capture.close(patience=0.0)
    os.close(write)
    os.close(flood.write)


class Gate:
    """A tap that holds the capture's thread at the first bytes of ``/gate``."""

    def __init__(self, directory: LogDirectory) -> None:
        self._reached, self._open = threading.Event(), threading.Event()
        self.seen: list[bytes] = []
        self.capture = Capture(directory, tap=self)
        read, write = os.pipe()
        os.write(write, b"!")
        os.close(write)
        self.capture.attach("/gate", "stdout", read)
        assert self._reached.wait(10)

    def __call__(self, address: str, stream: str, data: bytes) -> None:
        if address != "/gate":
            self.seen.append(data)
        elif data:
            self._reached.set()
            assert self._open.wait(10)

    def open(self) -> None:
        self._open.set()


def test_all_that_a_large_old_pipe_holds_comes_before_the_new(directory: LogDirectory) -> None:
    size = 1024 * 1024  # an app may have made its pipe so large; more than one read takes
    gate = Gate(directory)
    old, holder = os.pipe()
    assert fcntl.fcntl(holder, fcntl.F_SETPIPE_SZ, size) == size
    os.write(holder, b"o" * size)
    new, write = os.pipe()
    os.write(write, b"new")
    os.close(write)
    gate.capture.attach("/app", "stdout", old)
    gate.capture.attach("/app", "stdout", new)
    gate.open()
    gate.capture.close(patience=0.0)
    os.close(holder)
    assert stored(directory) == b"o" * size + b"new"


def test_line_that_a_life_began_ends_with_it_though_a_stranger_holds_the_pipe(
    directory: LogDirectory,
) -> None:
    gate = Gate(directory)
    pipes = [os.pipe(), os.pipe()]
    for (read, write), words in zip(pipes, (b"half a li", b"new\n"), strict=True):
        os.write(write, words)
        gate.capture.attach("/app", "stdout", read)
    gate.open()
    gate.capture.close(patience=0.0)
    for _, write in pipes:
        os.close(write)
    assert gate.seen == [b"half a li", b"", b"new\n", b""]


def test_last_words_of_a_killed_program_are_stored(directory: LogDirectory, programs: Path) -> None:
    capture = Capture(directory)
    read, write = os.pipe()
    command = [sys.executable, "-S", "-I", str(programs / "half_line.py")]
    with subprocess.Popen(command, stdout=write):
        os.close(write)
        capture.attach("/app", "stdout", read)
    capture.close()
    assert stored(directory) == b"x"


def test_closed_capture_closes_what_comes_late(directory: LogDirectory) -> None:
    capture = Capture(directory)
    capture.close()
    capture.close()
    read, write = os.pipe()
    capture.attach("/app", "stdout", read)
    with pytest.raises(BrokenPipeError):
        os.write(write, b"nobody reads")
    os.close(write)


def test_what_cannot_be_watched_harms_no_other(
    directory: LogDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    capture = Capture(directory)
    capture.attach("/bad", "stdout", os.open(__file__, os.O_RDONLY))  # epoll takes no files
    read, write = os.pipe()
    os.write(write, b"good")
    os.close(write)
    capture.attach("/app", "stdout", read)
    capture.close()
    assert stored(directory) == b"good"
    assert caplog.messages == ["output of /bad is lost"]


def test_stuck_disk_does_not_keep_the_close_waiting(
    directory: LogDirectory, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_module, "_DISK_PATIENCE", 0.0)
    gate = Gate(directory)  # it holds the thread as a stuck disk would
    gate.capture.close(patience=0.0)
    assert caplog.messages == [f"the last output is not stored: {directory.path} is stuck"]
    gate.open()


def test_waiting_stream_costs_little_memory(directory: LogDirectory) -> None:
    count = 500
    pipes = [os.pipe() for _ in range(count)]
    seen = threading.Event()
    capture = Capture(directory, tap=lambda *_: seen.set())
    tracemalloc.start()
    for number, (read, _) in enumerate(pipes):
        capture.attach(f"/app{number}", "stdout", read)
    os.write(pipes[-1][1], b"all are there")
    assert seen.wait(10)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    for _, write in pipes:
        os.close(write)
    capture.close()
    assert used / count < 1500
