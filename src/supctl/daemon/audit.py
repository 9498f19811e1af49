"""Who has changed what."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import trio

from .peer import Peer

_log = logging.getLogger("supctl.daemon")

_SHOWN: Final = frozenset(
    {
        "names",
        "project",
        "source",
        "profile",
        "timeout",
        "wait",
        "force",
        "rolling",
        "number",
        "name",
    }
)
"""Arguments that are told; a tree is long, and may hold secrets."""


class Audit:
    """A file with a line of JSON for every command that changes something.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._one_at_a_time = trio.Lock()
        self._under_way = 0
        self._one_is_done = trio.Event()

    @asynccontextmanager
    async def of(self, peer: Peer, method: str, kwargs: Mapping[str, Any]) -> AsyncIterator[str]:
        """Note what is done in the block, and whether it failed; the block is given the name of the
        peer's user."""
        result, user = "ok", peer.name
        self._under_way += 1
        try:
            yield user
        except BaseException as error:
            result = f"{type(error).__name__}: {error}"
            raise
        finally:
            told = {
                "at": time.time(),
                "user": user,
                "uid": peer.uid,
                "pid": peer.pid,
                "method": method,
                **{key: value for key, value in kwargs.items() if key in _SHOWN},
                "result": result,
            }
            with trio.CancelScope(shield=True):  # what was done is noted, whoever has hung up
                async with self._one_at_a_time:
                    await trio.to_thread.run_sync(self._write, told)
            self._under_way -= 1
            self._one_is_done.set()
            self._one_is_done = trio.Event()

    async def idle(self, *, but: int = 0) -> None:
        """Return when no command is under way that changes something, or not more than ``but``."""
        while self._under_way > but:
            await self._one_is_done.wait()

    def _write(self, told: Mapping[str, Any]) -> None:
        line = json.dumps(told, ensure_ascii=False) + "\n"
        try:
            with open(self._path, "ab", opener=_private) as file:
                file.write(line.encode())
        except OSError as error:  # a full disk must not keep an operator from stopping things
            _log.warning("%s: %s; not noted: %s", self._path, error, line.rstrip())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
