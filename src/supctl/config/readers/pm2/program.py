"""Which program PM2 would start: a file, by its interpreter, a program on the PATH, or a shell."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

_INTERPRETERS: Final[Mapping[str, tuple[str, ...]]] = {
    ".js": ("node",),
    ".sh": ("bash",),
    ".py": ("python", "python3"),
    ".rb": ("ruby",),
    ".php": ("php",),
    ".pl": ("perl",),
    ".coffee": ("coffee",),
    ".ls": ("lsc",),
    ".ts": ("bun", "tsx", "ts-node"),
    ".tsx": ("bun", "tsx", "ts-node"),
}
"""By the ending of a file: the first of them that is on the PATH."""

_WORDS: Final = re.compile(
    r"""[^\s"'=]+="[^"]*"|[^\s"'=]+='[^']*'|"[^"]*"|'[^']*'|\S+""",
)
_HEAD: Final = 512
"""Bytes of a file by which text and programs of the machine are told apart."""


@dataclass(frozen=True, slots=True)
class Program:
    """What a file says of what is to be started.

    Args:
        script: a file, a program on the PATH, or a line for a shell.
        args: its arguments.
        interpreter: what runs it; ``"none"``: itself; empty: by its ending.
        interpreter_args: the arguments of that.
        cwd: what it is relative to; absolute.
        environ: has the PATH.
    """

    script: str
    args: list[str]
    interpreter: str
    interpreter_args: list[str]
    cwd: Path
    environ: Mapping[str, str] = field(repr=False)

    @property
    def is_shell_line(self) -> bool:
        """Whether a shell runs it, and its arguments are dropped."""
        return " " in self.script

    @property
    def file(self) -> str | None:
        """The file that is run: relative to ``cwd``, or on the PATH; ``None`` if there is none."""
        return self.script if is_there(self.cwd / self.script) else self._which(self.script)

    def interpreters(self) -> list[str]:
        """Return the words before the file: empty if it runs by itself."""
        if self.interpreter == "none":
            return []
        chosen = self.interpreter and _version(self.interpreter, self.environ)
        if not chosen:
            chosen = self._usual()
        return [chosen, *self.interpreter_args] if chosen else []

    def command(self) -> list[str]:
        """Return the whole command."""
        if self.is_shell_line:
            shell = "bash" if self._which("bash") else "sh"
            return [shell, "-c", self.script]
        if before := self.interpreters():
            return [*before, self.file or self.script, *self.args]
        is_here = "/" not in self.script and self.file == self.script
        return [f"./{self.script}" if is_here else self.script, *self.args]

    def _usual(self) -> str:
        """Return the interpreter where none is named; empty for a file that runs by itself."""
        file = self.file or self.script
        names = _INTERPRETERS.get(PurePosixPath(file).suffix)
        if names:
            return next((name for name in names if self._which(name)), names[0])
        head = _head(self.cwd / file)
        if head is None or b"\0" in head:
            return ""
        # To PM2 any other text is JavaScript. What names its interpreter is better believed.
        names_another = head.startswith(b"#!") and not re.match(rb"#!.*\b(node|bun)\b", head)
        by_itself = names_another or (self.file != self.script and not self.interpreter_args)
        return "" if by_itself else "node"

    def _which(self, name: str) -> str | None:
        try:
            return shutil.which(name, path=self.environ.get("PATH", os.defpath))
        except ValueError:  # a NUL in it
            return None


def is_there(path: Path) -> bool:
    """Return whether a path exists, whatever it is made of."""
    try:
        return path.exists()
    except (OSError, ValueError):  # too long a name, or a NUL in it
        return False


def words(value: str | list[object]) -> list[str]:
    """Return arguments as PM2 splits them: no shell, quotes around a word hold it together."""
    if isinstance(value, list):
        return [as_text(item) for item in value]
    found = _WORDS.findall(value)
    return [it[1:-1] if len(it) > 1 and it[0] == it[-1] and it[0] in "\"'" else it for it in found]


def as_text(value: object) -> str:
    """Return a value as JavaScript makes text of it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
    return str(value)


def _version(interpreter: str, environ: Mapping[str, str]) -> str:
    """Return the node of a version (``node@20.1.0``) that nvm has installed, else what was said."""
    name, at, version = interpreter.partition("@")
    if not at or name != "node":
        return interpreter
    path = Path(environ.get("NVM_DIR", "")) / f"versions/node/v{version}/bin/node"
    return str(path) if "NVM_DIR" in environ and path.is_file() else "node"


def _head(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except (OSError, ValueError):
        return None
