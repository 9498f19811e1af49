"""``${NAME}`` in texts: a variable of the environment that supctl runs in.

Of an app's own ``env_file`` too, or of that of its ``defaults``, where the environment has none.
Forms: ``${NAME}``; ``${NAME:-default}``, and ``${NAME:?message}`` to say what is missing, both also
where it is empty. Before a ``{`` two dollars are one and begin no reference: ``$${NAME}`` reaches a
shell as ``${NAME}``. Anywhere else a dollar is a dollar. Keys are no texts.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import Any, Final

from supctl.errors import InvalidConfig

from .env_files import EnvFiles, parse_env_file
from .merging import Tables
from .reading import join

_DOLLARS: Final = re.compile(r"((?:\$\$)+)(?=\{)|((?:\$\$)*)\$\{([^{}]*)(\}?)")
_INSIDE: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::([-?])(.*))?", re.DOTALL)
_RUN: Final = re.compile(r"\$+(?=\{)")


def expand(text: str, place: str, known: Mapping[str, str]) -> str:
    """Return a text with what its references stand for.

    Args:
        place: of the text.
        known: the variables.

    Raises:
        InvalidConfig: one is not set, or is no reference.
    """

    def stand_for(found: re.Match[str]) -> str:
        even, odd, inside, closed = found.groups()
        if even:
            return "$" * (len(even) // 2)
        whole = found[0][len(odd) :]
        parts = _INSIDE.fullmatch(inside) if closed else None
        if parts is None:
            wanted = "${NAME}, ${NAME:-default} or ${NAME:?message}"
            raise InvalidConfig(place, whole, wanted, _for_a_shell(whole))
        return "$" * (len(odd) // 2) + _value(parts, whole, place, known)

    return _DOLLARS.sub(stand_for, text) if "${" in text else text


def escape(text: str) -> str:
    """Return what :func:`expand` makes ``text`` of, whatever is set."""
    return _RUN.sub(lambda found: found[0] * 2, text)


def escaped(value: Any) -> Any:
    """Return a value of tables, or tables, whose texts refer to nothing and say the same."""
    match value:
        case str():
            return escape(value)
        case list():
            return [escaped(item) for item in value]
        case dict():
            return {key: escaped(item) for key, item in value.items()}
    return value


def _value(parts: re.Match[str], whole: str, place: str, known: Mapping[str, str]) -> str:
    name, how, rest = parts.groups()
    value = known.get(name)
    if value is not None and (value or how is None):
        return value
    if how == "-":
        return rest
    wanted = f"{name} to be set where supctl runs, or in env_file"
    if how == "?":
        raise InvalidConfig(place, whole, wanted, rest)
    mend = f"or write ${{{name}:-default}}; {_for_a_shell(whole)}"
    raise InvalidConfig(place, whole, wanted, mend)


def _for_a_shell(whole: str) -> str:
    return f"if it is for a shell: ${whole}"


class References:
    """Puts into tables what their texts refer to.

    Args:
        environ: the environment that supctl runs in.
        env_files: whatever is wrong with one of them is not told here.
        refuse: is told each mistake; such a text stays as it is.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        env_files: EnvFiles,
        refuse: Callable[[InvalidConfig], None],
    ) -> None:
        self._environ, self._env_files, self._refuse = dict(environ), env_files, refuse

    def resolve(self, tables: Tables) -> Tables:
        """Return the tables of a file with what they refer to."""
        resolved: Tables = self._resolved(tables, "", self._environ)
        return resolved

    def _resolved(self, value: Any, place: str, known: Mapping[str, str]) -> Any:
        match value:
            case str():
                return self._expanded(value, place, known)
            case list():
                return [
                    self._resolved(item, f"{place}[{number}]", known)
                    for number, item in enumerate(value)
                ]
            case dict():
                known = self._known(value, known)
                return {
                    key: item
                    if isinstance(item, str) and "${" not in item
                    else self._resolved(item, join(place, key), known)
                    for key, item in value.items()
                }
        return value

    def _expanded(self, text: str, place: str, known: Mapping[str, str]) -> str:
        try:
            return expand(text, place, known)
        except InvalidConfig as error:
            self._refuse(error)
            return text

    def _known(self, table: Tables, known: Mapping[str, str]) -> Mapping[str, str]:
        """Return the variables for all that is in ``table``."""
        said = table.get("env_file")
        if said is None and isinstance(table.get("defaults"), dict):
            said = table["defaults"].get("env_file")
        if said is None:
            return known
        quiet = References(self._environ, self._env_files, lambda _: None)
        try:
            files = parse_env_file("", quiet._resolved(said, "", self._environ))
            return ChainMap(self._environ, self._env_files.values(files, ""))
        except InvalidConfig:
            return known
