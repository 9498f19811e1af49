"""What can be said of every key, for people and editors: type, unit, default, meaning.

All of it is taken from where it is said once: types from parsers and schema, defaults from specs,
meanings from the docstrings below the keys of :mod:`.schema`.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, Final, get_args

import msgspec

from supctl.specs import (
    App,
    Backoff,
    Health,
    Limits,
    Log,
    Ready,
    Sources,
    StartRate,
    Stop,
    Supervisor,
    Tcp,
    Worker,
)

from . import probes, sources
from .kinds import KINDS, Json, Kind, wanted_by
from .native import USUAL_OF_ROOT, USUAL_OF_SUPERVISORS
from .reading import By, Each, Table, hints
from .schema import (
    AppKeys,
    BackoffKeys,
    DefaultsKeys,
    HealthKeys,
    LimitsKeys,
    LogKeys,
    ReadyKeys,
    RootKeys,
    StartRateKeys,
    StopKeys,
    SupervisorKeys,
    WatchKeys,
    WorkerKeys,
    children,
    files,
    policies,
)

_KIND_OF: Final = {kind.parse: kind for kind in KINDS}
TABLES: Final = {
    probes.parse_ready: ReadyKeys,
    probes.parse_health: HealthKeys,
    sources.parse_watch: WatchKeys,
}
"""Keys of tables that have a parser of their own."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a table.

    Args:
        meaning: a sentence.
        kind: what parser reads it, if one of :data:`KINDS`.
        words: one of which it is, if it is a word.
        table: the schema of the table that it is, if it is one; with ``kind``: may be.
        each: whether it is a table of free names, of which the rest tells the values.
        plain: as JSON Schema, if it is none of these.
        default: as a file would say it; ``None`` if there is none to say.
    """

    meaning: str
    kind: Kind | None = None
    words: tuple[str, ...] = ()
    table: type | None = None
    each: bool = False
    plain: Json | None = None
    default: object = None


def keys_of(schema: type) -> dict[str, Key]:
    """Return what can be said of each key of a table."""
    usual, meanings = _defaults(schema), _meanings()
    return {
        key: Key(
            meaning=_meaning(meanings, schema.__name__, key),
            default=_said(hint, marker, usual[key]) if key in usual else None,
            **_type(hint, marker),
        )
        for key, (hint, marker) in hints(schema).items()
    }


def _type(hint: Any, marker: object) -> dict[str, Any]:
    match marker:
        case Table(schema):
            return {"table": schema}
        case Each(parse):
            return {"kind": _KIND_OF[parse], "each": True}
        case By(parse) if parse in TABLES:
            return {"table": TABLES[parse], "kind": _KIND_OF.get(parse)}
        case By(parse) if parse in _KIND_OF:
            return {"kind": _KIND_OF[parse]}
        case By(parse):
            return {"words": tuple(wanted_by(parse).removeprefix("one of ").split(", "))}
    return {"plain": {} if hint is Any else msgspec.json.schema(hint)}


def _said(hint: Any, marker: object, value: Any) -> object:
    """Return what a file would say for the default of a spec; ``None`` for nothing."""
    match marker:
        case Table() | Each():
            return None
        case By(write=write) if value is not None or type(None) in get_args(hint):
            value = write(value)
    return None if value in ([], ()) else value


@cache
def _specs() -> dict[type, object]:
    """Return a spec for each table, of which nothing has been said."""
    return {
        DefaultsKeys: App("app", ["program"]),
        AppKeys: App("app", ["program"]),
        WorkerKeys: Worker("worker", "module:Class"),
        SupervisorKeys: Supervisor("supervisor", **USUAL_OF_SUPERVISORS),
        RootKeys: Supervisor("root", **USUAL_OF_ROOT),
        BackoffKeys: Backoff(),
        StartRateKeys: StartRate(),
        StopKeys: Stop(),
        LimitsKeys: Limits(),
        LogKeys: Log(),
        ReadyKeys: Ready(Tcp(1)),
        HealthKeys: Health(Tcp(1)),
        WatchKeys: Sources(),
    }


_MUST_BE_SAID: Final = {"command", "cwd", "env", "actor", "args", "kwargs"}


def _defaults(schema: type) -> dict[str, Any]:
    """Return what a key is where a file does not say it."""
    spec = _specs().get(schema)
    found = {"inherit_env": False}
    for holder in (spec, getattr(spec, "intensity", None)):
        for key in hints(schema).keys() - _MUST_BE_SAID:
            if hasattr(holder, key):
                found[key] = getattr(holder, key)
    return found


@cache
def _meanings() -> dict[str, tuple[list[str], dict[str, str]]]:
    """Return names of bases, and meanings by key, of each table of the schema."""
    found: dict[str, tuple[list[str], dict[str, str]]] = {}
    for module in (policies, children, files):
        for node in _classes(module):
            bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
            found[node.name] = bases, _docstrings(node)
    return found


def _classes(module: ModuleType) -> list[ast.ClassDef]:
    return [it for it in ast.parse(inspect.getsource(module)).body if isinstance(it, ast.ClassDef)]


def _docstrings(node: ast.ClassDef) -> dict[str, str]:
    found = {}
    for said, below in zip(node.body, node.body[1:], strict=False):
        match said, below:
            case (
                ast.AnnAssign(target=ast.Name(id=key)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[key] = " ".join(text.split())
    return found


def _meaning(meanings: dict[str, tuple[list[str], dict[str, str]]], schema: str, key: str) -> str:
    bases, said = meanings.get(schema, ([], {}))
    if key in said:
        return said[key]
    return next((it for base in bases if (it := _meaning(meanings, base, key))), "")
