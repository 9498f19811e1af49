"""A table of the file: its values, and what becomes of its keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from supctl.config.imports import Import
from supctl.config.mistakes import closest
from supctl.config.reading import hints, join

_MEANT: Final = {"restart": "did you mean availability.restart?"}
"""Habits from Docker Compose."""


class Table:
    """Reads a table by its schema.

    Keys that its program passes over are left out with a remark, as are those that say nothing;
    ``x-`` begins the name of what is there for people and for merging only.

    Args:
        keys: the schema.
        value: the table, or what is there instead.
        place: where it is.
        became: where its app is in our own format; empty if it belongs to none.
        found: takes remarks and mistakes.
        strict: whether a key that is unknown is a mistake.
    """

    def __init__(
        self, keys: type, value: object, place: str, became: str, found: Import, *, strict: bool
    ) -> None:
        self.place, self.became, self.found, self.strict = place, became, found, strict
        self._known = hints(keys)
        said = value
        if isinstance(value, dict):
            said = {key: item for key, item in value.items() if self._is_said(key, item)}
        self.values = found.reader.table(keys, said, place, "table of process-compose")

    def take(self, key: str, native: str, detail: str = "") -> Any:
        """Return the value of a key and say what it became; ``None`` if it has none.

        Args:
            native: the key of our own format, below that of the app.
            detail: how it differs; empty if it means the same.
        """
        value = self.values.get(key)
        if value is not None:
            became = f"{self.became}.{native}" if self.became else native
            if detail:
                self.found.change(join(self.place, key), became, detail)
            else:
                self.found.map(join(self.place, key), became)
        return value

    def below(self, key: str, keys: type) -> Table:
        """Return the table that a key holds, an empty one if there is none."""
        value, place = self.values.get(key, {}), join(self.place, key)
        return Table(keys, value, place, self.became, self.found, strict=self.strict)

    def leave_out(self, reasons: Mapping[str, str]) -> None:
        """Say of keys that they mean nothing here, and why."""
        for key, detail in reasons.items():
            if key in self.values:
                self.found.leave_out(join(self.place, key), detail)

    def _is_said(self, key: str, item: object) -> bool:
        place = join(self.place, key)
        if key in self._known and item is not None:
            return True
        if key in self._known:
            self.found.leave_out(place, "it says nothing")
        elif key.startswith("x-"):
            self.found.leave_out(place, "what begins with x- is for people, and for merging")
        elif self.strict:
            return True  # the reader refuses it
        else:
            near = _MEANT.get(key) or closest(key, self._known)
            detail = "process-compose has no such key and passes over it"
            self.found.leave_out(place, f"{detail}; {near}" if near else detail)
        return False
