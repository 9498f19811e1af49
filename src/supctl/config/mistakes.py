"""What is wrong with a file: each mistake a value, all of them one exception."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from supctl.errors import InvalidConfig, SupctlError

_SHOWN = 60
"""Characters of a wrong value that are shown; enough to recognise it."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that cannot work, with its place and its mend.

    Args:
        place: where in the file (``apps.web.command``); empty for the file as a whole.
        seen: what is there, as the rest of a sentence that begins with the place
            (``"is 'alwyas'"``).
        wanted: what would be right, as a phrase.
        mend: what to do about it, as a phrase; may be empty.
        file: the file as the user named it; empty for what was typed on the command line.
        line, column: counted from 1, where they are known.
    """

    place: str
    seen: str
    wanted: str
    mend: str = ""
    file: str = ""
    line: int | None = None
    column: int | None = None

    @classmethod
    def of(cls, error: InvalidConfig, file: str = "") -> Mistake:
        """Return the mistake that ``error`` tells of; its field is the place."""
        return cls(error.field, f"is {show(error.got)}", error.wanted, error.mend, file)

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        subject = f"{self.place} {self.seen}".lstrip()
        mend = f" ({self.mend})" if self.mend else ""
        return f"{where}: ".removeprefix(": ") + f"{subject}; wanted {self.wanted}{mend}"


class ConfigErrors(SupctlError):
    """A file cannot be used; nothing was started. Holds every mistake that was found.

    Args:
        mistakes: one or more, in the order of the file.
    """

    code, category = "invalid_config", "config"

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__(self.mistakes)

    def __str__(self) -> str:
        return "\n".join(str(mistake) for mistake in self.mistakes)


def show(value: object) -> str:
    """Return a value as the writer of a file knows it: ``true``, ``'text'``, ``a table``."""
    match value:
        case bool():
            return str(value).lower()
        case None:
            return "null"
        case dict():
            return "a table" if value else "an empty table"
        case datetime.date() | datetime.time():
            return f"{value} (a date or time)"
        case int() | float():
            text = _number(value)
        case _:
            text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _number(value: float) -> str:
    try:
        return repr(value)
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        return "a number of thousands of digits"


def closest(word: object, known: Iterable[str]) -> str:
    """Return ``did you mean '...'?`` for the likeliest of ``known``; empty if none is near."""
    import difflib  # only here: most files hold no mistake

    near = difflib.get_close_matches(str(word), list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""
