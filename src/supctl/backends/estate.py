"""What is there when we take over: of programs that live on, and of who supervised them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from .posix_process import PosixProcess
from .reaper.protocol import Passing


@dataclass(slots=True)
class Estate:
    """What whoever supervised before has left.

    Args:
        passing: how they passed away.
        notes: what they have noted, by key.
        descriptors: what they have had held, by name; those that are taken out are the taker's.
        survivors: programs, by the token of their process. Those that are taken out, and listened
            to, go on; it is the taker's to end the others.
    """

    passing: Passing = field(default_factory=Passing)
    notes: dict[str, str] = field(default_factory=dict)
    descriptors: dict[str, int] = field(default_factory=dict)
    survivors: dict[int, PosixProcess] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nobody was there before."""
        return self.passing.lives <= 1

    def close(self) -> None:
        """Close the descriptors that nobody has taken."""
        for fd in self.descriptors.values():
            os.close(fd)
        self.descriptors.clear()
