"""What whoever supervises after us is to find, kept by a reaper; told again to a new one."""

from __future__ import annotations

import os

from .reaper_link import ReaperLink


class Will:
    """Notes and descriptors, each by a name."""

    def __init__(self) -> None:
        self._notes: dict[str, str] = {}
        self._descriptors: dict[str, int] = {}
        self._serves = False

    def note(self, link: ReaperLink, key: str, text: str | None) -> None:
        """Have a text kept, in place of an earlier one; ``None``: none."""
        if text is None:
            self._notes.pop(key, None)
        else:
            self._notes[key] = text
        link.note(key, text)

    def hold(self, link: ReaperLink, name: str, fd: int) -> None:
        """Have a duplicate of a descriptor kept, in place of an earlier one."""
        if name in self._descriptors:
            os.close(self._descriptors[name])
        self._descriptors[name] = os.dup(fd)
        link.send("hold", name, descriptors=[fd])

    def serves(self, link: ReaperLink) -> None:
        """Tell that we can be told signals that are meant for us."""
        self._serves = True
        link.send("ready")

    def tell_again(self, link: ReaperLink) -> None:
        """Tell all of it to a reaper that knows nothing."""
        for key, text in self._notes.items():
            link.note(key, text)
        for name, fd in self._descriptors.items():
            link.send("hold", name, descriptors=[fd])
        if self._serves:
            link.send("ready")
        link.send("that_is_all")

    def close(self) -> None:
        """Close the descriptors."""
        for fd in self._descriptors.values():
            os.close(fd)
        self._descriptors.clear()
