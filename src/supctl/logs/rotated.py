"""Rotated files: what they are called, and which of them are kept."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from supctl.specs import Log

PART: Final = ".part"
"""End of the name of a file that is being compressed; never that of a whole one."""

_NAME: Final = re.compile(r"\.(\d{8}T\d{6}\.\d{6}Z)(\.gz|\.zst)?")
_LAST_OF_NAME: Final = re.compile(r"\.(\d{8}T\d{6}\.\d{6}Z)$")
_STAMP: Final = "%Y%m%dT%H%M%S.%fZ"
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, order=True)
class Rotated:
    """A rotated file of one log; the older come first.

    Args:
        stamp: the time of its rotation, in UTC, as it is in its name.
        path: where it is.
        size: bytes.
    """

    stamp: str
    path: Path
    size: int

    @property
    def is_compressed(self) -> bool:
        """Whether it has been compressed."""
        return not self.path.name.endswith("Z")

    @property
    def rotated_at_wall(self) -> float:
        """When it was rotated, in seconds since 1970."""
        return datetime.strptime(self.stamp, _STAMP).replace(tzinfo=UTC).timestamp()


def stamp_of(name: str) -> str:
    """Return the stamp of a rotated file that is not compressed, from its name or path; empty if
    it is none."""
    found = _LAST_OF_NAME.search(name)
    return "" if found is None else found[1]


def rotated_files(path: Path) -> list[Rotated]:
    """Return the rotated files of the log whose present file is ``path``, the oldest first.

    One that has just been compressed is there once only, as the compressed one.

    Raises:
        OSError: the directory cannot be read.
    """
    return _look(path)[0]


def leftovers(path: Path) -> list[Path]:
    """Return what a compression that was interrupted has left behind, and nobody needs.

    Raises:
        OSError: the directory cannot be read.
    """
    return _look(path)[1]


def _look(path: Path) -> tuple[list[Rotated], list[Path]]:
    found: dict[str, Rotated] = {}
    needless: list[Path] = []
    for rotated in _entries(path):
        known = found.get(rotated.stamp)
        if rotated.path.suffix == PART:
            needless.append(rotated.path)
        elif known is None or rotated.is_compressed:
            found[rotated.stamp] = rotated
            needless += [known.path] if known else []
        else:
            needless.append(rotated.path)
    return sorted(found.values()), needless


def _entries(path: Path) -> Iterator[Rotated]:
    length, begin = len(path.name), f"{path.name}."
    with os.scandir(path.parent) as entries:
        for entry in entries:
            if entry.name.startswith(begin):
                name = entry.name[length:].removesuffix(PART)
                if (match := _NAME.fullmatch(name)) is not None:
                    yield Rotated(match[1], Path(entry.path), _size(entry))


def _size(entry: os.DirEntry[str]) -> int:
    """Return the size of a file; 0 if it has just been compressed or deleted.

    It is not passed over: who reads all files would miss those lines, as the compressed one may
    have come too late to be listed.
    """
    try:
        return entry.stat().st_size
    except FileNotFoundError:
        return 0


def new_stamp(now: float, latest: str) -> str:
    """Return the stamp of a file that is rotated at ``now`` (seconds since 1970).

    It is later than ``latest``, also if the clock was set back: the order of names is the order
    of lines.
    """
    stamp = datetime.fromtimestamp(now, UTC).strftime(_STAMP)
    if stamp <= latest:
        stamp = (datetime.strptime(latest, _STAMP) + _INSTANT).strftime(_STAMP)
    return stamp


def not_kept(files: Iterable[Rotated], log: Log, now: float) -> list[Rotated]:
    """Return those of ``files``, the oldest first, that ``log`` says are to be deleted.

    Args:
        now: seconds since 1970.
    """
    doomed: list[Rotated] = []
    total = 0
    for number, rotated in enumerate(sorted(files, reverse=True)):
        total += rotated.size
        too_many = log.keep is not None and number >= log.keep
        too_old = log.keep_for is not None and rotated.rotated_at_wall < now - log.keep_for
        too_large = log.keep_size is not None and total > log.keep_size
        if too_many or too_old or too_large:
            doomed.append(rotated)
    return doomed[::-1]
