"""Where the output of programs is kept, as those who read it know it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from supctl.logs.output import Output

BOTH: Final = ("stdout", "stderr")


@dataclass(frozen=True, slots=True)
class Place:
    """A log: one file, with those it was rotated to.

    Args:
        path: of the present file.
        mode: as of an :class:`~supctl.logs.output.Output`.
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
