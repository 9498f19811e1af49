"""Output goes elsewhere while its program runs: no line is lost, doubled, or torn."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from supctl.logs.capture import Capture
from supctl.logs.directory import LogDirectory
from supctl.specs import Log
from supctl.specs.log import LogMode, WhenFull
from tests.logs.numbered import files_of, line_of, verify

TOTAL = 30_000
PIECE = 1013
"""Bytes that are written at once: hardly ever a whole number of lines."""


class Followed:
    """A tap that lets others wait until so many bytes have come."""

    def __init__(self) -> None:
        self._size, self._has_come = 0, threading.Condition()

    def __call__(self, address: str, stream: str, data: bytes) -> None:
        with self._has_come:
            self._size += len(data)
            self._has_come.notify_all()

    def until(self, size: int) -> None:
        with self._has_come:
            assert self._has_come.wait_for(lambda: self._size >= size, 20)


@pytest.fixture
def tap() -> Followed:
    return Followed()


@pytest.fixture
def capture(nothing_left: None, directory: LogDirectory, tap: Followed) -> Iterator[Capture]:
    capture = Capture(directory, tap)
    yield capture
    capture.close()


class Numbered:
    """Writes numbered lines in pieces that tear them, in several parts, each when it may."""

    def __init__(self, fd: int, parts: int) -> None:
        self._fd = fd
        self._data = b"".join(line_of(number) + b"\n" for number in range(TOTAL))
        self._turns = threading.Semaphore(1)
        self.part = len(self._data) // parts + 1
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def _write(self) -> None:
        for begin in range(0, len(self._data), self.part):
            self._turns.acquire()
            end = min(begin + self.part, len(self._data))
            for at in range(begin, end, PIECE):
                os.write(self._fd, self._data[at : min(at + PIECE, end)])
        os.close(self._fd)

    def go_on(self) -> None:
        """Let it write the next part."""
        self._turns.release()

    def join(self) -> None:
        self._thread.join()


def lines_of(path: Path, mode: LogMode) -> list[bytes]:
    """Return what the program wrote of what is in a file."""
    data = path.read_bytes() if path.exists() else b""
    assert not data or data.endswith(b"\n"), f"{path} ends within a line"
    match mode:
        case LogMode.JSON:
            return [json.loads(line)["text"].encode() for line in data.splitlines()]
        case LogMode.TIMESTAMPED:
            return [line.partition(b"stdout ")[2] for line in data.splitlines()]
    return data.splitlines()


@pytest.mark.parametrize("when_full", [WhenFull.BLOCK, WhenFull.SPILL])
def test_through_many_files_and_forms(
    tmp_path: Path, capture: Capture, tap: Followed, when_full: WhenFull
) -> None:
    modes = [LogMode.RAW, LogMode.TIMESTAMPED, LogMode.JSON, LogMode.RAW, LogMode.RAW] * 8
    logs = [
        Log(mode=mode, file=str(tmp_path / f"{number:02}.log"), when_full=when_full)
        for number, mode in enumerate(modes)
    ]
    reads, writes = os.pipe()
    capture.attach("/app", "stdout", reads, log=logs[0], pid=7)
    writer = Numbered(writes, len(logs))
    for number, log in enumerate(logs[1:]):
        tap.until(number * writer.part + writer.part // 2)  # while the rest of it comes
        capture.redirect("/app", log, 7)
        writer.go_on()
    writer.join()
    capture.close()
    found = [line for log in logs for line in lines_of(Path(str(log.file)), log.mode)]
    assert found == [line_of(number) for number in range(TOTAL)]
    used = [log for log in logs if lines_of(Path(str(log.file)), log.mode)]
    assert len(used) > len(logs) // 2  # one may be followed by the next before a line has come


def test_in_one_file_with_another_policy(
    directory: LogDirectory, capture: Capture, tap: Followed
) -> None:
    reads, writes = os.pipe()
    capture.attach("/app", "stdout", reads, log=Log())
    writer = Numbered(writes, 40)
    for number in range(39):
        tap.until(number * writer.part + writer.part // 2)
        size = (50_000, 200_000, 1_000_000)[number % 3]
        capture.redirect("/app", Log(max_size=size, keep=None), 7)
        writer.go_on()
    writer.join()
    capture.close()
    assert verify(files_of(directory.file_of("/app", "stdout")), TOTAL) > 3


def test_a_line_that_is_begun_ends_where_it_began(
    tmp_path: Path, directory: LogDirectory, capture: Capture, tap: Followed
) -> None:
    reads, writes = os.pipe()
    capture.attach("/app", "stdout", reads)
    os.write(writes, b"one\ntw")
    tap.until(6)
    capture.redirect("/app", Log(file=str(tmp_path / "new.log")), 7)
    os.write(writes, b"o\nthree\n")
    os.close(writes)
    capture.close()
    assert directory.file_of("/app", "stdout").read_bytes() == b"one\ntwo\n"
    assert (tmp_path / "new.log").read_bytes() == b"three\n"


def test_away_from_a_log_that_takes_nothing(
    tmp_path: Path, capture: Capture, tap: Followed
) -> None:
    reads, writes = os.pipe()
    capture.attach("/app", "stdout", reads, log=Log(file="/dev/full"))
    os.write(writes, b"lost\n")
    tap.until(5)
    capture.redirect("/app", Log(file=str(tmp_path / "new.log")), 7)
    os.write(writes, b"stored\n")
    os.close(writes)
    tap.until(12)
    capture.close()
    assert (tmp_path / "new.log").read_bytes() == b"stored\n"


def test_from_nowhere_and_back(tmp_path: Path, capture: Capture, tap: Followed) -> None:
    reads, writes = os.pipe()
    capture.attach("/app", "stdout", reads, log=Log(mode=LogMode.NONE))
    os.write(writes, b"unseen\n")
    tap.until(7)
    capture.redirect("/app", Log(file=str(tmp_path / "new.log")), 7)
    os.write(writes, b"stored\n")
    tap.until(14)
    capture.redirect("/app", Log(mode=LogMode.NONE), 7)
    os.write(writes, b"unseen again\n")
    os.close(writes)
    capture.close()
    assert (tmp_path / "new.log").read_bytes() == b"stored\n"


def test_instances_that_share_a_file_move_one_by_one(
    directory: LogDirectory, capture: Capture, tap: Followed
) -> None:
    ends = [os.pipe() for _ in range(3)]
    for number, (reads, _) in enumerate(ends, 1):
        capture.attach(f"/app:{number}", "stdout", reads, log=Log(merged=True))
    for keep in (3, 4, 5):
        for number, (_, writes) in enumerate(ends, 1):
            capture.redirect(f"/app:{number}", Log(merged=True, keep=keep), 7)
            os.write(writes, b"%d of %d\n" % (keep, number))
    for _, writes in ends:
        os.close(writes)
    capture.close()
    told = directory.file_of("/app", "stdout").read_text().splitlines()
    assert sorted(told) == sorted(f"{keep} of {it}" for keep in (3, 4, 5) for it in (1, 2, 3))


def test_who_has_no_pipe_has_nothing_to_be_moved(capture: Capture) -> None:
    capture.redirect("/nobody", Log(keep=3), 7)
    assert capture.report("/nobody") == []
