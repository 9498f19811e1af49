"""What the daemon says of itself: written by a thread, and shown by a command."""

from __future__ import annotations

import logging
import os
import re
import select
import signal
import time
from collections.abc import Iterator

import pytest

from supctl.daemon.logbook import Logbook

from .conftest import Desk


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe that stands in for a disk: it hangs as soon as it is full."""
    ours, theirs = os.pipe()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("supctl", logging.INFO, __file__, 1, text, (), None)


def lost_in(seen: bytes) -> int:
    """Return how many lines are told to be left out, be it bit by bit."""
    return sum(map(int, re.findall(rb"^\.\.\. (\d+) lines are left out.*\n", seen, re.MULTILINE)))


def test_a_disk_that_hangs_holds_up_nobody(pipe: tuple[int, int]) -> None:
    ours, theirs = pipe
    book = Logbook(theirs, most=10)
    text = "x" * 4096
    began_at = time.monotonic()
    for _ in range(100):
        book.emit(record(text))
    assert time.monotonic() - began_at < 5
    seen = b""
    while seen.count(f"{text}\n".encode()) + lost_in(seen) < 100:
        seen += os.read(ours, 65536)
    assert seen.count(f"{text}\n".encode()) + lost_in(seen) == 100
    assert lost_in(seen) >= 100 - 10 - 65536 // 4096 - 1
    book.emit(record("well again"))
    book.close()
    assert b"INFO well again\n" in os.read(ours, 65536)


def test_who_ends_does_not_wait_for_a_disk_that_hangs(pipe: tuple[int, int]) -> None:
    ours, theirs = pipe
    book = Logbook(theirs, most=10, last_words=0.05)
    for _ in range(100):
        book.emit(record("x" * 65536))
    began_at = time.monotonic()
    book.close()
    assert time.monotonic() - began_at < 5
    with book._waiting.mutex:
        book._waiting.queue.clear()
    book._waiting.put(None)
    while book._writer.is_alive():  # or the pipe would be taken from it
        if select.select([ours], [], [], 0.01)[0]:
            os.read(ours, 1 << 20)


def test_a_full_disk_is_told_when_there_is_room_again(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = pipe
    book = Logbook(theirs)
    full = os.open("/dev/full", os.O_WRONLY)
    book._fd = full
    book.emit(record("one"))
    book.emit(record("two"))
    while book._failed < 2:
        time.sleep(0.001)
    book._fd = theirs
    book.emit(record("three"))
    book.close()
    os.close(full)
    assert os.read(ours, 65536).endswith(
        b" INFO three\n... 2 lines are left out: they could not be written\n"
    )


def test_it_is_shown_whether_a_daemon_runs_or_not(desk: Desk) -> None:
    assert desk.run("daemon", "logs") == ""
    desk.run("daemon", "start")
    assert "listens at" in desk.run("daemon", "logs")
    desk.run("kill", "--yes")
    assert " ends\n" in desk.run("daemon", "logs", "-n", "1")
    assert "listens" not in desk.run("daemon", "logs", "-n", "1")


def test_it_is_followed_until_ctrl_c(desk: Desk) -> None:
    with desk.popen("daemon", "logs", "-f", "-n", "1") as command:
        assert command.stdout is not None
        desk.run("daemon", "start")
        assert "listens at" in command.stdout.readline()
        desk.run("kill", "--yes")
        assert " ends" in command.stdout.readline()
        desk.home.log.rename(desk.home.log.with_suffix(".old"))
        desk.run("daemon", "start")
        assert "listens at" in command.stdout.readline()
        command.send_signal(signal.SIGINT)
        assert command.wait(50) == 130
