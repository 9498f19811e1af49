"""A version of the code, and how it is started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from supctl.errors import ProtocolError


@dataclass(frozen=True, slots=True)
class Program:
    """What starts the daemons and reapers of one version.

    Args:
        version: for people.
        daemon: argument vector of a daemon; who starts it adds arguments.
        reaper: that of a reaper, but for what its :func:`~.main.main` describes.
    """

    version: str
    daemon: list[str]
    reaper: list[str]

    @classmethod
    def of(cls, told: Any) -> Program:
        """Rebuild it from JSON.

        Raises:
            ProtocolError: it is none.
        """
        try:
            program = cls(**told)
            words = [program.version, *program.daemon, *program.reaper]
            is_sound = all(isinstance(it, str) for it in words)
        except TypeError:
            is_sound = False
        if not is_sound or not program.daemon or not program.reaper:
            raise ProtocolError(repr(told)[:80], "the fields of Program")
        return program


@dataclass(slots=True)
class Upgrade:
    """From one program to another.

    Args:
        before: whose daemon and reaper have served so far.
        to: those that are to serve from now on.
        within: seconds in which a daemon of the new one must serve.
        failed: why that has not come about; the one before serves again.
    """

    before: Program
    to: Program
    within: float
    failed: str | None = None

    @property
    def story(self) -> dict[str, Any]:
        """What a daemon is told of it."""
        return {"before": self.before.version, "to": self.to.version, "failed": self.failed}
