"""Tables over tables, key by key, and where each thing that is said then was written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from supctl.specs.log import FILE_ONLY

from .reading import join

Tables = dict[str, Any]
Said = Callable[[str], None]
"""Is told the place of each thing that was taken over, without what lies below it."""

_PROBED: Final = ("ready", "health")
_PROBES: Final = frozenset(
    {"tcp", "http", "exec", "output", "delay", "notify", "watchdog", "path", "status", "body"}
)
"""Keys of a probe: what names it, and details that only one kind of it has."""


class Origins:
    """Where what is said in merged tables was written.

    Args:
        file: that says all of which nothing else is known.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._known: dict[str, tuple[str, str]] = {}

    def note(self, file: str, place: str) -> None:
        """Know that ``file`` says what is at ``place``, at that very place."""
        self._known[place] = (file, place)

    def move(self, place: str, there: str) -> None:
        """Know that what is at ``place`` was written wherever ``there`` was."""
        self._known[place] = self.of(there)

    def of(self, place: str) -> tuple[str, str]:
        """Return the file, and the place in it, where what is at ``place`` was written."""
        near = place
        while near:
            if near in self._known:
                file, there = self._known[near]
                return file, there + place[len(near) :]
            near = near[: max(near.rfind("."), near.rfind("["), 0)]
        return self._file, place


def merge(below: Mapping[str, Any], above: Mapping[str, Any], place: str, said: Said) -> Tables:
    """Return ``below`` with what ``above`` says: tables key by key, anything else as a whole.

    Args:
        place: of both.
        said: is told what ``above`` has set.
    """
    merged = dict(below)
    for key, value in above.items():
        there, old = join(place, key), merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = merge(_fitting(key, old, value), value, there, said)
        else:
            merged[key] = value
            said(there)
    return merged


def complete(own: Mapping[str, Any], usual: Mapping[str, Any], place: str, said: Said) -> Tables:
    """Return ``own`` with what ``usual`` says besides, key by key, in tables as well.

    Args:
        place: of both.
        said: is told what was taken from ``usual``.
    """
    whole = dict(own)
    for key, value in usual.items():
        there = join(place, key)
        if key not in own:
            if not (key in _PROBED and lacks_probe(value)):
                whole[key] = value
                said(there)
        elif isinstance(value, dict) and isinstance(own[key], dict):
            whole[key] = complete(own[key], _fitting(key, value, own[key]), there, said)
    return whole


def lacks_probe(value: object) -> bool:
    """Return whether a ``ready`` or ``health`` only says how to ask, and not what."""
    return isinstance(value, dict) and not _PROBES & value.keys()


def _fitting(key: str, usual: Tables, own: Tables) -> Tables:
    """Return what of ``usual`` still means something beside ``own``."""
    if key in _PROBED and not lacks_probe(own):
        return {name: value for name, value in usual.items() if name not in _PROBES}
    if key == "log" and (own.get("mode") == "none" or own.get("to", "file") != "file"):
        without = {*FILE_ONLY, "to"} if own.get("mode") == "none" else FILE_ONLY
        return {name: value for name, value in usual.items() if name not in without}
    return usual
