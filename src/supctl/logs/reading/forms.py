"""From stored lines to entries: what each mode of a log has put around a program's own text."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Final, TypeAlias

from .entry import Entry
from .place import Place

Form: TypeAlias = Callable[[bytes, "float | None", float], Entry]
"""Makes an entry of a stored line with its end, when it came if that is known otherwise, and the
order of the line before it."""

_STAMP: Final = rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)"
_TIMED: Final = re.compile(_STAMP + rb" (.*)", re.DOTALL)
_LABELLED: Final = re.compile(_STAMP + rb" (/\S*) (stdout|stderr) (.*)", re.DOTALL)
_OBJECT: Final = re.compile(
    rb'\{"time":"' + _STAMP + rb'","app":"([^"]*)",(?:"instance":(\d+),)?'
    rb'"stream":"(\w+)","pid":\d+,?(.*)',
    re.DOTALL,
)


_QUOTES: Final = 4
"""Those of ``"text":"..."``."""


def form_of(place: Place) -> Form:
    """Return what reads the lines of a log."""
    address, stream = _common(place)
    match place.mode:
        case "timestamped":
            pattern = _LABELLED if place.is_shared else _TIMED
            return lambda line, at, order: _timed(pattern, line, at, order, address, stream)
        case "json":
            return lambda line, at, order: _object(line, at, order, address, stream)
        case _:
            return lambda line, at, order: _raw(line, at, order, address, stream)


def _common(place: Place) -> tuple[str, str]:
    """Return whose a line is that does not say it itself."""
    addresses = {address for address, _ in place.owners}
    if len(addresses) > 1:
        apps = {address.partition(":")[0] for address in addresses}
        addresses = apps if len(apps) == 1 else {place.path.rpartition("/")[2]}
    streams = {stream for _, stream in place.owners}
    return addresses.pop(), streams.pop() if len(streams) == 1 else "both"


def _raw(line: bytes, at: float | None, order: float, address: str, stream: str) -> Entry:
    return Entry(at, order if at is None else at, address, stream, _text(line), line)


def _timed(
    pattern: re.Pattern[bytes],
    line: bytes,
    at: float | None,
    order: float,
    address: str,
    stream: str,
) -> Entry:
    found = pattern.fullmatch(line)
    if found is None:  # of a time when the log had another mode
        return _raw(line, at, order, address, stream)
    wall = _seconds(found[1])
    if pattern is _TIMED:
        return Entry(wall, wall, address, stream, _text(found[2]), line)
    return Entry(wall, wall, found[2].decode(), found[3].decode(), _text(found[4]), line)


def _object(line: bytes, at: float | None, order: float, address: str, stream: str) -> Entry:
    found = _OBJECT.fullmatch(line)
    if found is None:
        return _raw(line, at, order, address, stream)
    stamp, app, instance, name, rest = found.groups()
    wall = _seconds(stamp)
    whose = app.decode() + (f":{instance.decode()}" if instance else "")
    return Entry(wall, wall, whose, name.decode(), _own(_text(rest)), line)


def _own(rest: bytes) -> bytes:
    """Return a program's own line from behind our fields."""
    if rest.startswith(b'"text":"') and rest.endswith(b'"}'):
        if b"\\" not in rest and rest.count(b'"') == _QUOTES:
            return rest[8:-2]  # nothing else, and nothing escaped in it
    elif not rest.startswith((b'"text":', b'"dropped_lines":')):
        return b"{" + rest
    try:
        told = json.loads(b"{" + rest)
    except ValueError:  # whoever wrote it was killed
        return b"{" + rest
    if "text" in told:
        return b64decode(told["base64"]) if "base64" in told else str(told["text"]).encode()
    return b"[supctl: %d lines, %d bytes dropped]" % (told["dropped_lines"], told["dropped_bytes"])


def _text(line: bytes) -> bytes:
    return line.removesuffix(b"\n").removesuffix(b"\r")


@lru_cache(maxsize=16)  # lines that come together have one time
def _seconds(stamp: bytes) -> float:
    return datetime.fromisoformat(stamp.decode()).timestamp()
