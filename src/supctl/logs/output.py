"""Where an output is kept, as those know it who look for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Output:
    """Where one output of one app goes.

    Args:
        address: of the app, or of one instance.
        stream: ``stdout`` or ``stderr``.
        to: ``file``, or where else: ``stdout``, ``stderr`` (of the supervising process),
            ``syslog``, ``journald``, ``nowhere``.
        path: of the present file; empty if it goes to none.
        mode: how lines are stored: ``raw``, ``timestamped``, ``json``.
        is_shared: whether others may write to that file, too.
    """

    address: str
    stream: str
    to: str
    path: str
    mode: str
    is_shared: bool

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Output:
        """Return what :meth:`as_dict` has told; further keys are no matter."""
        return cls(*(told[name] for name in cls.__slots__))
