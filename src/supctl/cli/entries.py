"""Lines of output, shown: behind names, as JSON, or as they are."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from supctl.logs.reading.entry import Entry
from supctl.logs.reading.follower import Follower

from .paint import is_painted

_BARS: Final = {"stdout": "|", "stderr": "!", "both": "|"}

Show: TypeAlias = Callable[[Entry], bytes]
"""Returns what is shown of an entry, with its end."""


def write(entries: Iterable[Entry], show: Show) -> None:
    """Show entries on standard output, all that come at once together."""
    out = sys.stdout.buffer
    out.writelines(map(show, entries))
    out.flush()


def show_on(follower: Follower, show: Show) -> bool:
    """Show what has come, and wait for more; return whether anybody is there to see it."""
    write(follower.read(), show)
    return not follower.wait(sys.stdout.fileno())


def as_json_line(entry: Entry) -> bytes:
    """Return it as an object, the one that ``mode = "json"`` would have stored."""
    return entry.as_json().encode("utf-8", "backslashreplace") + b"\n"


def as_stored(entry: Entry) -> bytes:
    """Return it as it is in the file, to the byte."""
    return entry.stored


def text_only(entry: Entry) -> bytes:
    """Return what the program wrote."""
    return _text(entry) + b"\n"


class Prefixed:
    """Shows lines behind the names of their apps, if there are several, and their times, where
    these are stored with them.

    Args:
        addresses: whose lines there will be; others may come.
    """

    def __init__(self, addresses: Iterable[str]) -> None:
        self._names: dict[str, str] = {}
        self._prefixes: dict[tuple[str, str], bytes] = {}
        self._width = 0
        for address in addresses:
            self.add(address)

    def add(self, address: str) -> None:
        """Be ready for another one."""
        self._names.setdefault(address, address.strip("/"))
        if len(self._names) > 1:
            self._width = max(map(len, self._names.values()))
        self._prefixes.clear()

    def __call__(self, entry: Entry) -> bytes:
        if entry.address not in self._names:
            self.add(entry.address)
        key = entry.address, entry.stream
        prefix = self._prefixes.get(key)
        if prefix is None:
            prefix = self._prefixes[key] = self._prefix(*key)
        if entry.is_wrapped and entry.time is not None:
            prefix += entry.time.encode() + b" "
        return prefix + _text(entry) + b"\n"

    def _prefix(self, address: str, stream: str) -> bytes:
        from supctl.logs.display import COLOURS

        if not self._width:
            return b""
        told = f"{self._names[address]:<{self._width}} {_BARS[stream]} "
        if is_painted():
            place = list(self._names).index(address)
            told = f"\x1b[{COLOURS[place % len(COLOURS)]}m{told}\x1b[0m"
        return told.encode()


def _text(entry: Entry) -> bytes:
    """Return the text; on a terminal, without what would wreck that."""
    if not sys.stdout.isatty():
        return entry.text
    from supctl.logs.display import harmless

    return harmless(entry.text).encode("utf-8", "backslashreplace")
