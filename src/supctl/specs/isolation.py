"""What it takes to live in another process: all code that runs there must be found there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeAlias

from supctl.errors import InvalidConfig

from .place import place_of
from .policy import check_seconds

Code: TypeAlias = Callable[..., Any] | str
"""A class or function, or its place."""


class HasCode(Protocol):
    """A child spec that needs code of the user's."""

    def code(self) -> Iterator[tuple[str, Code]]:
        """Yield what it needs, itself and below it, each with the field that names it."""
        ...

    def survivors(self) -> Iterator[str]:
        """Yield the field of each worker, itself and below it, by which it outlives the daemon."""
        ...


def check_isolation(isolation: str, hung_after: float | None) -> None:
    """Refuse what ``isolation`` and ``hung_after`` cannot be. Raises InvalidConfig."""
    if isolation not in ("task", "process"):
        raise InvalidConfig("isolation", isolation, "'task' or 'process'")
    if hung_after is not None:
        check_seconds("hung_after", hung_after, zero=False)


def check_daemon_loss(policy: str, isolation: str) -> None:
    """Refuse what ``on_daemon_loss`` of a worker cannot be. Raises InvalidConfig."""
    if policy not in ("restart", "survive"):
        raise InvalidConfig("on_daemon_loss", policy, "'restart' or 'survive'")
    if policy == "survive" and isolation != "process":
        raise InvalidConfig("on_daemon_loss", policy, "isolation='process' with it")


def check_code(spec: HasCode) -> None:
    """Refuse a spec with code that cannot be found from another process. Raises InvalidConfig."""
    for field, code in spec.code():
        if not isinstance(code, str) and "<" in getattr(code, "__qualname__", "<"):
            wanted = "with isolation='process' a class or function at the top of a module"
            raise InvalidConfig(field, code, wanted, "what is made in a function has no place")


def check_survivors(isolated: HasCode) -> None:
    """Refuse workers below an isolated supervisor that are to outlive it. Raises InvalidConfig."""
    for field in isolated.survivors():
        ends = "which ends with the daemon"
        wanted = f"'restart' below a supervisor with isolation='process', {ends}"
        raise InvalidConfig(f"children.{field}", "survive", wanted)


def needs_script(spec: HasCode) -> bool:
    """Return whether it needs code of the program's own script."""
    places = (code if isinstance(code, str) else place_of(code) for _, code in spec.code())
    return any(place.startswith("__main__:") for place in places)
