"""Output that goes to no file of its own."""

from __future__ import annotations

import os
import re
import select
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from supctl.logs import sinks
from supctl.logs.capture import Capture
from supctl.logs.directory import LogDirectory
from supctl.specs import Log
from supctl.specs.log import LogMode, LogTarget

pytestmark = pytest.mark.usefixtures("nothing_left")


def piped(data: bytes) -> int:
    read, write = os.pipe()
    os.write(write, data)
    os.close(write)
    return read


@contextmanager
def system_socket(path: Path) -> Iterator[socket.socket]:
    """Be the system's logger."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(path))
        listening.settimeout(10)
        yield listening


@contextmanager
def as_descriptor(number: int, target: int) -> Iterator[None]:
    before = os.dup(number)
    os.dup2(target, number)
    try:
        yield
    finally:
        os.dup2(before, number)
        os.close(before)


def test_syslog(directory: LogDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "SYSLOG", str(tmp_path / "log"))
    with system_socket(tmp_path / "log") as listening:
        capture = Capture(directory, log=Log(to=LogTarget.SYSLOG))
        capture.attach("/web/api:2", "stderr", piped(b"one\ntwo"))
        capture.attach("/web/api:2", "stdout", piped(b"three\n"))
        told = sorted(listening.recv(4096) for _ in range(3))
        capture.close()
    at = rb"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d web/api:2: "
    for message, wanted in zip(told, (b"<27>", b"<27>", b"<30>"), strict=True):
        assert re.match(wanted + at, message)
    assert {message.rpartition(b": ")[2] for message in told} == {b"one", b"two", b"three"}
    assert not list(directory.path.glob("*.log"))


def test_journal(directory: LogDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks, "JOURNAL", str(tmp_path / "log"))
    with system_socket(tmp_path / "log") as listening:
        capture = Capture(directory, log=Log(to=LogTarget.JOURNALD))
        capture.attach("/api", "stderr", piped(b"a\0\xffb\n"))
        told = listening.recv(4096)
        capture.close()
    fields, _, message = told.partition(b"MESSAGE\n")
    assert fields.decode().splitlines() == [
        "PRIORITY=3", "SYSLOG_IDENTIFIER=api", "SUPCTL_ADDRESS=/api", "SUPCTL_STREAM=stderr"
    ]  # fmt: skip
    assert message == struct.pack("<Q", 4) + b"a\0\xffb\n"


def test_long_lines_fit_a_message(
    directory: LogDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks, "JOURNAL", str(tmp_path / "log"))
    with system_socket(tmp_path / "log") as listening:
        capture = Capture(directory, log=Log(to=LogTarget.JOURNALD))
        read, write = os.pipe()
        capture.attach("/api", "stdout", read)
        for _ in range(4):
            os.write(write, b"x" * 25_000)
        os.close(write)
        parts = [listening.recv(2**20) for _ in range(3)]
        capture.close()
    assert sum(part.count(b"x") for part in parts) == 100_000
    assert b"[continued] x" in parts[1]


def test_a_logger_that_is_away_is_waited_for(
    directory: LogDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks, "SYSLOG", str(tmp_path / "log"))
    told: list[tuple[str, int, int]] = []
    capture = Capture(
        directory, on_problem=lambda *facts: told.append(facts), log=Log(to=LogTarget.SYSLOG)
    )
    capture.attach("/api", "stdout", piped(b"one\n"))
    while not told:
        select.select([], [], [], 0.01)
    with system_socket(tmp_path / "log") as listening:
        assert listening.recv(4096).endswith(b"api: one")
        capture.close()
    assert [number for _, number, _ in told] == [2, 0]  # ENOENT, and well again


def test_our_own_output_may_be_a_pipe_that_is_full(directory: LogDirectory) -> None:
    read, write = os.pipe()
    log = Log(LogMode.TIMESTAMPED, to=LogTarget.STDERR)
    with as_descriptor(2, write):
        os.close(write)
        capture = Capture(directory, log=log)
        source, writer = os.pipe()
        capture.attach("/api", "stdout", source)
        lines = [b"%099d" % number for number in range(600)]
        os.write(writer, b"\n".join(lines) + b"\n")
        os.close(writer)
        got = b""
        while got.count(b"\n") < 600:
            got += os.read(read, 65536)
        capture.close()
    os.close(read)
    assert [line.rpartition(b" ")[2] for line in got.splitlines()] == lines
    assert all(b"Z /api stdout 0" in line for line in got.splitlines())


def test_our_own_output_may_be_a_file(directory: LogDirectory, tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out, as_descriptor(1, out.fileno()):
        capture = Capture(directory, log=Log(to=LogTarget.STDOUT))
        capture.attach("/a", "stdout", piped(b"one\n"))
        capture.attach("/a", "stderr", piped(b"two"))
        capture.close()
    assert sorted((tmp_path / "out").read_bytes().splitlines()) == [b"one", b"two"]


def test_nothing_is_stored(directory: LogDirectory) -> None:
    capture = Capture(directory, log=Log(mode=LogMode.NONE))
    capture.attach("/a", "stdout", piped(b"one\n"))
    capture.close()
    assert [it.text for it in capture.last_lines("/a")] == [b"one"]
    assert not list(directory.path.glob("*.log"))
