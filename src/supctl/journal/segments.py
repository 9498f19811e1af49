"""The files of the journal: appended to one after the other; the oldest is dropped."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any, Final

from .record import VERSION, decode, header, seq_of

_log = logging.getLogger("supctl.journal")

SIZE: Final = 2 * 1024 * 1024
"""Bytes after which the next file is begun."""

KEPT: Final = 8
"""Files that are kept: some 40,000 events in all."""

_SUFFIX: Final = ".journal"


def segments_of(directory: Path) -> list[Path]:
    """Return the files of a journal, the oldest first; none if it is not there.

    Raises:
        OSError: the directory cannot be read.
    """
    try:
        found = [it for it in directory.iterdir() if it.suffix == _SUFFIX and it.stem.isdigit()]
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda path: int(path.stem))


class Segments:
    """The end of a journal, to be written to by one thread of one process.

    Nothing is forced onto the disk: what was written survives the end of the process, however
    that comes, and not the end of the machine.

    Args:
        directory: of the files; made if need be, for nobody else to read.
        size: bytes after which the next file is begun.
        kept: how many files are kept.
    """

    def __init__(self, directory: Path, size: int = SIZE, kept: int = KEPT) -> None:
        self._directory, self._size, self._kept = directory, size, kept
        self._fd = -1
        self._held = 0
        self._is_torn = False

    def open(self) -> dict[str, Any] | None:
        """Open the last file, and return the last numbered event; ``None`` if there is none.

        What was torn at its end is cut off, and the log says so.

        Raises:
            OSError: it cannot be used; another :meth:`open` may succeed.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        there = segments_of(self._directory)
        last = next((told for path in reversed(there) if (told := _last_event(path))), None)
        if not there or _is_strange(there[-1]):
            self._begin(there)
        else:
            self._fd = os.open(there[-1], os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
            self._cut(there[-1])
        return last

    @property
    def is_open(self) -> bool:
        """Whether it can be appended to."""
        return self._fd >= 0

    def append(self, lines: bytes) -> None:
        """Append whole lines.

        Raises:
            OSError: they are not kept, or only some of them.
        """
        if self._held >= self._size:
            self.close()
            self._begin(segments_of(self._directory))
        # After a write that failed half-way, what is left of it is a line for itself.
        todo = b"\n" + lines if self._is_torn else lines
        self._is_torn = True
        while todo:
            written = os.write(self._fd, todo)
            self._held += written
            todo = todo[written:]
        self._is_torn = False

    def close(self) -> None:
        """Close the file. Closing again does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _begin(self, there: list[Path]) -> None:
        """Begin the next file, and drop the oldest ones."""
        number = int(there[-1].stem) + 1 if there else 1
        path = self._directory / f"{number:08}{_SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._fd, self._held, self._is_torn = os.open(path, flags, 0o600), 0, False
        try:
            self.append(header())
        except OSError:
            self.close()
            path.unlink(missing_ok=True)
            raise
        for old in there[: max(0, len(there) + 1 - self._kept)]:
            old.unlink(missing_ok=True)

    def _cut(self, path: Path) -> None:
        data = path.read_bytes()
        whole = _whole(data)
        if whole < len(data):
            torn = len(data) - whole
            _log.warning("%s: the last %d bytes were torn, and are cut off", path, torn)
            os.ftruncate(self._fd, whole)
        self._held, self._is_torn = whole, False
        if not whole:
            self.append(header())


def _whole(data: bytes) -> int:
    """Return the length of ``data`` up to the end of its last line that is not damaged."""
    end = data.rfind(b"\n") + 1
    while end:
        begin = data.rfind(b"\n", 0, end - 1) + 1
        if decode(data[begin : end - 1]) is not None:
            break
        end = begin
    return end


def _last_event(path: Path) -> dict[str, Any] | None:
    lines = reversed(path.read_bytes().split(b"\n")[:-1])
    return next((told for line in lines if seq_of(line) and (told := decode(line))), None)


def _is_strange(path: Path) -> bool:
    """Return whether a file is of another version: it is not to be written to."""
    with path.open("rb") as file:
        told = decode(file.readline().removesuffix(b"\n"))
    return told is not None and told.get("journal") != VERSION
