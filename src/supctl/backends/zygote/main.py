"""The zygote's program. Forks on request, and is single threaded, always.

It speaks with the process that started it over its standard input, a stream socket, in frames of
JSON as the reaper does (:mod:`supctl.backends.reaper.protocol`). It is asked:

====================================================  ==========================================
``["import", number, path, modules, script, w]``      import them; ``script`` and ``w``, a function
                                                      that warms us and copies up, may be null
``["fork", number, entry, n]``                        fork; with n descriptors: standard output,
                                                      standard error, and those to talk over
``["become", entry, n]``                              be it, without a fork; with n descriptors
                                                      to talk over
====================================================  ==========================================

and answers ``["imported", number, problem]``, where no problem is an empty text, and
``["forked", number, pid, errno]``, where pid is 0 if that failed.
"""

from __future__ import annotations

import gc
import os
import select
import socket
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from supctl.backends.reaper.protocol import LIMIT, MAX_DESCRIPTORS, decode, encode
from supctl.errors import SupctlError
from supctl.ipc.framing import FrameReader

from .child import become, import_all, run_place
from .standby import Standby, make_standbys

_READ_SIZE: Final = 64 * 1024
_MOST_AT_ONCE: Final = 16
_REST: Final = 0.02
"""Seconds from the last request to the making of a reserve."""

_BURST: Final = 0.05
"""Seconds. Who comes back sooner for more is in the middle of asking for many."""


def main() -> None:
    """Serve until the other end is gone."""
    link = socket.socket(fileno=os.dup(0))
    link.set_inheritable(False)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    Zygote(link).run()


class Zygote:
    """Serves one link."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._frames = FrameReader(LIMIT)
        self._descriptors: deque[int] = deque()
        self._wanted: deque[tuple[int, str, list[int]]] = deque()
        self._standbys: list[Standby] = []
        self._warm_up: Callable[[], None] | None = None
        self._reserve = 1
        self._burst_until = 0.0

    def run(self) -> None:
        """Obey until the other end is gone."""
        while data := self._receive():
            for payload in self._frames.feed(data):
                self._obey(decode(payload))
            if self._wanted:
                self._serve()
                self._refill()

    def _receive(self) -> bytes:
        cloexec = socket.MSG_CMSG_CLOEXEC
        try:
            data, descriptors, _, _ = socket.recv_fds(
                self._link, _READ_SIZE, MAX_DESCRIPTORS, cloexec
            )
        except ConnectionError:
            return b""
        self._descriptors.extend(descriptors)
        return data

    def _obey(self, message: list[Any]) -> None:
        match message:
            case ["import", int(number), list(path), list(modules), script, warm_up]:
                if warm_up is not None:
                    self._warm_up = partial(run_place, warm_up)
                self._tell("imported", number, self._import(path, modules, script))
            case ["fork", int(number), str(entry), int(count)]:
                self._wanted.append((number, entry, self._take(count)))
            case ["become", str(entry), int(count)]:
                descriptors = self._take(count)
                self._link.close()
                become(entry, descriptors)

    def _import(self, path: list[str], modules: list[str], script: str | None) -> str:
        """Return what went wrong, for people; empty if nothing did."""
        try:
            import_all(path, modules, script)
            if self._warm_up is not None:  # what is made once is made here: 6 % of each copy
                self._warm_up()
        except SupctlError as error:
            return str(error)
        except BaseException:  # SystemExit, too: a script may end like that
            return traceback.format_exc(limit=-4).rstrip()
        finally:
            while self._standbys:  # they know less
                self._standbys.pop().close()
        # What is here now is never looked at by the collector, and so never copied by it.
        gc.collect()
        gc.freeze()
        return ""

    def _serve(self) -> None:
        """Hand over what is wanted."""
        while self._wanted:
            if not self._standbys and (number := self._make_more()):
                self._answer(self._wanted.popleft(), 0, number)
            elif self._standbys[-1].be(*self._wanted[0][1:]):
                self._answer(self._wanted.popleft(), self._standbys.pop().pid, 0)
            else:
                self._standbys.pop().close()  # somebody has killed it

    def _refill(self) -> None:
        """Make a reserve for the next who ask, unless they ask right now.

        Not at once: there may be few processors, and what was asked for just now is to begin.
        """
        if not self._standbys and not select.select([self._link], [], [], _REST)[0]:
            self._make_more()

    def _make_more(self) -> int:
        """Make copies; return 0, or the number of the error if there is not a single one.

        One is kept in reserve, and twice as many each time when that is used up at once: who asks
        for a few may ask for a hundred, one after the other.
        """
        now = time.monotonic()
        self._reserve = min(2 * self._reserve, _MOST_AT_ONCE) if now < self._burst_until else 1
        self._burst_until = now + _BURST
        try:
            count = min(len(self._wanted) + self._reserve, _MOST_AT_ONCE)
            # Who waits for a copy does not wait for it to get warm.
            warm_up = None if self._wanted else self._warm_up
            self._standbys += make_standbys(count, self._forget_all, warm_up)
        except OSError as error:
            return error.errno or -1
        return 0

    def _answer(self, request: tuple[int, str, list[int]], pid: int, error: int) -> None:
        number, _, descriptors = request
        for fd in descriptors:
            os.close(fd)
        self._tell("forked", number, pid, error)

    def _forget_all(self) -> None:
        """Close, in a copy, what belongs to the zygote."""
        self._link.close()
        for standby in self._standbys:
            standby.close()
        for _, _, descriptors in self._wanted:
            for fd in descriptors:
                os.close(fd)
        for fd in self._descriptors:
            os.close(fd)

    def _take(self, count: int) -> list[int]:
        return [self._descriptors.popleft() for _ in range(count)]

    def _tell(self, *message: Any) -> None:
        try:
            self._link.sendall(encode(message))
        except OSError:
            sys.exit(0)  # nobody is there any more
