"""What the disk refuses is counted and told; what it takes is exact."""

from __future__ import annotations

import errno
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from supctl.logs.capture import Capture
from supctl.logs.directory import LogDirectory
from supctl.logs.file import LogFile

pytestmark = pytest.mark.usefixtures("nothing_left")


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file grow beyond ``size`` bytes: a disk that takes the first part of a write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def pipe(data: bytes) -> int:
    """Return the read end of a pipe that holds ``data`` and has no writer any more."""
    read, write = os.pipe()
    os.write(write, data)
    os.close(write)
    return read


def test_what_fits_is_stored_and_the_rest_is_counted(directory: LogDirectory) -> None:
    told: list[tuple[str, int, int]] = []
    file = LogFile(directory, "/app", "stdout", lambda *facts: told.append(facts))
    with largest_file(600):
        file.append(b"x" * 1000)
        file.append(b"x" * 50)
        assert file.is_failing
    file.append(b"room again")
    file.close()
    assert not file.is_failing
    assert told == [("/app", errno.EFBIG, 400), ("/app", 0, 450)]
    assert directory.file_of("/app", "stdout").read_bytes() == b"x" * 600 + b"room again"


def test_second_outbreak_is_told_and_counted_anew(directory: LogDirectory) -> None:
    told: list[tuple[str, int, int]] = []
    file = LogFile(directory, "/app", "stdout", lambda *facts: told.append(facts))
    for _ in range(2):
        with largest_file(0):
            file.append(b"lost")
        file.append(b"kept")
    file.close()
    assert told == [("/app", errno.EFBIG, 4), ("/app", 0, 4)] * 2


def test_outbreak_that_lasts_is_one_over_all_lives_and_told_at_the_close(
    directory: LogDirectory,
) -> None:
    directory.file_of("/app", "stdout").symlink_to("/dev/full")
    told: list[tuple[str, int, int]] = []
    capture = Capture(directory, on_problem=lambda *facts: told.append(facts))
    for words in (b"one", b"two", b"three"):
        capture.attach("/app", "stdout", pipe(words))
    capture.close()
    assert told == [("/app", errno.ENOSPC, 3), ("/app", errno.ENOSPC, 11)]


def test_failing_listener_stops_nothing(
    directory: LogDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError

    directory.file_of("/full", "stdout").symlink_to("/dev/full")
    capture = Capture(directory, on_problem=fails)
    capture.attach("/full", "stdout", pipe(b"lost"))
    capture.attach("/app", "stdout", pipe(b"kept"))
    capture.close()
    assert directory.file_of("/app", "stdout").read_bytes() == b"kept"
    assert {record.message for record in caplog.records} == {"a listener to problems has failed"}


def test_loss_is_not_silent_where_nobody_listens(
    directory: LogDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    directory.file_of("/app", "stdout").symlink_to("/dev/full")
    capture = Capture(directory)
    capture.attach("/app", "stdout", pipe(b"lost"))
    capture.close()
    why = os.strerror(errno.ENOSPC)
    assert caplog.messages[0] == f"/app: output cannot be stored: {why}; 4 bytes lost so far"


def test_files_and_directories_are_not_for_everybody(directory: LogDirectory) -> None:
    before = os.umask(0o022)
    try:
        os.close(directory.open_file("/a/b/app", "stderr"))
    finally:
        os.umask(before)
    file = directory.path / "a" / "b" / "app.err.log"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert {stat.S_IMODE(place.stat().st_mode) for place in file.parents[:2]} == {0o750}
