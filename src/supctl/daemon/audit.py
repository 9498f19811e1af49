"""Who has changed what."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from .peer import Peer

_log = logging.getLogger("supctl.daemon")

_SHOWN: Final = frozenset(
    {"names", "project", "source", "timeout", "wait", "force", "rolling", "number", "name"}
)
"""Arguments that are told; a tree is long, and may hold secrets."""


class Audit:
    """A file with a line of JSON for every command that changes something.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def of(self, peer: Peer, method: str, kwargs: Mapping[str, Any]) -> Iterator[None]:
        """Note what is done in the block, and whether it failed."""
        result = "ok"
        try:
            yield
        except BaseException as error:
            result = f"{type(error).__name__}: {error}"
            raise
        finally:
            self._write(
                {
                    "at": time.time(),
                    "user": peer.name,
                    "uid": peer.uid,
                    "pid": peer.pid,
                    "method": method,
                    **{key: value for key, value in kwargs.items() if key in _SHOWN},
                    "result": result,
                }
            )

    def _write(self, told: Mapping[str, Any]) -> None:
        line = json.dumps(told, ensure_ascii=False) + "\n"
        try:
            with open(self._path, "ab", opener=_private) as file:
                file.write(line.encode())
        except OSError as error:  # a full disk must not keep an operator from stopping things
            _log.warning("%s: %s; not noted: %s", self._path, error, line.rstrip())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
