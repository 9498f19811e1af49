"""What is read: one line of one output."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """A line of output.

    Args:
        at_wall: when it came, seconds since 1970, or was seen to have come by who waited for it;
            ``None`` if that is not known.
        order: a time to sort by, where that is not known either: of a line before it.
        address: of the app or instance; the app's where several instances cannot be told apart.
        stream: ``stdout`` or ``stderr``; ``both`` where they cannot be told apart.
        text: what the program wrote, without the line's end.
        stored: what is in the file for it, with its end.
    """

    at_wall: float | None
    order: float
    address: str
    stream: str
    text: bytes
    stored: bytes

    @property
    def time(self) -> str | None:
        """When it came, as ``2026-11-21T16:30:00.123456Z``; ``None`` if that is not known."""
        if self.at_wall is None:
            return None
        return datetime.fromtimestamp(self.at_wall, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    @property
    def is_wrapped(self) -> bool:
        """Whether the file has more for it than the text: the time, at least."""
        return len(self.stored) > len(self.text) + 2

    @property
    def shown(self) -> str:
        """The text; what is no UTF-8 is shown by escapes."""
        return self.text.decode("utf-8", "backslashreplace")

    def __str__(self) -> str:
        return self.shown

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, in the form that ``mode = "json"`` stores."""
        app, _, instance = self.address.partition(":")
        told: dict[str, Any] = {"time": self.time, "app": app}
        if instance:
            told["instance"] = int(instance)
        told["stream"] = self.stream
        told["text"] = text = self.shown
        if not self.text.isascii() and text.encode() != self.text:
            told["base64"] = base64.b64encode(self.text).decode()
        return told

    def as_json(self) -> str:
        """Return it as one line of JSON; an object that a program wrote is merged with the rest,
        as in the file."""
        stored = self.stored.decode("utf-8", "backslashreplace").rstrip("\r\n")
        if self.is_wrapped and stored.startswith("{") and stored.endswith("}"):
            return stored
        return json.dumps(self.as_dict(), ensure_ascii=False)
