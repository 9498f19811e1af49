"""Values arrive as they were sent; what cannot be sent is named; garbage is refused."""

from __future__ import annotations

import math
import re
import tracemalloc
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, auto
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.errors import (
    CannotDecode,
    CannotEncode,
    InvalidConfig,
    ProtocolError,
    RemoteError,
)
from supctl.ipc.codec import Codec, Damaged
from supctl.ipc.framing import HEADER
from supctl.ipc.messages import CALL, RESULT, Kind
from supctl.ipc.registry import Registry


@dataclass(frozen=True)
class User:
    name: str
    photo: Any = None
    greeting: str = field(init=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "greeting", f"hello {self.name}")


@attrs.frozen
class Point:
    x: int
    _y: int


class Price(msgspec.Struct):
    amount: Decimal
    unit: str = "EUR"


class Loose(NamedTuple):
    a: int


class Pair(NamedTuple):
    left: Any
    right: Any


class Colour(Enum):
    RED = (255, 0, 0)


class Access(Flag):
    READ = auto()
    WRITE = auto()


class OutOfStock(Exception):
    def __init__(self, item: str, *, left: int) -> None:
        super().__init__(f"{item}: {left} left")
        self.item, self.left = item, left


TYPES = (User, Point, Price, Pair, Colour, Access)


@pytest.fixture
def codec() -> Codec:
    return codec_for(*TYPES, OutOfStock)


def codec_for(*types: type, limit: int = 2**20) -> Codec:
    registry = Registry()
    for kind in types:
        registry.register(kind)
    return Codec(registry, limit)


def payload_of(codec: Codec, message: list[Any]) -> bytes:
    frame = b"".join(codec.encode(message))
    assert len(frame) == HEADER.size + HEADER.unpack_from(frame)[0]
    return frame[HEADER.size :]


def sent(codec: Codec, value: Any) -> Any:
    return codec.decode(payload_of(codec, [RESULT, 1, value]))[2]


def calling(*args: Any, **kwargs: Any) -> list[Any]:
    return [CALL, 1, "shop", "order", list(args), kwargs, None, None]


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**200), 2**200)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=20)
    | st.datetimes()
    | st.datetimes(timezones=st.timezones())
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.sampled_from([*Colour, Access.READ, Access.READ | Access.WRITE, Path("/tmp"), Path("a/b")])
)
keys = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.sets(keys, max_size=3)
        | st.dictionaries(keys, inner, max_size=3)
        | st.builds(User, st.text(), inner)
        | st.builds(Point, st.integers(), st.integers())
        | st.builds(Price, st.decimals(allow_nan=False), st.text())
        | st.builds(Pair, inner, inner)
    ),
    max_leaves=20,
)


@given(values)
def test_a_value_arrives_as_it_was_sent(value: Any) -> None:
    arrived = sent(codec_for(*TYPES), value)
    assert arrived == value
    assert type(arrived) is type(value)


def test_what_equality_does_not_show(codec: Codec) -> None:
    assert math.isnan(sent(codec, math.nan))
    assert str(sent(codec, Decimal("1.500"))) == "1.500"
    assert sent(codec, [True, 1, 1.0]).__repr__() == "[True, 1, 1.0]"
    moment = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1)
    arrived = sent(codec, moment)
    assert (arrived.tzinfo, arrived.utcoffset()) == (moment.tzinfo, moment.utcoffset())
    assert sent(codec, User("eve")).greeting == "hello eve"


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_bytes_like_values_arrive_as_bytes(codec: Codec, kind: Callable[[bytes], Any]) -> None:
    assert sent(codec, kind(b"x" * 100_000)) == b"x" * 100_000


def test_long_lists_pass(codec: Codec) -> None:
    assert sent(codec, list(range(100_000))) == list(range(100_000))


def test_arrays_arrive_with_type_shape_and_order(codec: Codec) -> None:
    numpy = pytest.importorskip("numpy")
    table = numpy.zeros(3, dtype=[("at", "<f8"), ("who", "S4", (2,))])
    for array in (
        numpy.arange(12.0).reshape(3, 4),
        numpy.asfortranarray(numpy.arange(12).reshape(3, 4)),
        numpy.arange(12)[::2],
        numpy.array(3),
        numpy.zeros((0, 4)),
        numpy.array(["2026-01-01"], dtype="M8[D]"),
        table,
    ):
        arrived = sent(codec, array)
        assert arrived.dtype == array.dtype
        assert arrived.flags.fnc == array.flags.fnc
        numpy.testing.assert_array_equal(arrived, array)
    assert sent(codec, numpy.float32(1.5)) == numpy.float32(1.5)
    with pytest.raises(CannotEncode, match="Python objects"):
        codec.encode(calling(numpy.array([object()])))


class Unknown:
    def __repr__(self) -> str:
        return "<unknown>"


def endless() -> list[Any]:
    loop: list[Any] = []
    loop.append(loop)
    return loop


def deep(levels: int) -> list[Any]:
    nest: list[Any] = []
    for _ in range(levels):
        nest = [nest]
    return nest


@pytest.mark.parametrize(
    ("value", "place", "detail"),
    [
        (Unknown(), "args[0]", "register"),
        ({"user": User("eve", photo=Unknown())}, 'args[0]["user"].photo', "register"),
        ({"user": [1, {2: Unknown()}]}, 'args[0]["user"][1][2]', "register"),
        ({(1, 2): (1, Unknown())}, "args[0][(1, 2)][1]", "register"),
        ({1, Unknown()}, "an element of args[0]", "register"),
        ({Unknown(): 1}, "the key <unknown> of args[0]", "register"),
        (OrderedDict(a=1), "args[0]", "OrderedDict"),
        (Loose(1), "args[0]", "Loose"),
        (["\ud800"], "args[0][0]", "lone surrogate"),
        (memoryview(b"abcd")[::2], "args[0]", "memoryview"),
        ([endless()], "args[0][0][0]", "contains itself"),
        (deep(2000), "args[0][0]", "more than 500 levels"),
        (b"x" * 2**21, "args[0]", "2,097,175 bytes long and may be 1,048,576"),
    ],
)
def test_what_cannot_be_sent_is_named_with_its_place(
    codec: Codec, value: Any, place: str, detail: str
) -> None:
    with pytest.raises(CannotEncode) as caught:
        codec.encode(calling(value))
    assert caught.value.place.startswith(place)
    assert detail in str(caught.value)
    assert sent(codec, "the next one") == "the next one"


def test_the_place_is_told_for_keywords_and_results_too(codec: Codec) -> None:
    with pytest.raises(CannotEncode, match=r'^kwargs\["user"\]\[1\], of type .*Unknown'):
        codec.encode(calling(user=[0, Unknown()]))
    with pytest.raises(CannotEncode, match=r"^the result\[0\], of type"):
        codec.encode([RESULT, 1, [Unknown()]])


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    try:
        raise error from cause
    except Exception as caught:
        return caught


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no", 3),
        FileNotFoundError(2, "gone", "/etc/nothing"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
        ProtocolError("this", "that"),
        CannotDecode("this", "that"),
        OutOfStock("tea", left=0),
        ExceptionGroup("two", [ValueError(1), ExceptionGroup("one", [OutOfStock("tea", left=0)])]),
    ],
)
def test_an_error_arrives_as_its_own_type(codec: Codec, error: Exception) -> None:
    arrived = sent(codec, error)
    assert repr(arrived) == repr(error)
    assert str(arrived) == str(error)
    assert vars(arrived) == vars(error) or isinstance(error, OutOfStock)
    if isinstance(error, OutOfStock):
        assert (arrived.item, arrived.left) == ("tea", 0)


def test_an_unknown_error_arrives_with_all_that_is_to_be_told(codec: Codec) -> None:
    class Strange(Exception):
        pass

    error = raised(Strange("odd", Unknown()), cause=KeyError("why"))
    error.add_note("by the way")
    error.colour, error.thing, error._own = "red", Unknown(), 1  # type: ignore[attr-defined]
    arrived = sent(codec, error)
    assert isinstance(arrived, RemoteError)
    assert arrived.type_name.endswith("Strange")
    assert repr(arrived.fields) == "{'colour': 'red', 'thing': <unknown>}"
    first, trace = arrived.__notes__
    assert first == "by the way"
    assert "KeyError: 'why'" in trace
    assert "direct cause" in trace
    assert "in raised" in trace


def test_an_error_whose_text_fails_is_told_nevertheless(codec: Codec) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    assert "Mute without text: RuntimeError" in str(sent(codec, Mute()))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), StopIteration(1)])
def test_what_python_gives_a_meaning_of_its_own_arrives_as_a_report(
    codec: Codec, error: BaseException
) -> None:
    arrived = sent(codec, error)
    assert isinstance(arrived, RemoteError)
    assert arrived.type_name == type(error).__name__


def test_a_name_that_is_not_registered_here_harms_its_message_only(codec: Codec) -> None:
    payload = payload_of(codec, [RESULT, 7, [User("eve"), 1]])
    with pytest.raises(Damaged) as caught:
        codec_for().decode(payload)
    assert caught.value.message == [RESULT, 7, [None, 1]]
    assert "User" in str(caught.value.error)
    assert sent(codec, 1) == 1


def test_what_the_constructor_refuses_is_refused(codec: Codec) -> None:
    name = f"{__name__}.User"
    forged = [RESULT, 7, [msgpack.ExtType(35, b""), name, {"nobody": 1}]]
    with pytest.raises(Damaged, match="nobody"):
        codec.decode(msgpack.packb(forged))


def test_a_name_is_taken_once() -> None:
    registry = Registry()
    registry.register(User, "shop.User")
    with pytest.raises(InvalidConfig, match="has not taken"):
        registry.register(Point, "shop.User")
    with pytest.raises(InvalidConfig, match="a dataclass"):
        registry.register(Unknown)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        b"\x91",
        b"\x01\x02",
        b"\x91" * 5000,
        b"\x81\x90\x01",
        b"\xdd\xff\xff\xff\xff" * 1000,
        b"\xc9\xff\xff\xff\xff\x01",
    ],
    ids=repr,
)
def test_bytes_that_are_no_value_are_refused(codec: Codec, payload: bytes) -> None:
    with pytest.raises(ProtocolError, match="that are no message"):
        codec.decode(payload)


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 7, 31, 40, 100])
def test_scalars_that_are_broken_or_unknown_are_refused(codec: Codec, code: int) -> None:
    data = b"\xff" * 3 if code != 1 else b""
    if code == 1:
        assert codec.decode(msgpack.packb(msgpack.ExtType(code, data))) == 0
        return
    with pytest.raises(Damaged, match=f"code {code}"):
        codec.decode(msgpack.packb(msgpack.ExtType(code, data)))


def test_no_room_is_made_on_a_hostile_word() -> None:
    payload = (b"\xdd" + HEADER.pack(2**24)) * 400 + bytes(2**24)
    codec = codec_for(limit=2**26)
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError):
            codec.decode(payload)
        assert tracemalloc.get_traced_memory()[1] < 2**28
    finally:
        tracemalloc.stop()


def test_a_large_value_is_copied_once_by_the_sender() -> None:
    codec, value = codec_for(limit=2**26), bytes(2**24)
    tracemalloc.start()
    try:
        header, payload = codec.encode([RESULT, 1, value])
        # msgpack asks for twice what it needs; a second copy would be a third time the value
        assert tracemalloc.get_traced_memory()[1] < 2.5 * len(value)
    finally:
        tracemalloc.stop()
    assert len(header) == HEADER.size
    assert isinstance(payload, memoryview)
    assert codec.decode(payload)[2] == value


def test_moments_are_as_iso_8601_says(codec: Codec) -> None:
    """What a client in another language has to write and read."""
    for value, text in {
        datetime(2026, 1, 2, 3, 4, 5, 6, UTC): "2026-01-02T03:04:05.000006+00:00",
        datetime(2026, 1, 2, 3, 4, 5): "2026-01-02T03:04:05",
        time(3, 4, tzinfo=timezone(timedelta(hours=2))): "03:04:00+02:00",
        date(2026, 1, 2): "2026-01-02",
    }.items():
        extension = msgpack.unpackb(payload_of(codec, [RESULT, 1, value]))[2]
        assert extension.data.decode() == text
    assert msgpack.unpackb(payload_of(codec, [RESULT, 1, UUID(int=7)]))[2].data == bytes(15) + b"\7"


def test_the_example_of_the_documentation_is_right() -> None:
    text = (Path(__file__).parents[2] / "docs/protocol.md").read_text()
    example = text[text.index("## An example") :]
    shown = bytes.fromhex("".join(re.findall(r"(?<![\w.])[0-9a-f]{2}(?= |$)", example, re.M)))
    codec = codec_for()
    frames = [
        *codec.encode([CALL, 1, "counter", "add", [2], {}, 1.5, None]),
        *codec.encode([RESULT, 1, 7]),
    ]
    assert shown == b"".join(frames)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_documented_with_its_number(kind: Kind) -> None:
    text = (Path(__file__).parents[2] / "docs/protocol.md").read_text()
    assert f"| {kind.value} | {kind.name} |" in text
