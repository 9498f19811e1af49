"""How the two sides of a connection introduce themselves."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True)
class Hello:
    """How one side introduces itself.

    Args:
        role: what it is (``daemon``, ``actor``, ``command``).
        pid: its process.
        facts: more that the two have agreed upon.
    """

    role: str
    pid: int = field(default_factory=os.getpid)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Who that is, as a phrase."""
        return f"{self.role} {self.pid}"


UNKNOWN: Final = Hello("a peer that has not said who it is", 0)
