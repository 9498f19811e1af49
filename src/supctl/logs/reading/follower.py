"""Waits for what is added to many logs, and reads it."""

from __future__ import annotations

import select
from collections.abc import Iterable
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from .entry import Entry
from .notice import Notices
from .trail import Trail

PAUSE: Final = 0.2
"""Seconds between two looks where the kernel does not tell of changes."""


class Follower:
    """Follows logs, whose histories have been read; a context manager that closes them.

    What is read at once is bounded by a block of each. Who is slow reads later: the files wait.

    Args:
        trails: to be followed.
        files: paths of other files; :attr:`has_news` tells of new ones there.
    """

    def __init__(self, trails: Iterable[Trail] = (), files: Iterable[str] = ()) -> None:
        self._notices = Notices()
        self._trails: dict[str, Trail] = {}  # by path
        self._watched: dict[str, tuple[int, int]] = {}  # by path: turn, number of its watch
        self._by_number: dict[int, str] = {}
        self._ready: dict[str, None] = {}  # paths where there may be more
        self._files = frozenset(files)
        self.has_news = bool(self._files)
        """Whether one of the other files may be another by now; for the reader to reset."""
        for path in self._files:
            self._watch_place(path)
        for trail in trails:
            self.add(trail)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all files. A second time does nothing."""
        self._notices.close()
        for trail in self._trails.values():
            trail.close()

    def add(self, trail: Trail) -> None:
        """Follow another log, too."""
        path = trail.place.path
        self._trails[path] = trail
        self._ready[path] = None
        self._watch_place(path)

    def __contains__(self, path: str) -> bool:
        return path in self._trails

    @property
    def fd(self) -> int:
        """Readable when there may be more; -1 where nobody tells: then look after a pause."""
        return self._notices.fd

    @property
    def is_behind(self) -> bool:
        """Whether there may be more at once."""
        return bool(self._ready)

    def wait(self, out: int = -1) -> bool:
        """Wait until there may be more or news; return whether nobody reads ``out``, a pipe, any
        more."""
        if self._ready or self.has_news:
            return False
        poll = select.poll()
        if self.fd >= 0:
            poll.register(self.fd, select.POLLIN)
        if out >= 0:
            poll.register(out, 0)
        found = poll.poll(None if self.fd >= 0 else PAUSE * 1000)
        return any(fd == out for fd, _ in found)

    def read(self) -> list[Entry]:
        """Return wanted entries that came, by their times as far as these are known. May block
        as files do.

        Raises:
            OSError: a file cannot be read.
        """
        self._heed()
        found: list[Entry] = []
        for path in tuple(self._ready):
            trail = self._trails[path]
            entries = trail.more()
            if not self._watch_file(trail) and entries is None:
                del self._ready[path]
            found += entries or ()
        found.sort(key=attrgetter("order"))
        return found

    def last(self) -> list[Entry]:
        """Return the lines that have not ended, as nobody waits for their ends."""
        return [entry for trail in self._trails.values() for entry in trail.last()]

    def _heed(self) -> None:
        notices = self._notices.take() if self.fd >= 0 else None
        if notices is None:  # nobody knows
            for path in (*self._files, *self._trails):
                self._changed(path)
                self._watch_place(path)
            return
        for number, name in notices:
            path = self._by_number.get(number, "")
            if not name:
                self._changed(path)
                continue
            came = f"{path}/{name}"
            self._changed(came)
            for other in (*self._files, *self._trails):
                if other.startswith(came + "/"):  # it was a directory on the way
                    self._watch_place(other)
                    self._changed(other)

    def _changed(self, path: str) -> None:
        if path in self._files:
            self.has_news = True
        if path in self._trails:
            self._ready[path] = None

    def _watch_place(self, path: str) -> None:
        """Watch the directory of a file; as long as that is missing, the next one above."""
        wanted = at = Path(path).parent
        while self.fd >= 0:
            number = self._notices.watch_directory(str(at))
            if number < 0:
                at = at.parent
                continue
            self._by_number[number] = str(at)
            if at == wanted or not wanted.is_dir():
                return
            at = wanted  # somebody has made it meanwhile

    def _watch_file(self, trail: Trail) -> bool:
        """Watch the file that is read now; return whether it is another than before, so that it
        may have grown unseen."""
        path = trail.place.path
        turn, number = self._watched.get(path, (-1, -1))
        if turn == trail.turn:
            return False
        if number >= 0:
            self._by_number.pop(number, None)
            self._notices.remove(number)
        number = -1 if trail.fd < 0 else self._notices.watch_file(trail.fd)
        self._watched[path] = trail.turn, number
        if number >= 0:
            self._by_number[number] = path
        return True
