"""What all errors of supctl have, and which of other people's are caught."""

from __future__ import annotations

from typing import Any, ClassVar, Final


class SupctlError(Exception):
    """Base of all errors that supctl raises on purpose."""

    __module__ = __package__

    code: ClassVar[str] = "internal"
    category: ClassVar[str] = "internal"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__module__.rpartition(".")[0] == __package__:
            cls.__module__ = __package__  # the name that people and the wire know them by


FAULTS: Final = (Exception, SystemExit)
"""What code that is not ours may raise and be alone in suffering from.

All else is for whoever runs the loop: KeyboardInterrupt, cancellation."""
