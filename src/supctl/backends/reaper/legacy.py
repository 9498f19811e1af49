"""What a daemon leaves to the next one: texts and descriptors, which mean nothing to us."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final

from supctl.errors import ProtocolError

_BATCH: Final = 1024 * 1024
"""Bytes of notes that are told at a time."""


class Legacy:
    """Keeps notes and descriptors, each by a name that a daemon has given it.

    Attributes:
        notes: those that are kept.
        descriptors: those that are held.
    """

    def __init__(
        self, notes: dict[str, str] | None = None, descriptors: dict[str, int] | None = None
    ) -> None:
        self.notes = {} if notes is None else notes
        self.descriptors = {} if descriptors is None else descriptors

    def note(self, told: dict[str, Any]) -> None:
        """Keep texts, in place of earlier ones; ``None``: keep none.

        Raises:
            ProtocolError: something else is among them; nothing is noted.
        """
        if not {str, type(None)}.issuperset(map(type, told.values())):
            raise ProtocolError(repr(told)[:80], "texts")
        self.notes.update(told)
        for key in [key for key, text in told.items() if text is None]:
            del self.notes[key]

    def hold(self, name: str, fd: int) -> None:
        """Keep a descriptor, in place of an earlier one, which is closed."""
        if name in self.descriptors:
            os.close(self.descriptors[name])
        self.descriptors[name] = fd

    def batches(self) -> Iterator[dict[str, str]]:
        """Yield all notes, so many at a time as a message may well hold."""
        batch: dict[str, str] = {}
        size = 0
        for key, text in self.notes.items():
            batch[key] = text
            size += len(key) + len(text)
            if size > _BATCH:
                yield batch
                batch, size = {}, 0
        if batch:
            yield batch

    def close(self) -> None:
        """Keep nothing any more."""
        for fd in self.descriptors.values():
            os.close(fd)
        self.descriptors.clear()
        self.notes.clear()
