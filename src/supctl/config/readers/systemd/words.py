"""Command lines and lists of words, as of systemd.service(5): quotes, escapes, variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from supctl.errors import InvalidConfig

_BLANKS: Final = " \t\n\r"
_QUOTES: Final = "'\""
_ESCAPES: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\",
    '"': '"', "'": "'", "s": " ",
}  # fmt: skip
_CODES: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([0-7]{3}))")
_VARIABLE: Final = re.compile(r"\$(?:(\$)|\{([A-Za-z_][A-Za-z0-9_]*)\})")
_WHOLE_VARIABLE: Final = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")


def split(field: str, text: str) -> list[str]:
    """Return the words of a line.

    Raises:
        InvalidConfig: a quote is not closed, or an escape is half of a character.
    """
    words: list[str] = []
    position = 0
    while position < len(text):
        if text[position] in _BLANKS:
            position += 1
            continue
        word, position = _word(field, text, position)
        words.append(word)
    return words


def _word(field: str, text: str, position: int) -> tuple[str, int]:
    """Return the word that begins at ``position``, and where it ends."""
    parts, quote = [], ""
    while position < len(text):
        letter = text[position]
        if letter == "\\":
            part, position = _escaped(field, text, position)
            parts.append(part)
            continue
        position += 1
        if letter == quote:
            quote = ""
        elif not quote and letter in _QUOTES:
            quote = letter
        elif not quote and letter in _BLANKS:
            break
        else:
            parts.append(letter)
    if quote:
        raise InvalidConfig(field, text, "quotes that are closed", f"one {quote} is not")
    return "".join(parts), position


def _escaped(field: str, text: str, position: int) -> tuple[str, int]:
    letter = text[position + 1 : position + 2]
    if letter in _ESCAPES:
        return _ESCAPES[letter], position + 2
    if letter == ";":  # what would else begin another command
        return ";", position + 2
    code = _CODES.match(text, position)
    if code is None:  # systemd warns, and keeps it
        return "\\", position + 1
    digits, base = (code[3], 8) if code[3] else (code[1] or code[2], 16)
    number = int(digits, base)
    if 0xD800 <= number < 0xE000:
        raise InvalidConfig(field, text, "whole characters")
    return chr(number), code.end()


def put_in(words: list[str], variables: Mapping[str, str]) -> list[str]:
    """Return words with the values of variables.

    ``${NAME}`` is put in as it is; a word ``$NAME`` becomes the words that its value holds, or
    none; ``$$`` is a dollar. A variable that is not set is empty.
    """
    made: list[str] = []
    for word in words:
        if whole := _WHOLE_VARIABLE.fullmatch(word):
            made += variables.get(whole[1], "").split()
        else:
            made.append(_VARIABLE.sub(lambda it: it[1] or variables.get(it[2], ""), word))
    return made
