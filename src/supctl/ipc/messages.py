"""The messages of the protocol: what each holds, and what is refused.

A message is a list whose first element is its kind. Numbers of calls are given by the caller,
and count up from 1. Change :data:`VERSION` with any change that an older peer cannot bear.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final

from supctl.errors import ProtocolError

VERSION: Final = 1
"""Of this protocol; a peer of another version is refused."""


class Kind(IntEnum):
    """What a message is. The numbers are the protocol's."""

    HELLO = 0
    BYE = 1
    CALL = 2
    CAST = 3
    RESULT = 4
    ERROR = 5
    ITEM = 6
    END = 7
    CREDIT = 8
    CANCEL = 9
    PING = 10
    PONG = 11


# Plain integers: an enum's own are packed and looked up more slowly.
HELLO, BYE, CALL, CAST, RESULT, ERROR, ITEM, END, CREDIT, CANCEL, PING, PONG = map(int, Kind)

FIELDS: Final = {
    Kind.HELLO: ("version", "role", "pid", "facts"),
    Kind.BYE: ("reason",),
    Kind.CALL: ("number", "target", "method", "args", "kwargs", "seconds", "credit", "chain"),
    Kind.CAST: ("target", "method", "args", "kwargs"),
    Kind.RESULT: ("number", "the result"),
    Kind.ERROR: ("number", "the error"),
    Kind.ITEM: ("number", "the item"),
    Kind.END: ("number",),
    Kind.CREDIT: ("number", "more"),
    Kind.CANCEL: ("number",),
    Kind.PING: ("number",),
    Kind.PONG: ("number",),
}
"""What follows the kind, in order. The chain of a CALL is left out if there is none."""

LONGEST_WAIT: Final = 10**9
"""Seconds that a deadline may be away; whoever would wait longer waits for ever."""


def _is_request(target: Any, method: Any, args: Any, kwargs: Any) -> bool:
    return (
        (type(target) is int or type(target) is str)
        and type(method) is str
        and type(args) is list
        and type(kwargs) is dict
        and (not kwargs or all(type(key) is str for key in kwargs))
    )


def _is_call(m: list[Any]) -> bool:
    return (
        (len(m) == 8 or (len(m) == 9 and _is_chain(m[8])))
        and type(m[1]) is int
        and _is_request(m[2], m[3], m[4], m[5])
        and (m[6] is None or (type(m[6]) in (int, float) and 0 <= m[6] <= LONGEST_WAIT))
        and (m[7] is None or (type(m[7]) is int and m[7] > 0))
    )


def _is_chain(chain: Any) -> bool:
    return type(chain) is dict and all(
        type(name) is type(address) is str for name, address in chain.items()
    )


def _is_cast(m: list[Any]) -> bool:
    return len(m) == 5 and _is_request(m[1], m[2], m[3], m[4])


def _is_about_call(length: int) -> Callable[[list[Any]], bool]:
    return lambda m: len(m) == length and type(m[1]) is int


def _is_hello(m: list[Any]) -> bool:
    """Return whether this is a HELLO; one of another version may say more than we know of."""
    if len(m) < 2 or type(m[1]) is not int:
        return False
    return m[1] != VERSION or (
        len(m) == 5 and type(m[2]) is str and type(m[3]) is int and type(m[4]) is dict
    )


def _is_error(m: list[Any]) -> bool:
    return len(m) == 3 and type(m[1]) is int and (m[2] is None or isinstance(m[2], Exception))


def _is_credit(m: list[Any]) -> bool:
    return len(m) == 3 and type(m[1]) is int and type(m[2]) is int and m[2] > 0


SHAPES: Final[tuple[Callable[[list[Any]], bool], ...]] = (
    _is_hello,
    lambda m: len(m) == 2 and type(m[1]) is str,
    _is_call,
    _is_cast,
    _is_about_call(3),
    _is_error,
    _is_about_call(3),
    _is_about_call(2),
    _is_credit,
    _is_about_call(2),
    _is_about_call(2),
    _is_about_call(2),
)
"""By kind, whether a list is such a message."""


def kind_of(message: Any) -> int:
    """Return the kind of what was received; its shape is right.

    Raises:
        ProtocolError: it is no message of this protocol.
    """
    try:
        kind: int = message[0]
        if type(message) is list and type(kind) is int and kind >= 0 and SHAPES[kind](message):
            return kind
    except (TypeError, LookupError):
        pass
    raise ProtocolError(*_complaint(message))


def _complaint(message: Any) -> tuple[str, str]:
    if type(message) is not list or not message:
        return f"a {type(message).__name__} without a kind", "a list that begins with its kind"
    if type(message[0]) is not int or message[0] not in FIELDS:
        return f"a message of kind {message[0]!r:.40}", f"a kind from 0 to {max(Kind):d}"
    kind = Kind(message[0])
    seen = ", ".join(type(item).__name__ for item in message[1:10])
    return f"a message {kind.name} of ({seen})", f"({', '.join(FIELDS[kind])})"
