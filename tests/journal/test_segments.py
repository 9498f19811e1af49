"""The journal's files: what survives a torn write, a flipped byte, and the lack of room."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from supctl import events
from supctl.journal.reading import read_addresses, read_story
from supctl.journal.record import decode, encode, line_of, seq_of
from supctl.journal.segments import Segments, segments_of


def started(seq: int, address: str = "/web", cause: int | None = None) -> events.Event:
    return events.ChildStarted(
        seq=seq, address=address, cause=cause, at=1.0, at_wall=1000.0 + seq, pid=seq, restarts=0
    )


def write(directory: Path, *seqs: int) -> None:
    segments = Segments(directory)
    segments.open()
    for seq in seqs:
        segments.append(line_of(started(seq)))
    segments.close()


def seq_of_last(segments: Segments) -> int:
    last = segments.open()
    assert last is not None
    seq: int = last["seq"]
    return seq


def seqs(directory: Path) -> list[int]:
    return [it["seq"] for it in read_story(directory, []).events]


def test_a_line_holds_an_event() -> None:
    line = line_of(started(7)).removesuffix(b"\n")
    told = decode(line)
    assert told is not None
    assert events.event_of(told) == events.ChildStarted(
        seq=7, address="/web", at_wall=1007.0, pid=7, restarts=0
    )
    assert seq_of(line) == 7


def test_any_text_is_one_line() -> None:
    line = encode({"lines": ["a\nb", "\udcff", "\x00", "ü"]})
    assert line.count(b"\n") == 1
    assert decode(line.removesuffix(b"\n")) == {"lines": ["a\nb", "\udcff", "\x00", "ü"]}


def test_each_life_goes_on_where_the_one_before_has_ended(tmp_path: Path) -> None:
    write(tmp_path, 1, 2)
    segments = Segments(tmp_path)
    assert seq_of_last(segments) == 2
    segments.append(line_of(started(3)))
    segments.close()
    assert seqs(tmp_path) == [1, 2, 3]
    assert len(segments_of(tmp_path)) == 1


def test_a_torn_end_is_cut_off_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "whole", 1, 2, 3)
    (whole,) = segments_of(tmp_path / "whole")
    data, last = whole.read_bytes(), len(line_of(started(3)))
    for length in range(len(data) - last, len(data)):  # every byte of the last record
        directory = tmp_path / str(length)
        directory.mkdir()
        (directory / whole.name).write_bytes(data[:length])
        assert seqs(directory) == [1, 2]  # for those who only look
        caplog.clear()
        segments = Segments(directory)
        with caplog.at_level(logging.WARNING):
            assert seq_of_last(segments) == 2
        is_torn = length > len(data) - last
        assert ("torn" in caplog.text) == is_torn
        segments.append(line_of(started(4)))
        segments.close()
        assert seqs(directory) == [1, 2, 4]


def test_a_torn_header_is_written_again(tmp_path: Path) -> None:
    write(tmp_path, 1)
    (path,) = segments_of(tmp_path)
    path.write_bytes(path.read_bytes()[:5])
    write(tmp_path, 2)
    assert seqs(tmp_path) == [2]


def test_a_flipped_byte_costs_the_record_that_it_is_in(tmp_path: Path) -> None:
    write(tmp_path, 1, 2, 3)
    (path,) = segments_of(tmp_path)
    data = path.read_bytes()
    begin = data.index(line_of(started(2)))
    for place in range(begin, begin + len(line_of(started(2))) - 1):
        if data[place] ^ 1 == 10:
            continue  # that makes two lines of it
        flipped = bytearray(data)
        flipped[place] ^= 1
        path.write_bytes(flipped)
        story = read_story(tmp_path, [])
        assert [it["seq"] for it in story.events] == [1, 3]
        assert story.damaged == 1
    flipped = bytearray(data)
    flipped[data.index(b"\n", begin)] ^= 1  # the end of the line: two are one
    path.write_bytes(flipped)
    assert seqs(tmp_path) == [1]


def test_the_oldest_file_is_dropped(tmp_path: Path) -> None:
    line = len(line_of(started(10)))
    segments = Segments(tmp_path, size=5 * line, kept=3)
    segments.open()
    for seq in range(10, 100):
        segments.append(line_of(started(seq)))
    segments.close()
    files = segments_of(tmp_path)
    assert len(files) == 3
    assert sum(path.stat().st_size for path in files) <= 3 * 6 * line
    told = seqs(tmp_path)
    assert told == list(range(told[0], 100))
    assert len(told) >= 10
    again = Segments(tmp_path, size=5 * line, kept=3)
    assert seq_of_last(again) == 99
    again.close()


def test_what_was_torn_by_a_full_disk_is_a_line_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    real, room = os.write, [20]

    def write_little(fd: int, data: bytes) -> int:
        if room[0] == 0:
            raise OSError(28, "No space left on device")
        written = real(fd, data[: room[0]])
        room[0] -= written
        return written

    segments = Segments(tmp_path)
    segments.open()
    segments.append(line_of(started(1)))
    monkeypatch.setattr(os, "write", write_little)
    with pytest.raises(OSError, match="No space"):
        segments.append(line_of(started(2)))
    monkeypatch.setattr(os, "write", real)
    segments.append(line_of(started(3)))
    segments.close()
    assert seqs(tmp_path) == [1, 3]


def test_a_file_of_another_version_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, 1)
    (path,) = segments_of(tmp_path)
    strange = encode({"journal": 99}) + b"who knows\n"
    path.write_bytes(strange)
    write(tmp_path, 2)
    assert path.read_bytes() == strange
    assert seqs(tmp_path) == [2]


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    write(tmp_path / "journal", 1)
    (path,) = segments_of(tmp_path / "journal")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_what_is_told_of_one_comes_with_its_causes(tmp_path: Path) -> None:
    segments = Segments(tmp_path)
    segments.open()
    for event in (
        started(1, "/db"),
        started(2, "/noise"),
        started(3, "/db", cause=1),
        started(4, "/web", cause=3),
        started(5, "/webber"),
        started(6, "/web"),
    ):
        segments.append(line_of(event))
    segments.close()
    assert [it["seq"] for it in read_story(tmp_path, ["/web"]).events] == [1, 3, 4, 6]
    latest = read_story(tmp_path, ["/web"], most=1)
    assert [it["seq"] for it in latest.events] == [6]
    assert latest.is_cut
    since = read_story(tmp_path, ["/web"], since_wall=1004.0)
    assert [it["seq"] for it in since.events] == [1, 3, 4, 6]
    assert not since.is_cut
    assert [it["seq"] for it in read_story(tmp_path, [], since_wall=1005.0).events] == [5, 6]
    assert read_addresses(tmp_path) == ["/noise", "/db", "/webber", "/web"]


def test_there_may_be_no_journal(tmp_path: Path) -> None:
    assert read_story(tmp_path / "none", []).events == []
    assert read_addresses(tmp_path / "none") == []


def test_a_chain_of_causes_is_told_some_steps_back(tmp_path: Path) -> None:
    segments = Segments(tmp_path)
    segments.open()
    for seq in range(1, 101):
        segments.append(line_of(started(seq, cause=seq - 1)))
    segments.close()
    told = [it["seq"] for it in read_story(tmp_path, ["/web"], most=10).events]
    assert told == list(range(83, 101))
