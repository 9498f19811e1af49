"""Types that several keys have: what people call them, and what JSON Schema does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from supctl.errors import InvalidConfig
from supctl.specs.dependencies import Condition

from . import env_files, outputs, sources, units, values

Json = dict[str, Any]


def wanted_by(parse: Callable[[str, object], Any]) -> str:
    """Return what a parser says that it wants."""
    try:
        parse("", object())
    except InvalidConfig as error:
        return error.wanted
    raise AssertionError(parse)


@dataclass(frozen=True, slots=True)
class Kind:
    """A type.

    Args:
        name: for people.
        unit: of a plain number; empty if there is none.
        parse: reads it.
        forms: in JSON Schema, any of them.
    """

    name: str
    unit: str
    parse: Callable[[str, object], Any]
    forms: tuple[Mapping[str, Any], ...]

    @property
    def wanted(self) -> str:
        """What may be written."""
        return wanted_by(self.parse)


def _text(pattern: str) -> Json:
    return {"type": "string", "pattern": pattern}


_TEXT: Final[Json] = {"type": "string", "minLength": 1}
_FLAG: Final[Json] = {"type": "boolean"}
_COUNT: Final[Json] = {"type": "integer", "minimum": 0}
_NAMES: Final[Json] = {"type": "array", "items": _TEXT}
_NUMBER: Final[Json] = {"type": "number", "minimum": 0}
_DURATION: Final = _text(r"^([0-9]+(\.[0-9]+)?(ms|[smhd]))+$|^[0-9]+(\.[0-9]+)?$")
_SIZE: Final = _text(r"^[0-9]+(\.[0-9]+)? ?[kKmMgGtT]?([iI]?[bB])?$")
_CPU: Final = _text(r"^[0-9]+(\.[0-9]+)? ?%?$")
_NEVER: Final[Json] = {"const": "never"}
_UNLIMITED: Final[Json] = {"const": "unlimited"}
_NAME_OR_NUMBER: Final[Json] = {"type": ["string", "integer"]}
_CODE: Final[Json] = {"type": "integer", "minimum": 0, "maximum": 255}
_INHERITED: Final[Json] = {"enum": ["nothing", "at-start"]}
_ENV_FILE: Final[Json] = {
    "type": "object",
    "properties": {"path": _TEXT, "optional": _FLAG},
    "required": ["path"],
    "additionalProperties": False,
}
_CONDITIONS: Final[Json] = {
    "type": "object",
    "additionalProperties": {"enum": [str(word) for word in Condition]},
}
_SECRET: Final[Json] = {
    "type": "object",
    "properties": {"file": _TEXT},
    "required": ["file"],
    "additionalProperties": False,
}
_LIMIT: Final = (_COUNT, _SIZE, _UNLIMITED)


def _list_of(*forms: Json) -> Json:
    return {"type": "array", "items": {"anyOf": [*forms]}}


KINDS: Final = (
    Kind("duration", "seconds", units.parse_duration, (_NUMBER, _DURATION)),
    Kind("duration or never", "seconds", units.parse_patience, (_NUMBER, _DURATION, _NEVER)),
    Kind("size", "bytes", units.parse_size, (_COUNT, _SIZE)),
    Kind("memory", "bytes", values.parse_memory, (_COUNT, _SIZE)),
    Kind("size or unlimited", "bytes", outputs.parse_size_limit, _LIMIT),
    Kind("processors", "processors", units.parse_cpu, (_NUMBER, _CPU)),
    Kind("number or unlimited", "", outputs.parse_number_limit, (_COUNT, _UNLIMITED)),
    Kind("restarts or unlimited", "", values.parse_max_restarts, (_COUNT, _UNLIMITED)),
    Kind("command", "", values.parse_command, (_TEXT, {**_NAMES, "minItems": 1})),
    Kind("signal", "", units.parse_signal, (_NAME_OR_NUMBER,)),
    Kind("dependencies", "", values.parse_depends_on, (_NAMES, _CONDITIONS)),
    Kind("exit codes", "", values.parse_exit_codes, (_CODE, _list_of(_CODE))),
    Kind("time of day", "", outputs.parse_time_of_day, (_text("^[0-9]{2}:[0-9]{2}"),)),
    Kind("inheritance", "", values.parse_inherit_env, (_FLAG, _INHERITED, _NAMES)),
    Kind("mask", "", values.parse_umask, (_text("^(0o)?[0-7]{1,4}$"),)),
    Kind("account", "", values.parse_account, (_NAME_OR_NUMBER,)),
    Kind(
        "files of variables",
        "",
        env_files.parse_env_file,
        (_TEXT, _ENV_FILE, _list_of(_TEXT, _ENV_FILE)),
    ),
    Kind("files", "", values.parse_include, (_TEXT, _NAMES)),
    Kind("paths", "", sources.parse_paths, (_TEXT, _NAMES)),
    Kind("sources", "", sources.parse_watch, (_FLAG, _NAMES)),
    Kind("variable", "", values.parse_variable, ({"type": "string"}, _SECRET)),
    Kind("resource limit", "", values.parse_rlimit, (*_LIMIT, _list_of(*_LIMIT))),
)
"""All that parsers take, but for words and tables."""
