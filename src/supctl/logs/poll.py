"""Waiting for what comes through many pipes (epoll(7))."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

_HUNG_UP: Final = select.EPOLLHUP | select.EPOLLERR


class Poll:
    """Waits for pipes, and for whoever wakes it up."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watched: dict[int, Any] = {}
        self._is_woken = False
        self._wakeup, self._wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._epoll.register(self._wakeup, select.EPOLLIN)

    def add(self, fd: int, what: Any, *, is_edge: bool = False) -> None:
        """Tell ``what`` from now on when ``fd`` has something to read; again is no harm.

        ``is_edge``: only when more has come, not as long as there is something.

        Raises:
            OSError: it cannot be watched.
        """
        if fd not in self._watched:
            self._epoll.register(fd, select.EPOLLIN | (select.EPOLLET if is_edge else 0))
            self._watched[fd] = what

    def remove(self, fd: int) -> None:
        """Watch it no more, if it was."""
        if self._watched.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def wake_up(self) -> None:
        """Have :meth:`wait` return. In any thread."""
        if not self._is_woken:
            self._is_woken = True
            os.write(self._wake, b"\0")

    def take_wake_ups(self) -> None:
        """Forget who has woken us up; what that was for is to be looked for behind this."""
        with suppress(BlockingIOError):
            os.read(self._wakeup, 4096)
        self._is_woken = False  # not before: who is woken twice loses nothing

    def wait(self, timeout: float | None) -> Iterator[tuple[Any, bool]]:
        """Wait; yield what has something to read, and whether nobody will write to it any more.

        ``None`` is yielded for whoever has woken us up.
        """
        for fd, mask in self._epoll.poll(timeout):
            yield self._watched.get(fd), bool(mask & _HUNG_UP)

    def close(self) -> None:
        """Wait no more."""
        for fd in (self._wakeup, self._wake):
            os.close(fd)
        self._epoll.close()
