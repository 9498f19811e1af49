"""Programs that daemon and reaper have left behind who were lost in the same moment."""

from __future__ import annotations

import json
import logging
import os
import signal
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

import trio

from supctl.backends.orphans import end_orphans, find_strays

_log = logging.getLogger("supctl.daemon")

_GRACE: Final = 10.0
"""Seconds from SIGTERM to SIGKILL. Which program is which is not known any more."""

_AGAIN: Final = 1.0
"""Seconds after which a disk that was full is tried again."""


class Strays:
    """Remembers what is told of our programs when nobody holds them.

    Args:
        path: of the file that does.

    Attributes:
        ended: pids of those that had to be ended.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.ended: list[int] = []
        self._origins: set[int] = set()
        self._is_written = False

    async def end(self, held: Collection[int] = ()) -> None:
        """End what earlier daemons have started and nobody holds, but for what carries marks that
        are ``held``. None of ours may have started anything yet."""
        left = await trio.to_thread.run_sync(find_strays, self._load(), held)
        if not left:
            return
        self.ended = [pid for found in left.values() for pid in found]
        pids = ", ".join(map(str, self.ended))
        _log.warning("daemon and reaper were both lost; what they left is ended: pid %s", pids)
        async with trio.open_nursery() as nursery:
            for mark in left:
                nursery.start_soon(end_orphans, mark, signal.SIGTERM, _GRACE)
        _log.warning("it has ended")

    async def remember(self, origin: int, *, alone: bool) -> None:
        """Remember a backend of ours; ``alone``: those of before hold nothing any more.

        What cannot be written is logged, and harms nobody as long as not all are lost.
        """
        self._origins = {origin} if alone else {origin, *self._load()}
        if (failure := await self._write()) is not None:
            _log.warning("%s: what we start is not remembered: %s", self._path, failure)

    async def keep(self) -> None:
        """Return when what could not be written is."""
        while not self._is_written:
            await trio.sleep(_AGAIN)
            await self._write()

    async def _write(self) -> OSError | None:
        try:
            await trio.to_thread.run_sync(self._save, self._origins)
        except OSError as error:
            return error
        self._is_written = True
        return None

    def _load(self) -> set[int]:
        with suppress(OSError, ValueError, TypeError):
            return {int(it) for it in json.loads(self._path.read_bytes())}
        return set()

    def _save(self, origins: set[int]) -> None:
        new = self._path.with_suffix(".new")
        with open(new, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            json.dump(sorted(origins), file)
        new.replace(self._path)
