"""Output reaches its files, byte for byte, whatever the apps and the disk do."""

from __future__ import annotations

import errno
import hashlib
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from supctl.logs.capture import Capture
from supctl.logs.directory import LogDirectory
from supctl.specs import Log
from supctl.specs.log import LogMode, WhenFull


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[LogDirectory]:
    with LogDirectory(tmp_path / "logs") as held:
        yield held


@pytest.fixture
def capture(directory: LogDirectory) -> Iterator[Capture]:
    capture = Capture(directory)
    yield capture
    capture.close()


class Seen:
    """A tap that tells when what it waits for has passed."""

    def __init__(self) -> None:
        self._queue: queue.Queue[tuple[str, str, bytes]] = queue.Queue()

    def __call__(self, address: str, stream: str, data: bytes) -> None:
        self._queue.put((address, stream, data))

    def until(self, wanted: bytes) -> bytes:
        """Wait until ``wanted`` is seen; return all data up to there."""
        seen = b""
        while wanted not in seen:
            seen += self._queue.get(timeout=10)[2]
        return seen

    def until_end(self) -> None:
        """Wait for the end of one source."""
        while self._queue.get(timeout=10)[2]:
            pass


def stored(directory: LogDirectory, address: str = "/app", stream: str = "stdout") -> bytes:
    return directory.file_of(address, stream).read_bytes()


def pipe(data: bytes = b"") -> int:
    """Return the read end of a pipe that holds ``data`` and has no writer any more."""
    read, write = os.pipe()
    os.write(write, data)
    os.close(write)
    return read


def test_bytes_are_stored_as_they_come(directory: LogDirectory) -> None:
    capture = Capture(directory)
    data = bytes(range(256)) + b"\r\n\0\xff\x1b[2J no newline"
    capture.attach("/web/api:2", "stdout", pipe(data))
    capture.attach("/web/api:2", "stderr", pipe(b"err"))
    capture.close()
    assert stored(directory, "/web/api:2") == data
    assert stored(directory, "/web/api:2", "stderr") == b"err"
    assert directory.file_of("/web/api:2", "stdout") == directory.path / "web/api@2.out.log"


def test_silent_app_has_no_file(directory: LogDirectory) -> None:
    capture = Capture(directory)
    capture.attach("/app", "stdout", pipe())
    capture.close()
    assert not directory.file_of("/app", "stdout").exists()


def test_lives_are_stored_one_after_the_other(directory: LogDirectory) -> None:
    capture = Capture(directory)
    for life in range(50):
        capture.attach("/app", "stdout", pipe(b"%d begins\n%d ends\n" % (life, life)))
    capture.close()
    expected = b"".join(b"%d begins\n%d ends\n" % (life, life) for life in range(50))
    assert stored(directory) == expected


def test_a_grandchild_that_holds_the_old_pipe_does_not_keep_the_new_life_waiting(
    directory: LogDirectory,
) -> None:
    seen = Seen()
    capture = Capture(directory, tap=seen)
    old, holder = os.pipe()
    os.write(holder, b"old\n")
    capture.attach("/app", "stdout", old)
    seen.until(b"old\n")
    capture.attach("/app", "stdout", pipe(b"new\n"))
    seen.until(b"new\n")
    os.write(holder, b"still here\n")
    seen.until(b"still here\n")
    os.close(holder)
    capture.close()
    assert stored(directory) == b"old\nnew\nstill here\n"


def test_close_does_not_wait_for_a_stranger_but_takes_what_it_has_written(
    directory: LogDirectory,
) -> None:
    read, holder = os.pipe()
    capture = Capture(directory)
    capture.attach("/app", "stdout", read)
    os.write(holder, b"last words")
    capture.close(patience=0.0)
    os.close(holder)
    assert stored(directory) == b"last words"


def test_flood_arrives_whole(directory: LogDirectory, programs: Path) -> None:
    lines = 300_000
    capture = Capture(directory)
    command = [sys.executable, "-S", "-I", str(programs / "flood.py"), str(lines)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as flood:
        assert flood.stdout is not None
        capture.attach("/app", "stdout", os.dup(flood.stdout.fileno()))
    capture.close()
    expected = hashlib.sha256()
    for number in range(lines):
        expected.update(b"%099d\n" % number)
    assert hashlib.sha256(stored(directory)).digest() == expected.digest()


def test_last_words_are_kept_for_who_asks(directory: LogDirectory) -> None:
    said: queue.Queue[bytes] = queue.Queue()
    capture = Capture(directory)
    capture.attach("/app", "stderr", pipe(b"x" * 10_000 + b"the end\n"), said.put)
    last = said.get(timeout=10)
    capture.close()
    assert len(last) == 4096
    assert last.endswith(b"xthe end\n")


def test_a_thousand_streams_leave_nothing_open(directory: LogDirectory) -> None:
    before = set(os.listdir("/proc/self/fd")), threading.active_count()
    capture = Capture(directory)
    for number in range(1000):
        capture.attach(f"/app{number}", "stdout", pipe(b"%d\n" % number))
    capture.close()
    assert (set(os.listdir("/proc/self/fd")), threading.active_count()) == before
    assert [stored(directory, f"/app{n}") for n in range(1000)] == [
        b"%d\n" % n for n in range(1000)
    ]


def test_full_disk_is_told_once_and_nothing_is_lost(directory: LogDirectory) -> None:
    file = directory.file_of("/app", "stdout")
    file.symlink_to("/dev/full")
    told: queue.Queue[tuple[str, int, int]] = queue.Queue()
    seen = Seen()
    capture = Capture(directory, tap=seen, on_problem=lambda *facts: told.put(facts))
    capture.attach("/app", "stdout", pipe(b"no room\n"))
    assert told.get(timeout=10) == ("/app", errno.ENOSPC, 0)
    capture.attach("/app", "stdout", pipe(b"still none\n"))
    seen.until(b"still none\n")
    assert [it.state for it in capture.report("/app")] == ["failing"]
    file.unlink()
    assert told.get(timeout=10) == ("/app", 0, 0)
    capture.close()
    assert told.empty()
    assert stored(directory) == b"no room\nstill none\n"


def test_app_runs_on_beside_a_full_disk_if_its_output_may_be_dropped(
    directory: LogDirectory,
) -> None:
    file = directory.file_of("/app", "stdout")
    file.symlink_to("/dev/full")
    seen = Seen()
    log = Log(when_full=WhenFull.DROP, buffer=4096)
    capture = Capture(directory, tap=seen, on_problem=lambda *_: None, log=log)
    read, write = os.pipe()
    capture.attach("/app", "stdout", read)
    for number in range(100):
        line = b"%099d\n" % number * 40
        os.write(write, line)  # more than the pipe holds: somebody empties it
        seen.until(line)
    assert capture.report("/app")[0].dropped_lines == 40 * 98
    file.unlink()
    os.close(write)
    seen.until_end()
    capture.close()
    assert stored(directory) == b"".join(
        [
            *(b"%099d\n" % number * 40 for number in (0, 1)),
            b"[supctl: 3920 lines, 392000 bytes dropped: the log was too slow]\n",
        ]
    )


def test_a_new_life_may_have_another_log(directory: LogDirectory) -> None:
    seen = Seen()
    capture = Capture(directory, tap=seen)
    capture.attach("/app", "stdout", pipe(b"one\n"))
    seen.until_end()
    capture.attach("/app", "stdout", pipe(b"two\n"), log=Log(LogMode.JSON, max_size=4096))
    seen.until_end()
    capture.attach("/app", "stdout", pipe(b"three\n"), log=Log(together=True))
    capture.close()
    first, second = stored(directory).splitlines()
    assert first == b"one"
    assert b'"text":"two"' in second
    assert stored(directory, stream="both") == b"three\n"


def test_failing_tap_does_not_keep_output_from_its_file(
    directory: LogDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    def tap(*_: object) -> None:
        raise ZeroDivisionError

    capture = Capture(directory, tap=tap)
    capture.attach("/app", "stdout", pipe(b"one"))
    capture.attach("/app", "stdout", pipe(b"two"))
    capture.close()
    assert stored(directory) == b"onetwo"
    assert [record.message for record in caplog.records] == [
        "a tap has failed; it sees nothing more"
    ]


def test_attaching_and_closing_from_other_threads(directory: LogDirectory) -> None:
    capture = Capture(directory)

    def attach(number: int) -> None:
        for life in range(20):
            capture.attach(f"/app{number}", "stdout", pipe(b"%d\n" % life))

    threads = [threading.Thread(target=attach, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    capture.close()
    expected = b"".join(b"%d\n" % life for life in range(20))
    assert all(stored(directory, f"/app{number}") == expected for number in range(8))
