"""Arbitrary and mutated bytes, split anywhere: only that connection ends, and says why."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from supctl.ipc.framing import HEADER, frame
from tests.fuzz.examples import FRAMES
from tests.fuzz.target import HELLO, LIMIT, converse, decode

sound = st.lists(st.sampled_from(FRAMES), max_size=8).map(b"".join)
framed = st.lists(st.binary(max_size=60).map(frame), max_size=5).map(b"".join)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Sound frames in which some bytes were changed, left out or put in."""
    stream = bytearray(draw(sound))
    for _ in range(draw(st.integers(0, 6))):
        place = draw(st.integers(0, len(stream)))
        removed = draw(st.integers(0, 4))
        stream[place : place + removed] = draw(st.binary(max_size=4))
    return bytes(stream)


@st.composite
def mutated_payloads(draw: st.DrawFn) -> bytes:
    """Frames whose lengths are right, whatever became of what is in them."""
    whole = draw(sound)
    stream, start = b"", 0
    while start < len(whole):
        end = start + HEADER.size + HEADER.unpack_from(whole, start)[0]
        payload = bytearray(whole[start + HEADER.size : end])
        for _ in range(draw(st.integers(0, 2))):
            place = draw(st.integers(0, len(payload)))
            payload[place : place + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
        stream, start = stream + frame(bytes(payload)), end
    return stream


streams = st.binary(max_size=200) | framed | sound | mutated() | mutated_payloads()


def split(stream: bytes, places: list[int]) -> list[bytes]:
    cuts = sorted(place % (len(stream) + 1) for place in places)
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


@given(st.binary(max_size=300) | mutated_payloads().map(lambda stream: stream[HEADER.size :]))
def test_the_decoder_takes_or_refuses_any_bytes(payload: bytes) -> None:
    decode(payload)


@given(st.booleans(), streams, st.lists(st.integers(0, 2000), max_size=8))
def test_a_connection_ends_with_a_reason_whatever_comes(
    has_hello: bool, stream: bytes, places: list[int]
) -> None:
    tracemalloc.start()
    try:
        assert converse(split(HELLO * has_hello + stream, places))
        assert tracemalloc.get_traced_memory()[1] < 8 * LIMIT + 100 * len(stream)
    finally:
        tracemalloc.stop()
