"""The lines of a unit file, as of systemd.syntax(7)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from supctl.config.mistakes import ConfigErrors, Mistake

_HEADER: Final = re.compile(r"\[([^\[\]]+)\]")
_DIRECTIVE: Final = re.compile(r"([^\s=]+)\s*=\s*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Directive:
    """``key=value`` in a section.

    Args:
        place: ``Service.ExecStart``, with a number if it comes again.
        line: counted from 1.
    """

    section: str
    key: str
    value: str
    place: str
    line: int


def parse_unit(text: str, file: str) -> list[Directive]:
    """Return what a unit file says, in order.

    Raises:
        ConfigErrors: with every line that is neither section nor directive nor comment.
    """
    section, found, mistakes = "", [], []
    seen: dict[tuple[str, str], int] = {}
    for number, line in _whole_lines(text):
        if header := _HEADER.fullmatch(line):
            section = header[1]
            continue
        pair = _DIRECTIVE.fullmatch(line)
        if pair is None or not section:
            wanted = "Name=value" if section else "a section first, such as [Service]"
            mistakes.append(Mistake("", f"holds {line[:40]!r}", wanted, "", file, number))
            continue
        count = seen[section, pair[1]] = seen.get((section, pair[1]), 0) + 1
        place = f"{section}.{pair[1]}" + (f"[{count}]" if count > 1 else "")
        found.append(Directive(section, pair[1], pair[2], place, number))
    if mistakes:
        raise ConfigErrors(mistakes)
    return found


def _whole_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield lines with those that continue them, and where they begin; without comments."""
    begun, parts = 0, list[str]()
    for number, line in enumerate(text.split("\n"), 1):
        said = line.strip()
        if said.startswith(("#", ";")) or not (said or parts):
            continue
        begun = begun if parts else number
        parts.append(said.removesuffix("\\").rstrip())
        if not said.endswith("\\"):
            yield begun, " ".join(parts).strip()
            parts = []
    if parts:
        yield begun, " ".join(parts).strip()


class Unit:
    """What a unit says in the end: later directives override or add to earlier ones."""

    def __init__(self, directives: list[Directive]) -> None:
        self.directives = directives
        self._by_key: dict[str, list[Directive]] = {}
        for it in directives:
            if it.value:
                self._by_key.setdefault(it.key, []).append(it)
            else:  # an empty one forgets all before it
                self._by_key.pop(it.key, None)

    def all(self, key: str) -> list[Directive]:
        """Return all that hold of those that may be said several times."""
        return self._by_key.get(key, [])

    def last(self) -> dict[str, Directive]:
        """Return the one that holds of each key."""
        return {key: found[-1] for key, found in self._by_key.items()}
