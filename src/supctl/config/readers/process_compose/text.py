"""Text before it is YAML: ``${NAME}``; and text in YAML: ``{{.NAME}}``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from supctl.config.mistakes import ConfigErrors, Mistake
from supctl.config.reading import Reader, join

from .schema import parse_text

_OFF: Final = re.compile(
    r"""^(?:["']?|[ \t{]*")disable_env_expansion["']?[ \t]*:[ \t]*["']?true\b""", re.M | re.I
)
_REFERENCE: Final = re.compile(r"\$\$|\$\{([^{}]*)\}")
_NAMED: Final = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?:(:?[-=])(.*))?", re.DOTALL)

_TEMPLATE: Final = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_VARIABLE: Final = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)")
_LITERAL: Final = re.compile(r'"([^"\\]*)"|`([^`]*)`')


def expand(text: str, environ: Mapping[str, str], file: str) -> str:
    """Return the text of a file with the environment put in, unless the file forbids it.

    ``${NAME}`` is replaced, an unset one by nothing or by what ``${NAME:-text}`` says. ``$$`` is
    one ``$``. ``$NAME`` and ``$(...)`` are left to the shell.

    Raises:
        ConfigErrors: for what else stands in ``${}``; with its line.
    """
    if _OFF.search(text):
        return text
    mistakes: list[Mistake] = []

    def replaced(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        parts = _NAMED.fullmatch(match[1])
        if parts is None:
            line = text.count("\n", 0, match.start()) + 1
            column = match.start() - text.rfind("\n", 0, match.start())
            mend = f"for the shell, write ${match[0]}"
            seen, wanted = f"holds {match[0]}", "${NAME} or ${NAME:-text}"
            mistakes.append(Mistake("", seen, wanted, mend, file, line, column))
            return ""
        name, sign, usual = parts.groups()
        value = environ.get(name)
        is_set = value is not None if sign in ("-", "=") else bool(value)
        return (value or "") if is_set else (usual or "")

    expanded = _REFERENCE.sub(replaced, text)
    if mistakes:
        raise ConfigErrors(mistakes)
    return expanded


def render(value: Any, variables: Mapping[str, Any], place: str, reader: Reader) -> Any:
    """Return a table with ``{{.NAME}}`` replaced in all texts.

    What else a template of Go can say is a mistake.
    """
    match value:
        case str():
            return _TEMPLATE.sub(lambda it: _rendered(it, variables, place, reader), value)
        case list():
            return [
                render(item, variables, f"{place}[{number}]", reader)
                for number, item in enumerate(value)
            ]
        case dict():
            return {
                key: item if key == "vars" else render(item, variables, join(place, key), reader)
                for key, item in value.items()
            }
    return value


def _rendered(
    match: re.Match[str], variables: Mapping[str, Any], place: str, reader: Reader
) -> str:
    inside = match[1]
    if literal := _LITERAL.fullmatch(inside):
        return literal[1] or literal[2] or ""
    name = _VARIABLE.fullmatch(inside)
    mend = "is_template_disabled: true leaves braces as they are"
    if name is None:
        wanted = "{{.NAME}}: supctl works out no other templates"
        reader.wrong(place, f"holds the template {match[0]}", wanted, mend)
    elif isinstance(found := variables.get(name[1]), str | int | float):
        return parse_text(place, found)
    else:
        reader.wrong(place, f"holds {match[0]}", f"{name[1]} in vars", mend)
    return ""
