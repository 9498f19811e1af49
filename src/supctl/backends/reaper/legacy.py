"""What a daemon leaves to the next one: texts and descriptors, which mean nothing to us."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

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

    def note(self, key: str, text: str | None) -> None:
        """Keep a text, in place of an earlier one; ``None``: keep none."""
        if text is None:
            self.notes.pop(key, None)
        else:
            self.notes[key] = text

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
