"""Waits for the kernel to tell of changes, and tells those who look after what has changed."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Final

import trio

from supctl.backends.inotify import CAME, GONE, OVER, WENT, WRITTEN, Inotify

from .area import Area, Stamp

_CHANGES: Final = WRITTEN | CAME | WENT | GONE

_LONGEST: Final = 10
"""Times the debounce, after which what goes on and on is looked at all the same."""

_LIMITS: Final = {
    errno.ENOSPC: "the kernel watches no more directories for this user "
    "(sysctl fs.inotify.max_user_watches)",
    errno.EMFILE: "the kernel lets this user have no more watches of files "
    "(sysctl fs.inotify.max_user_instances)",
    errno.ENOSYS: "there is nothing that tells of changes on this system",
}


@dataclass(frozen=True, slots=True)
class Sight:
    """What has been seen of an area.

    Args:
        changed: paths of files that are new, other than before, or gone.
        missing: what is to be watched and is not there.
        problem: why not everything is seen that is there; empty if it is.
    """

    changed: tuple[str, ...]
    missing: tuple[str, ...] = ()
    problem: str = ""


class Lookout:
    """Watches areas, with one descriptor of the kernel's for all.

    Raises:
        OSError: as :class:`~supctl.backends.inotify.Inotify`; :func:`words` says what it means.
    """

    def __init__(self) -> None:
        self._inotify = Inotify()
        self._watches: dict[int, dict[Watch, str]] = {}  # by number; the directory as each calls it
        self._lock = Lock()  # between who adds, in threads, and who removes

    async def run(self) -> None:
        """Tell of changes until cancelled."""
        try:
            while True:
                await trio.lowlevel.wait_readable(self._inotify.fd)
                for notice in self._inotify.take():
                    self._hear(notice.number, notice.changes, notice.name)
        finally:
            self._inotify.close()

    @contextmanager
    def watching(self, area: Area, debounce: float) -> Iterator[Watch]:
        """Watch ``area`` inside the block.

        Args:
            debounce: seconds without a change after which it is looked at.
        """
        watch = Watch(area, debounce, self._add)
        try:
            yield watch
        finally:
            self._remove(watch)

    def _hear(self, number: int, changes: int, name: str) -> None:
        if number < 0:  # there was more than the kernel remembers
            self._disturb_all()
            return
        with self._lock:
            heard = tuple(self._watches.get(number, {}).items())
            if changes & OVER:
                self._watches.pop(number, None)
        for watch, directory in heard:
            watch.hear(directory, name)

    def _disturb_all(self) -> None:
        with self._lock:
            everybody = {it for watches in self._watches.values() for it in watches}
        for watch in everybody:
            watch.disturb()

    def _add(self, watch: Watch, directory: str) -> None:
        with self._lock:
            number = self._inotify.add(directory, _CHANGES)
            self._watches.setdefault(number, {})[watch] = directory

    def _remove(self, watch: Watch) -> None:
        with self._lock:
            for number, watches in tuple(self._watches.items()):
                watches.pop(watch, None)
                if not watches:
                    del self._watches[number]
                    self._inotify.remove(number)


class Watch:
    """The watch over one area; made by :meth:`Lookout.watching`."""

    def __init__(self, area: Area, debounce: float, add: Callable[[Watch, str], None]) -> None:
        self._area, self._debounce = area, debounce
        self._add = partial(add, self)
        self._disturbed = trio.Event()
        self._known: dict[str, Stamp] | None = None
        self._problem = ""  # of the latest look
        self._told: tuple[tuple[str, ...], str] = (), ""

    def hear(self, directory: str, name: str) -> None:
        """Something has happened to an entry of a directory, or without a name to itself."""
        if not name or self._area.concerns(directory, name):
            self.disturb()

    def disturb(self) -> None:
        """Have a look when it is quiet again."""
        self._disturbed.set()

    async def begin(self, since: float) -> Sight:
        """Look for the first time.

        Args:
            since: seconds since 1970; a file that was touched after that counts as changed.
        """
        self._known = await self._look()
        touched = self._area.touched
        return self._sight(path for path in self._known if touched[path] > since)

    async def next(self) -> Sight:
        """Return when something has changed, or something else is wrong than before; nothing is
        lost that happens between two calls."""
        assert self._known is not None, "it has begun"
        while True:
            await self._quiet()
            before, self._known = self._known, await self._look()
            now = self._known
            changed = [path for path in {**before, **now} if before.get(path) != now.get(path)]
            if changed or self._told != (self._area.missing, self._problem):
                return self._sight(changed)

    def _sight(self, changed: Iterable[str]) -> Sight:
        self._told = self._area.missing, self._problem
        return Sight(tuple(sorted(changed)), *self._told)

    async def _quiet(self) -> None:
        """Return when something has happened, and nothing more does for a while."""
        await self._disturbed.wait()
        with trio.move_on_after(_LONGEST * self._debounce):
            while self._disturbed.is_set():
                self._disturbed = trio.Event()
                with trio.move_on_after(self._debounce):
                    await self._disturbed.wait()

    async def _look(self) -> dict[str, Stamp]:
        self._disturbed = trio.Event()  # what happens while we look is looked at again
        self._problem = ""
        return await trio.to_thread.run_sync(self._area.look, self._heed)

    def _heed(self, directory: str) -> None:
        try:
            self._add(directory)
        except FileNotFoundError:
            pass  # it has gone while we looked: that is told by the one above
        except OSError as error:
            self._problem = f"{directory}: {words(error)}"


def words(error: OSError) -> str:
    """Return what an error of the kernel's means for who wants to be told of changes."""
    return _LIMITS.get(error.errno or 0) or os.strerror(error.errno or 0)
