"""Commands: argument vectors, checked."""

from __future__ import annotations

import os
from collections.abc import Sequence

from supctl.errors import InvalidConfig


def check_command(command: Sequence[str | os.PathLike[str]]) -> tuple[str, ...]:
    """Return ``command`` as words.

    Raises:
        InvalidConfig: it is text, empty, or holds what is no word.
    """
    if isinstance(command, str | bytes):
        raise InvalidConfig("command", command, 'a list of words, such as ["sleep", "60"]')
    words = tuple(os.fspath(word) for word in command)
    if not words or not words[0]:
        raise InvalidConfig("command", list(words), "a program and its arguments")
    for word in words:
        if not isinstance(word, str):
            raise InvalidConfig("command", word, "text (surrogateescape carries other bytes)")
        if "\0" in word:
            raise InvalidConfig("command", word, "words without NUL characters")
    return words
