"""The JSON Schema of ``supctl.toml``, for editors: they complete keys, tell what they mean, and
mark what is wrong."""

from __future__ import annotations

from typing import Any, Final

from .keys import Key, keys_of
from .kinds import Json
from .schema import (
    AppKeys,
    DefaultsKeys,
    FileKeys,
    LayerKeys,
    LogKeys,
    RootKeys,
    SupervisorKeys,
    WorkerKeys,
)

_REFERENCE: Final[Json] = {"type": "string", "pattern": r"\$\{"}
_ENVIRONMENT: Final[Json] = {
    "description": "Environment variables in the profile of this name.",
    "type": "object",
    "additionalProperties": {"type": "string"},
}
_APPS: Final[Json] = {
    "type": "object",
    "propertyNames": {"pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"},
    "additionalProperties": {"$ref": "#/definitions/child"},
}
_TABLES: Final[dict[str, Json]] = {
    "supervisor": {"$ref": "#/definitions/root"},
    "log": {"$ref": "#/definitions/log"},
    "defaults": {"$ref": "#/definitions/defaults"},
    "apps": _APPS,
    "profiles": {"type": "object", "additionalProperties": {"$ref": "#/definitions/profile"}},
}
"""Keys whose tables hold what the schema of one table cannot tell."""

_DEFINITIONS: Final = {
    "root": RootKeys,
    "log": LogKeys,
    "defaults": DefaultsKeys,
    "profile": FileKeys,
    "program": AppKeys,
    "worker": WorkerKeys,
    "supervisor": SupervisorKeys,
}
_CHILDREN: Final = ("program", "worker", "supervisor")
"""No key of them is required: a file may complete what another one says."""


def json_schema() -> Json:
    """Return the schema, of draft 7, which editors know best."""
    definitions = {name: _table(keys) for name, keys in _DEFINITIONS.items()}
    for name in ("defaults", "program"):
        definitions[name]["patternProperties"] = {"^env_(?!file$)": _ENVIRONMENT}
    definitions["child"] = {"anyOf": [{"$ref": f"#/definitions/{name}"} for name in _CHILDREN]}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "supctl.toml",
        "description": "What supctl keeps alive: programs, Python actors and their supervisors.",
        **_table(LayerKeys),
        "definitions": definitions,
    }


def _table(schema: type) -> Json:
    properties = {name: _property(name, key) for name, key in keys_of(schema).items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _property(name: str, key: Key) -> Json:
    said: Json = {"description": key.meaning}
    if key.default is not None:
        said["default"] = key.default
    if key.plain == {}:
        return {**said, "allOf": [_TABLES[name]]}
    return {**_form(key), **said}


def _form(key: Key) -> Json:
    if key.table is not None:
        table = _table(key.table)
        return table if key.kind is None else {"anyOf": [*key.kind.forms, table]}
    if key.words:
        return {"anyOf": [{"enum": [*key.words]}, _REFERENCE]}
    if key.kind is None:
        return {**(key.plain or {})}
    form: dict[str, Any] = {"anyOf": [*key.kind.forms, _REFERENCE]}
    return {"type": "object", "additionalProperties": form} if key.each else form
