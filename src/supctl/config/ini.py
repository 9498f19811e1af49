"""Files of sections and keys, as Python's ``RawConfigParser`` reads them for supervisord.

Ours because every key keeps its line, and all that does not parse is told at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from .mistakes import ConfigErrors, Mistake

_HEADER: Final = re.compile(r"\[(.+)\]")
_OPTION: Final = re.compile(r"([^=:]*?)\s*[=:]\s*(.*)", re.DOTALL)
_COMMENT: Final = re.compile(r"(?:^|(?<=\s))[;#]")
"""Begins a comment after a blank, also inside quotes."""


@dataclass(slots=True)
class Entry:
    """One key and its value.

    Args:
        key: in lower case.
        value: without comments; lines that continue it follow after line feeds.
        line: counted from 1.
    """

    key: str
    value: str
    line: int


@dataclass(slots=True)
class Section:
    """``[name]``, and what stands below it.

    Args:
        entries: in order; a key may come again.
    """

    name: str
    line: int
    entries: list[Entry] = field(default_factory=list)


def parse_ini(text: str, file: str) -> list[Section]:
    """Return the sections of a file, in order; one that comes again is one more.

    Raises:
        ConfigErrors: with every line that is neither section nor key nor comment.
    """
    parser = _Parser(file)
    for number, line in enumerate(text.split("\n"), 1):
        parser.take(line, number)
    if parser.mistakes:
        raise ConfigErrors(parser.mistakes)
    return parser.sections


class _Parser:
    def __init__(self, file: str) -> None:
        self.sections: list[Section] = []
        self.mistakes: list[Mistake] = []
        self._file = file
        self._entry: Entry | None = None
        self._indent = 0  # of the key that a line may continue

    def take(self, line: str, number: int) -> None:
        said = _COMMENT.split(line, maxsplit=1)[0].strip()
        if not said:
            return
        indent = len(line) - len(line.lstrip())
        if self._entry is not None and indent > self._indent:
            self._entry.value = f"{self._entry.value}\n{said}".strip()
            return
        self._indent = indent
        if header := _HEADER.match(said):
            self.sections.append(Section(header[1], number))
            self._entry = None
        else:
            self._option(said, number)

    def _option(self, said: str, number: int) -> None:
        option = _OPTION.fullmatch(said)
        if not self.sections:
            self._wrong(
                f"begins with {said[:40]!r}", "a section first, such as [program:web]", number
            )
        elif option is None or not option[1]:
            mend = "indent it if it continues the line above"
            self._wrong(f"holds {said[:40]!r}", "key = value", number, mend)
        else:
            self._entry = Entry(option[1].lower(), option[2].strip(), number)
            self.sections[-1].entries.append(self._entry)

    def _wrong(self, seen: str, wanted: str, line: int, mend: str = "") -> None:
        self.mistakes.append(Mistake("", seen, wanted, mend, self._file, line))
