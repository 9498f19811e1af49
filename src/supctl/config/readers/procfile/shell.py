"""Lines for a shell: which of them need one only to start a single program."""

from __future__ import annotations

import re
import shlex
from typing import Final

from supctl.errors import InvalidConfig

_PROGRAM: Final = re.compile(r"[A-Za-z0-9_./-]+")
_OPERATOR: Final = re.compile(r"[;&|()]+")

_OF_THE_SHELL: Final = frozenset({
    "!", ".", ":", "alias", "bg", "break", "builtin", "case", "cd", "command", "continue", "do",
    "eval", "exec", "exit", "export", "fg", "for", "function", "getopts", "hash", "if", "jobs",
    "local", "popd", "pushd", "read", "readonly", "return", "select", "set", "shift", "source",
    "time", "times", "trap", "type", "typeset", "ulimit", "umask", "unalias", "unset", "until",
    "wait", "while", "{",
})  # fmt: skip
"""Words that mean something to the shell itself, and are no programs."""


def through_shell(field: str, line: str) -> list[str]:
    """Return the argument vector that has a shell run a line.

    The shell replaces itself where the line is one program: the process that is told to stop is
    then that program, and its exit code is seen as it is.

    Raises:
        InvalidConfig: a quote is not closed.
    """
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    try:
        words = list(lexer)
    except ValueError as error:
        raise InvalidConfig(field, line, "a line for a shell", f"{error}".lower()) from None
    alone = words and _PROGRAM.fullmatch(words[0]) and words[0] not in _OF_THE_SHELL
    if alone and not any(map(_OPERATOR.fullmatch, words)):
        line = f"exec {line}"
    return ["sh", "-c", line]
