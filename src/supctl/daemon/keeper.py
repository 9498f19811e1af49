"""Saves what should run, before anybody is told that it will."""

from __future__ import annotations

from pathlib import Path

import trio

from .desired import Desired, DesiredFile


class Keeper:
    """Saves a :class:`Desired` that changes; changes that come together are saved together.

    Args:
        file: where it is kept.
        desired: what is kept.

    Attributes:
        changed: is set when something has changed, and is another one then.
    """

    def __init__(self, file: DesiredFile, desired: Desired) -> None:
        self._file, self.desired = file, desired
        self._changes = self._saved = 0
        self._one_at_a_time = trio.Lock()
        self.changed = trio.Event()

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return self._file.path

    async def keep(self) -> None:
        """Return when all that has changed so far is on the disk.

        Raises:
            StorageFailed: it is not.
        """
        self._changes = wanted = self._changes + 1
        async with self._one_at_a_time:
            if self._saved >= wanted:
                return
            now = self._changes
            await trio.to_thread.run_sync(self._file.save, self.desired.snapshot())
            self._saved = now
            self.changed.set()
            self.changed = trio.Event()
