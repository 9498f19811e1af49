"""Where the output of programs is kept, as those who read it know it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

BOTH = ("stdout", "stderr")


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
        return asdict(self)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Output:
        """Return what :meth:`as_dict` has told; further keys are no matter."""
        return cls(*(told[name] for name in cls.__slots__))


@dataclass(frozen=True, slots=True)
class Place:
    """A log: one file, with those it was rotated to.

    Args:
        path: of the present file.
        mode: as of an :class:`Output`.
        is_shared: the same.
        owners: ``(address, stream)`` of all that is stored there.
    """

    path: str
    mode: str
    is_shared: bool
    owners: tuple[tuple[str, str], ...]


def places_of(outputs: Iterable[Output]) -> list[Place]:
    """Return the logs of outputs, each once, in the order of their first owners."""
    found: dict[str, list[Output]] = {}
    for output in outputs:
        if output.path:
            found.setdefault(output.path, []).append(output)
    return [
        Place(path, them[0].mode, them[0].is_shared, tuple((it.address, it.stream) for it in them))
        for path, them in found.items()
    ]
