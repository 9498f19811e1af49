"""Copies of the zygote that wait to be told what they shall be.

A fork costs a millisecond, and it takes two: what is to outlive the zygote, and to be reaped by
the reaper, has to be an orphan. So a copy is made before somebody asks for it, and many that are
asked for at once share the process in the middle.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from typing import NoReturn

from supctl.backends.reaper.protocol import MAX_DESCRIPTORS

from .child import be_clean, become

_LONGEST_ENTRY = 4096


class Standby:
    """A copy, as the zygote sees it."""

    def __init__(self, pid: int, link: socket.socket) -> None:
        self.pid, self._link = pid, link

    def be(self, entry: str, descriptors: Sequence[int]) -> bool:
        """Tell it what to be; return whether it lives to hear it."""
        try:
            socket.send_fds(self._link, [entry.encode()], descriptors)
        except OSError:
            return False
        self._link.close()
        return True

    def close(self) -> None:
        """Let it go: it ends."""
        self._link.close()


def make_standbys(
    count: int, forget: Callable[[], None], warm_up: Callable[[], None] | None
) -> list[Standby]:
    """Make copies of this process, children of whoever takes in its orphans.

    Args:
        count: how many; fewer are made if the system is out of processes.
        forget: called in each, closes what belongs to us.
        warm_up: called in each before it waits, if given: what a copy writes to for the first
            time, be it a reference count, the kernel has to copy then.

    Raises:
        OSError: not a single one could be made.
    """
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(count)]
    told, tell = os.pipe2(os.O_CLOEXEC)
    try:
        middle = os.fork()
        if middle == 0:
            os.close(told)
            _split(pairs, tell, forget, warm_up)
        os.close(tell)
        tell = -1
        with os.fdopen(told, closefd=False) as file:
            answers = file.read().split()
        os.waitpid(middle, 0)
    finally:
        os.close(told)
        if tell >= 0:
            os.close(tell)
        for _, theirs in pairs:
            theirs.close()
    pids = [int(answer) for answer in answers if int(answer) > 0]
    for ours, _ in pairs[len(pids) :]:
        ours.close()
    if not pids:
        raise OSError(-int(answers[0]), "fork")
    return [Standby(pid, ours) for pid, (ours, _) in zip(pids, pairs, strict=False)]


def _split(
    pairs: list[tuple[socket.socket, socket.socket]],
    tell: int,
    forget: Callable[[], None],
    warm_up: Callable[[], None] | None,
) -> NoReturn:
    """Fork all of them in the middle process, tell their pids, and end."""
    answers = []
    for number in range(len(pairs)):
        try:
            pid = os.fork()
        except OSError as error:
            answers.append(-(error.errno or 1))
            break
        if pid == 0:
            os.close(tell)
            _stand_by(pairs, number, forget, warm_up)
        answers.append(pid)
    os.write(tell, " ".join(map(str, answers)).encode())
    os._exit(0)


def _stand_by(
    pairs: list[tuple[socket.socket, socket.socket]],
    number: int,
    forget: Callable[[], None],
    warm_up: Callable[[], None] | None,
) -> NoReturn:
    """Wait for the word, and be that; or end, if nobody is there who could say it."""
    link = pairs[number][1]
    for ours, theirs in pairs:
        ours.close()
        if theirs is not link:
            theirs.close()
    forget()
    be_clean()
    if warm_up is not None:
        warm_up()
    cloexec = socket.MSG_CMSG_CLOEXEC
    entry, descriptors, _, _ = socket.recv_fds(link, _LONGEST_ENTRY, MAX_DESCRIPTORS, cloexec)
    link.close()
    if not entry:
        os._exit(0)
    become(entry.decode(), talk=descriptors[2:], output=descriptors[:2])
