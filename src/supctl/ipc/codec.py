"""Messages to frames and back, on msgpack. No pickle: what arrives is data, never code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, TypeAlias

from msgpack import ExtType, Packer, Unpacker, unpackb

from supctl.errors import CannotDecode, CannotEncode, InvalidConfig, ProtocolError

from .extensions import (
    COMPOSITES,
    ENUM,
    ERROR,
    LOAN,
    MARKS,
    RECORD,
    SCALARS,
    Form,
    dump_array,
    is_array,
)
from .failures import dump_error, load_error
from .framing import DEFAULT_LIMIT, HEADER, LARGE, REUSED
from .messages import FIELDS, Kind
from .place import find_unsendable
from .registry import DEFAULT, Registry, type_name

Buffer: TypeAlias = bytes | bytearray | memoryview

LEAST_LIMIT: Final = 4096
"""Bytes that a message must be allowed, so that what went wrong can be told."""

_LIKELY_LENGTH: Final = 1 << 14
"""Elements of an array that msgpack makes room for on a peer's word.

Longer ones are believed after a walk over the whole payload, which costs little and makes no
values. Else a few hostile bytes could ask for terabytes: arrays inside arrays, each of which
claims to be as long as the payload.
"""

ONLY_LENT: Final = "an async iterable is lent for the length of a call or a stream; make it an \
argument of its own, and call instead of casting"


class Codec:
    """What turns the messages of one connection into frames and back.

    Args:
        registry: the user's types that may be sent; those of ``@message`` by default.
        limit: bytes of a payload, both ways.

    Attributes:
        borrow: returns what stands for something that the peer lends, by its number.

    Raises:
        InvalidConfig: the limit cannot be one.
    """

    def __init__(self, registry: Registry = DEFAULT, limit: int = DEFAULT_LIMIT) -> None:
        if not LEAST_LIMIT <= limit < 2**32:
            raise InvalidConfig("limit", limit, f"from {LEAST_LIMIT} to {2**32 - 1} bytes")
        self.registry, self.limit = registry, limit
        self.borrow: Callable[[Any], Any] = _borrow_nothing
        self._packer = self._new_packer()
        self._lent: Any = None  # the packer whose memory was given out last
        self._failure: CannotDecode | None = None
        self._unpack_plain: Callable[[Buffer], Any] = partial(
            unpackb, ext_hook=self._load_plain, strict_map_key=False, max_array_len=_LIKELY_LENGTH
        )

    def encode(self, message: list[Any]) -> list[Buffer]:
        """Return a message as one frame, in one piece if it is small.

        A large one is a view of the memory it was packed into, which is used again once nobody
        holds the view any more.

        Raises:
            CannotEncode: a value in it cannot be sent, or all of it is longer than the limit.
        """
        packer = self._packer
        try:
            packer.pack(message)
        except Exception as error:
            self._packer = self._new_packer()
            raise self._explained(message, error) from error
        view = packer.getbuffer()
        length = len(view)
        if length >= LARGE or length > self.limit:
            self._packer = self._spare_packer()
            self._lent = packer if length <= REUSED else None
            if length > self.limit:
                view.release()
                raise self._too_long(message, length)
            return [HEADER.pack(length), view]
        frame = HEADER.pack(length) + view
        view.release()
        packer.reset()
        return [frame]

    def decode(self, payload: Buffer) -> Any:
        """Return the message of one frame; its shape is not checked.

        Raises:
            ProtocolError: these bytes are not one msgpack value.
            Damaged: they are, but a value in it cannot be rebuilt here.
        """
        try:
            message = self._unpack_plain(payload)
        except Exception:  # a composite, a long array, or rubbish
            message = self._decode_fully(payload)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise Damaged(message, failure)
        return message

    def is_lendable(self, value: Any) -> bool:
        """Return whether it is sent by lending it: an async iterable, of no type that is known."""
        return hasattr(type(value), "__aiter__") and type(value) not in self.registry.dumps

    def _decode_fully(self, payload: Buffer) -> Any:
        self._failure = None
        try:
            _walk(payload)
            return unpackb(
                payload, ext_hook=self._load, list_hook=self._load_list, strict_map_key=False
            )
        except Exception as error:
            self._failure = None
            seen = f"{len(payload)} bytes that are no message ({_described(error)})"
            raise ProtocolError(seen, "one msgpack value") from error

    def _load_plain(self, code: int, data: bytes) -> Any:
        if code in MARKS:
            raise _Composite
        return self._load(code, data)

    def _load(self, code: int, data: bytes) -> Any:
        if code in MARKS and not data:
            return MARKS[code]
        load = SCALARS.get(code)
        if load is None:
            return self._fail(f"an extension of code {code}", "one of this protocol")
        try:
            return load(data)
        except Exception as error:
            return self._fail(f"an extension of code {code} ({_described(error)})", "a whole one")

    def _load_list(self, items: list[Any]) -> Any:
        if not items or type(items[0]) is not ExtType:
            return items
        try:
            return self._load_composite(*items)
        except CannotDecode as error:
            self._failure = self._failure or error
            return None
        except Exception as error:
            name = items[1] if items[0].code in (RECORD, ENUM) else "a composite value"
            return self._fail(f"{name!r:.80}", f"one that can be rebuilt: {_described(error)}")

    def _load_composite(self, mark: ExtType, *items: Any) -> Any:
        if mark.code in COMPOSITES:
            return COMPOSITES[mark.code](*items)
        if mark.code == ERROR:
            return load_error(self.registry, *items)
        if mark.code == LOAN:
            return self.borrow(*items)
        name, held = items
        load = self.registry.loads.get(name)
        if load is None:
            raise CannotDecode(
                f"a value of type {name!r:.80}", "a type that is registered here with that name"
            )
        return load(held)

    def _fail(self, got: str, wanted: str) -> None:
        """Keep the first thing that went wrong. The rest is read, to learn whose value it is."""
        self._failure = self._failure or CannotDecode(got, wanted)

    def _dump(self, value: Any) -> Form:
        dump = self.registry.dumps.get(type(value))
        if dump is not None:
            return dump(value)
        if isinstance(value, BaseException):
            return dump_error(value, self.registry, self._fits, self.limit // 8)
        if is_array(value):
            return dump_array(value)
        raise TypeError(ONLY_LENT if self.is_lendable(value) else "")

    def _fits(self, value: Any) -> bool:
        """Return whether a value can be sent, with room for what is around it."""
        try:
            return self._length(value) < self.limit // 4
        except Exception:
            return False

    def _spare_packer(self) -> Any:
        """Return a packer, with memory of its own that has been touched before if possible."""
        spare, self._lent = self._lent, None
        try:
            if spare is not None:
                spare.reset()
                return spare
        except BufferError:
            pass  # its last message is not written yet
        return self._new_packer()

    def _new_packer(self) -> Any:
        return Packer(default=self._dump, strict_types=True, autoreset=False)

    def _explained(self, message: list[Any], error: Exception) -> CannotEncode:
        found = find_unsendable(_placed(message), self._dump)
        return found or CannotEncode("the message", Kind(message[0]).name, _described(error))

    def _too_long(self, message: list[Any], length: int) -> CannotEncode:
        """Return an error that names the longest part: that is the one to look at."""
        place, value = max(_placed(message), key=lambda placed: self._length(placed[1]))
        detail = f"its message is {length:,} bytes long and may be {self.limit:,}; send less, \
or raise the limit at both ends"
        return CannotEncode(place, type_name(type(value)), detail)

    def _length(self, value: Any) -> int:
        packer = self._new_packer()
        packer.pack(value)
        return len(packer.getbuffer())


class Damaged(Exception):
    """A value in a message cannot be rebuilt here.

    Attributes:
        message: the rest of it; in the place of such values is None.
        error: what to tell whoever waits for the message.
    """

    def __init__(self, message: Any, error: CannotDecode) -> None:
        super().__init__(message, error)
        self.message, self.error = message, error


class _Composite(Exception):
    """There is more in this message than the quick way of reading it can rebuild."""


def _walk(payload: Buffer) -> None:
    """Raise unless the payload is one whole value. Makes none of what is in it."""
    walker = Unpacker(max_buffer_size=max(len(payload), 1))
    walker.feed(payload)
    walker.skip()
    if walker.tell() != len(payload):
        raise ValueError("there are bytes after it")


def _borrow_nothing(number: Any) -> Any:
    raise CannotDecode(f"a loan of number {number!r:.40}", "none: there is nobody to ask for it")


def _placed(message: list[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a message as its sender knows them; of arguments, each by itself."""
    for name, value in zip(FIELDS[Kind(message[0])], message[1:], strict=False):
        if name == "args":
            yield from ((f"args[{index}]", item) for index, item in enumerate(value))
        elif name == "kwargs":
            yield from ((f'kwargs["{key}"]', item) for key, item in value.items())
        else:
            yield name, value


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
