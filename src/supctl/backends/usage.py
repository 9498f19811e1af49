"""What processes use, read from /proc when somebody asks (proc_pid_stat(5))."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from .base import Usage

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")

_UTIME, _RSS = 11, 21
"""Places behind the name, which may hold anything. Behind utime come stime, and those of children
that were waited for: a program that runs many short ones is not idle."""


def usage_of(pids: Iterable[int]) -> Usage:
    """Return what all of ``pids`` use together; those that are gone use nothing."""
    ticks = pages = count = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
                told = file.read(1024)
        except OSError:
            continue
        facts = told[told.rindex(b")") + 2 :].split()
        ticks += sum(map(int, facts[_UTIME : _UTIME + 4]))
        pages += int(facts[_RSS])
        count += 1
    return Usage(ticks / _TICKS, pages * _PAGE, count)
