"""Finding in a journal what is to be told of something."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .record import VERSION, decode, marks_of, seq_of
from .segments import segments_of

_ADDRESS: Final = re.compile(
    rb'^[0-9a-f]{8} \{"seq":\d+,"address":("(?:[^"\\]|\\.)*")', re.MULTILINE
)


_STEPS: Final = 8
"""How far back causes of what is told are told, too: in a crash loop all that has ever happened
is one chain."""


@dataclass(frozen=True, slots=True)
class Story:
    """What a journal tells.

    Args:
        events: what is told of somebody, and what that has led to, the oldest first; each as
            :meth:`supctl.events.Event.as_dict` tells it, without ``at``.
        is_cut: whether there were more of them.
        damaged: lines that could not be read; they are missing.
    """

    events: list[dict[str, Any]]
    is_cut: bool
    damaged: int


def read_story(
    directory: Path, addresses: Collection[str], *, since_wall: float = 0.0, most: int = 1000
) -> Story:
    """Return what has happened to those at ``addresses``, to all if none is named, and what has led
    to that, some steps back.

    Reads from the end, and no further than it must. Blocks.

    Args:
        since_wall: seconds since 1970; only causes may be older.
        most: events; the latest.

    Raises:
        OSError: the journal cannot be read.
    """
    marks = [mark for address in addresses for mark in marks_of(address)]
    found: list[dict[str, Any]] = []
    causes: dict[int, int] = {}  # events that are sought, and how many steps from what is told
    own = damaged = 0
    is_over = False  # nothing further back is told for itself
    for line in _backwards(directory):
        seq = seq_of(line)
        is_cause = seq in causes
        is_own = not is_over and (not marks or any(mark in line for mark in marks))
        if not is_own and not is_cause:
            if is_over and not causes:
                break
            continue
        told = decode(line)
        if told is None:
            damaged += 1
            continue
        if is_own and (own == most or told["at_wall"] < since_wall):
            is_over, is_own = True, False
        if is_own or is_cause:
            own += is_own
            found.append(told)
            steps = 1 + min(causes.pop(seq, _STEPS), 0 if is_own else _STEPS)
            if told.get("cause") and steps <= _STEPS:
                causes[told["cause"]] = min(steps, causes.get(told["cause"], steps))
    return Story(found[::-1], is_cut=is_over and own == most, damaged=damaged)


def read_addresses(directory: Path) -> list[str]:
    """Return the addresses of all that the journal tells of, those heard of last last. Blocks.

    Raises:
        OSError: it cannot be read.
    """
    found: dict[str, None] = {}
    for path in segments_of(directory):
        for text in _ADDRESS.findall(_content(path)):
            address = json.loads(text)
            found.pop(address, None)
            found[address] = None
    return [address for address in found if address != "/"]


def _backwards(directory: Path) -> Iterator[bytes]:
    """Yield the lines of all files, the last one first."""
    for path in reversed(segments_of(directory)):
        lines = _content(path).split(b"\n")
        if (begin := decode(lines[0])) is not None and begin.get("journal") != VERSION:
            continue
        # What follows the last end of a line is being written.
        yield from (line for line in reversed(lines[1:-1]) if line)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # it was the oldest, and has been dropped just now
        return b""
