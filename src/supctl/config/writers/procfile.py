"""A Procfile: a line for every app."""

from __future__ import annotations

import re
import shlex
from typing import Final

from supctl.config.exports import Export, Program

TOOL: Final = "Procfile"

_REASONS: Final = {
    "instances": "a Procfile does not say how many; start it with a formation such as web=2",
    "depends_on": "all lines of a Procfile start at once",
}


def write(programs: list[Program], export: Export) -> None:
    """Fill ``export`` with the file."""
    lines = [f"{_name(program)}: {_line(program)}" for program in programs]
    export.files["Procfile"] = "".join(f"{line}\n" for line in lines)
    if lines:
        detail = "runners stop all when one ends; none is started again"
        export.change("apps", "Procfile", detail)


def _name(program: Program) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]", "-", program.name)
    if name != program.name:
        program.export.change(program.place, name, "names hold letters, digits, - and _ only")
    return name


def _line(program: Program) -> str:
    """Return a line for a shell that becomes the program."""
    words = ["exec", *program.app.command]
    if program.env:
        words = ["exec", "env", *(f"{k}={v}" for k, v in program.env.items()), *words[1:]]
    line = " ".join(_word(program, word) for word in words)
    if program.cwd != str(program.export.directory):
        line = f"cd {_word(program, program.cwd)} && {line}"
    program.finish(_REASONS)
    return line


def _word(program: Program, text: str) -> str:
    """Return a word for a shell, in one line."""
    if "\n" not in text:
        return shlex.quote(text)
    if text.endswith("\n"):
        detail = "the line ends at its end are left out"
        program.export.change(f"{program.place}.command", "Procfile", detail)
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    return f'"$(printf %b {shlex.quote(escaped)})"'
