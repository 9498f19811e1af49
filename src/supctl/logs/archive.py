"""Compresses rotated files and deletes those that are not kept, when nobody waits for it."""

from __future__ import annotations

import gzip
import logging
import os
import threading
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final

from supctl.specs import Log
from supctl.specs.log import Compress

from .marks import marks_of
from .rotated import PART, Rotated, leftovers, not_kept, rotated_files

_log = logging.getLogger("supctl.logs")

_BLOCK: Final = 256 * 1024
_SUFFIXES: Final = {Compress.GZIP: ".gz", Compress.ZSTD: ".zst"}
_LOWEST: Final = 19
"""Niceness: what an app has to do comes first."""


class Archivist:
    """Tends the rotated files of many logs, in a thread that lives while there is work.

    A compressed file gets its name when it is whole and on the disk, and only then the other
    is deleted. What is interrupted is done at the next time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards what follows
        self._waiting: dict[Path, Log] = {}
        self._thread: threading.Thread | None = None
        self._closing = False

    def tend(self, path: Path, log: Log) -> None:
        """Have the rotated files of the log at ``path`` tended, soon. Never blocks."""
        with self._lock:
            self._waiting[path] = log
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(
                    target=self._run, name="supctl-archivist", daemon=True
                )
                self._thread.start()

    def close(self, patience: float) -> None:
        """Break off; ``patience``: seconds that a stuck disk may take."""
        with self._lock:
            self._closing, thread = True, self._thread
        if thread is not None:
            thread.join(patience)

    def wait_idle(self, patience: float) -> bool:
        """Wait until there is nothing to do, or ``patience`` seconds; return whether that is."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(patience)
        return thread is None or not thread.is_alive()

    # In the thread.

    def _run(self) -> None:
        _become_nice()
        while (work := self._next()) is not None:
            path, log = work
            try:
                self._tend(path, log)
            except FileNotFoundError:
                pass  # somebody has emptied the log meanwhile
            except OSError as error:
                _log.warning("%s: rotated files cannot be tended: %s", path, error)

    def _next(self) -> tuple[Path, Log] | None:
        with self._lock:
            if self._closing or not self._waiting:
                self._thread = None
                return None
            return self._waiting.popitem()

    def _tend(self, path: Path, log: Log) -> None:
        for left in leftovers(path):
            left.unlink(missing_ok=True)
        files = _delete(rotated_files(path), log)
        if log.compress is not None:
            for rotated in files:
                if not rotated.is_compressed and not self._closing:
                    self._compress(rotated, log.compress)
            _delete(rotated_files(path), log)

    def _compress(self, rotated: Rotated, how: Compress) -> None:
        whole = rotated.path.with_name(rotated.path.name + _SUFFIXES[how])
        part = whole.with_name(whole.name + PART)
        try:
            if self._write(rotated.path, part, how):
                part.rename(whole)
                rotated.path.unlink()
        finally:
            part.unlink(missing_ok=True)

    def _write(self, source: Path, part: Path, how: Compress) -> bool:
        """Write ``part``; return whether it is whole."""
        made = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        with open(made, "wb") as raw, source.open("rb") as plain:
            with _compressor(raw, how) as packed:
                while block := plain.read(_BLOCK):
                    if self._closing:
                        return False
                    packed.write(block)
            raw.flush()
            os.fsync(raw.fileno())
        return True


def _delete(files: list[Rotated], log: Log) -> list[Rotated]:
    """Delete those that are not kept and return the others."""
    doomed = not_kept(files, log, time.time())
    for rotated in doomed:
        rotated.path.unlink(missing_ok=True)
        Path(marks_of(str(rotated.path))).unlink(missing_ok=True)
    return [rotated for rotated in files if rotated not in doomed]


def _compressor(raw: IO[bytes], how: Compress) -> Any:
    """Return a writer, a context manager, that compresses into ``raw`` and leaves it open."""
    if how is Compress.GZIP:
        return gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6)
    try:
        return import_module("compression.zstd").ZstdFile(raw, "w")
    except ModuleNotFoundError:  # a Python before 3.14
        packer = import_module("zstandard").ZstdCompressor()
        return packer.stream_writer(raw, closefd=False)


def _become_nice() -> None:
    """Let this thread come last, on systems where a thread can be nice by itself."""
    number = threading.get_native_id()
    if Path(f"/proc/self/task/{number}").exists():
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, number, _LOWEST)
