"""Writing to the journal never blocks and never fails, whatever its disk does."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

import pytest

from supctl import events
from supctl.journal import journal as journal_module
from supctl.journal.journal import Journal
from supctl.journal.reading import read_story
from supctl.journal.segments import Segments


def started(seq: int) -> events.Event:
    return events.ChildStarted(
        seq=seq, address="/web", at=1.0, at_wall=1000.0 + seq, pid=seq, restarts=0
    )


class Stuck(Segments):
    """A disk that holds up whoever writes, until it is let go."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.reached, self.let_go = threading.Event(), threading.Event()

    def append(self, lines: bytes) -> None:
        if b"seq" in lines:
            self.reached.set()
            self.let_go.wait()
        super().append(lines)


class Failing(Segments):
    """A disk without room, until there is some."""

    has_room = False

    def append(self, lines: bytes) -> None:
        if not self.has_room:
            raise OSError(28, "No space left on device")
        super().append(lines)


def test_what_was_noted_is_written_when_it_has_settled(tmp_path: Path) -> None:
    journal = Journal.at(tmp_path)
    for seq in range(1, 200):
        journal.note(started(seq))
    assert journal.settle(10)
    assert [it["seq"] for it in read_story(tmp_path, []).events] == list(range(1, 200))
    journal.close()


def test_two_lives_are_one_journal(tmp_path: Path) -> None:
    first = Journal.at(tmp_path)
    assert first.last_seq == 0
    first.note(started(1))
    first.note(started(2))
    first.close()
    second = Journal.at(tmp_path)
    assert second.last_seq == 2
    second.note(started(3))
    second.close()
    assert [it["seq"] for it in read_story(tmp_path, []).events] == [1, 2, 3]


def test_a_stuck_disk_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal_module, "_WAITING", 10)
    disk = Stuck(tmp_path)
    journal = Journal(disk)
    journal.note(started(1))
    disk.reached.wait()
    began_at = time.monotonic()
    for seq in range(2, 100):
        journal.note(started(seq))
    assert not journal.settle(0.01)
    with caplog.at_level(logging.ERROR):
        journal.close(0.01)
    assert time.monotonic() - began_at < 2
    assert "stuck" in caplog.text
    disk.let_go.set()
    journal.close(10)
    told = read_story(tmp_path, []).events
    assert [it["seq"] for it in told if it["event"] == "child_started"] == list(range(1, 12))


def test_what_a_full_disk_did_not_take_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal_module, "_AGAIN", 0.0)
    disk = Failing(tmp_path)
    with caplog.at_level(logging.WARNING):
        journal = Journal(disk)
        for seq in range(1, 4):
            journal.note(started(seq))
        assert journal.settle(10)
    assert caplog.text.count("No space left") == 1  # said once
    disk.has_room = True
    journal.note(started(4))
    journal.close()
    gap, after = read_story(tmp_path, []).events
    assert (gap["event"], gap["count"]) == ("events_missed", 3)
    assert after["seq"] == 4
