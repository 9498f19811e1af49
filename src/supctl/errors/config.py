"""What is wrong with what was written down."""

from __future__ import annotations

from .base import SupctlError


class InvalidConfig(SupctlError):
    """A specification or configuration value cannot work; nothing was started.

    Args:
        field: the field or key, with its path inside the spec (``backoff.factor``).
        got: what was seen, shown with ``repr``.
        wanted: what would be right, as a phrase (``"0 or more"``).
        mend: what to do about it, as a phrase (``"did you mean 'always'?"``); may be empty.
    """

    code, category = "invalid_config", "config"

    def __init__(self, field: str, got: object, wanted: str, mend: str = "") -> None:
        self.field, self.got, self.wanted, self.mend = field, got, wanted, mend
        super().__init__(field, got, wanted, mend)

    def __str__(self) -> str:
        mend = f" ({self.mend})" if self.mend else ""
        return f"{self.field} is {self.got!r}; wanted {self.wanted}{mend}"

    def within(self, place: str) -> InvalidConfig:
        """Return the same error with ``place`` put before the field."""
        return InvalidConfig(f"{place}.{self.field}", self.got, self.wanted, self.mend)
