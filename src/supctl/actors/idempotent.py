"""``@idempotent``: the mark of what may be done again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_MARK: Final = "_supctl_idempotent"


def idempotent(function: F) -> F:
    """Mark a method, or a function, that does no harm if it is called twice with the same
    arguments: a pool tries a call of it again when its member has died (docs/pool.md)."""
    setattr(function, _MARK, True)
    return function


def is_idempotent(function: object) -> bool:
    """Return whether a function is marked."""
    return getattr(function, _MARK, False) is True
