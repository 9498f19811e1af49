"""Frames come out as they went in, however the stream is cut, and garbage is bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.errors import ProtocolError
from supctl.ipc.framing import LARGE, FrameReader, frame


@given(st.lists(st.binary(max_size=60)), st.data())
def test_frames_survive_any_cut(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(map(frame, payloads))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    reader = FrameReader()
    seen: list[bytes] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        seen += map(bytes, reader.feed(stream[start:end]))
    assert seen == payloads
    assert reader.is_between_frames


@given(st.lists(st.binary(max_size=100), max_size=20))
def test_garbage_is_refused_or_waited_for_but_never_held_without_bound(
    chunks: list[bytes],
) -> None:
    reader = FrameReader(limit=64)
    try:
        for chunk in chunks:
            for payload in reader.feed(chunk):
                assert len(payload) <= 64
            assert len(reader._rest) <= 64 + 4
    except ProtocolError:
        pass


def test_length_over_the_limit_is_refused_at_once() -> None:
    reader = FrameReader(limit=10)
    with pytest.raises(ProtocolError, match="a frame of 11 bytes; wanted at most 10"):
        list(reader.feed(b"\0\0\0\x0b"))
    with pytest.raises(ProtocolError, match="a frame of 11 bytes"):
        frame(b"x" * 11, limit=10)


def test_empty_payload_is_a_frame() -> None:
    assert list(FrameReader().feed(frame(b"") + frame(b""))) == [b"", b""]


@pytest.mark.parametrize("step", [1000, LARGE - 1, LARGE, LARGE + 5, 3 * LARGE])
def test_large_frames_are_read_in_place(step: int) -> None:
    payloads = [bytes([index]) * (LARGE - 2 + index) for index in range(5)]
    stream = memoryview(b"".join(map(frame, payloads)))
    reader = FrameReader()
    seen: list[bytes] = []
    while stream:
        room = reader.room()
        taken = min(step, len(stream)) if room is None else min(step, len(stream), len(room))
        if room is None:
            seen += map(bytes, reader.feed(bytes(stream[:taken])))
        else:
            room[:taken] = stream[:taken]
            seen += map(bytes, reader.fill(taken))
        stream = stream[taken:]
    assert seen == payloads
    assert reader.is_between_frames


@pytest.mark.parametrize("step", [1000, LARGE, 3 * LARGE])
def test_large_frames_may_be_fed_too(step: int) -> None:
    payloads = [b"x" * LARGE, b"", b"y" * 3 * LARGE, b"z"]
    stream = b"".join(map(frame, payloads))
    reader = FrameReader()
    cuts = range(0, len(stream), step)
    assert [bytes(p) for cut in cuts for p in reader.feed(stream[cut : cut + step])] == payloads
