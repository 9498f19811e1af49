"""What of JavaScript is data: JSON, JSON5 and ``module.exports = {...}``, without an engine.

Comments, trailing commas, unquoted keys, single quotes, templates without ``${}``, a byte order
mark. A key that is there twice has its last value, as in JavaScript.
"""

from __future__ import annotations

import re
from typing import Any, Final

from supctl.config.syntax import DEEPEST

_SPACE: Final = re.compile(r"(?:\s|﻿|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRICT: Final = re.compile(r"""(["'])use strict\1\s*;?""")
_EXPORTS: Final = re.compile(r"(?:module\.)?exports\s*=(?!=)|export\s+default\b")
_STRING: Final = re.compile(
    r'"((?:[^"\\\n]|\\.)*)"' r"|'((?:[^'\\\n]|\\.)*)'" r"|`((?:[^`\\$]|\\.|\$(?!\{))*)`", re.DOTALL
)
_NUMBER: Final = re.compile(
    r"([+-]?)(?:(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+)"
    r"|(0(?![0-9_])|[1-9][0-9_]*|(?=\.[0-9]))(\.[0-9]*)?([eE][+-]?[0-9]+)?)(?![\w$.])"
)
_WORD: Final = re.compile(r"[A-Za-z_$][\w$]*")
_KEY: Final = re.compile(r"[A-Za-z_$][\w$]*|[0-9]+")
_ESCAPE: Final = re.compile(
    r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|.))", re.DOTALL
)
_ESCAPED: Final = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "0": "\0",
    "\n": "",
    "\r\n": "",  # a line that goes on
}
_WORDS: Final = {"true": True, "false": False, "null": None}
_LONGEST: Final = 300
"""Digits; JavaScript has hardly a finite number with more, and Python would take its time."""


class NotLiteral(Exception):
    """The text holds something else than data.

    Args:
        message: what was wanted where, as the rest of a sentence.
        line, column: counted from 1.
    """

    def __init__(self, message: str, line: int, column: int) -> None:
        self.message, self.line, self.column = message, line, column
        super().__init__(message)


def literal(text: str, *, exported: bool = False) -> Any:
    """Return the value that ``text`` is.

    Args:
        exported: whether ``module.exports =`` or ``export default`` may stand before it.

    Raises:
        NotLiteral: it is none, or nests more than 100 deep.
    """
    return _Reader(text).whole(exported)


class _Undefined:
    """What JavaScript calls ``undefined``: a key that has it is as good as not there."""


class _Reader:
    """Reads one text from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._depth = text, 0, 0

    def whole(self, exported: bool) -> Any:
        self._skip()
        for before in (_STRICT, _EXPORTS) if exported else ():
            if match := before.match(self._text, self._at):
                self._at = match.end()
                self._skip()
        value = self._value()
        self._skip()
        if self._peek() == ";":
            self._at += 1
            self._skip()
        if self._at < len(self._text):
            raise self._not("the end of the file")
        return None if value is _Undefined else value

    def _value(self) -> Any:
        character = self._peek()
        if character == "{":
            return self._nested(self._object)
        if character == "[":
            return self._nested(self._list)
        if character and character in "\"'`":
            return self._string()
        if match := _NUMBER.match(self._text, self._at):
            return self._number(match)
        if match := _WORD.match(self._text, self._at):
            word = match[0]
            if word in _WORDS or word == "undefined":
                self._at = match.end()
                return _WORDS.get(word, _Undefined)
        raise self._not("a value")

    def _nested(self, read: Any) -> Any:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._not(f"values inside values up to {DEEPEST} deep")
        self._at += 1
        self._skip()
        value = read()
        self._at += 1
        self._depth -= 1
        return value

    def _object(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while self._peek() != "}":
            key = self._key()
            self._skip()
            if self._peek() != ":":
                raise self._not(f"a colon after the key {key!r}")
            self._at += 1
            self._skip()
            value = self._value()
            values.pop(key, None)
            if value is not _Undefined:
                values[key] = value
            self._comma("}")
        return values

    def _list(self) -> list[Any]:
        values: list[Any] = []
        while self._peek() != "]":
            value = self._value()
            values.append(None if value is _Undefined else value)
            self._comma("]")
        return values

    def _comma(self, end: str) -> None:
        self._skip()
        if self._peek() == ",":
            self._at += 1
            self._skip()
        elif self._peek() != end:
            raise self._not(f"a comma or {end}")

    def _key(self) -> str:
        if (character := self._peek()) and character in "\"'":
            return self._string()
        match = _KEY.match(self._text, self._at)
        if match is None:
            raise self._not("a key or }")
        self._at = match.end()
        return match[0]

    def _string(self) -> str:
        match = _STRING.match(self._text, self._at)
        if match is None:
            raise self._not("text that ends with the quote it began with")
        body = next(group for group in match.groups() if group is not None)
        text = _ESCAPE.sub(_unescaped, body)
        # JavaScript writes what lies beyond 16 bits as two halves.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise self._not("whole characters, not halves of one")
        self._at = match.end()
        return text

    def _number(self, match: re.Match[str]) -> float:
        whole = match[2]
        digits = match[0].replace("_", "")
        if len(digits) > _LONGEST:
            raise self._not("a smaller number")
        if whole is not None or (match[4] is None and match[5] is None):
            self._at = match.end()
            return int(digits, 0)
        number = float(digits)
        if number in (float("inf"), float("-inf")):
            raise self._not("a smaller number")
        self._at = match.end()
        return int(number) if number.is_integer() else number

    def _skip(self) -> None:
        match = _SPACE.match(self._text, self._at)
        assert match is not None  # it may be empty
        self._at = match.end()

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _not(self, wanted: str) -> NotLiteral:
        seen = repr(self._text[self._at : self._at + 20].split("\n")[0])
        seen = seen if self._peek() else "the end of the file"
        line = self._text.count("\n", 0, self._at) + 1
        column = self._at - self._text.rfind("\n", 0, self._at)
        return NotLiteral(f"found {seen} in place of {wanted}", line, column)


def _unescaped(match: re.Match[str]) -> str:
    braced, four, two, one = match.groups()
    if one is not None:
        return _ESCAPED.get(one, one)
    number = int(braced or four or two, 16)
    return chr(number) if number <= 0x10FFFF else "�"
