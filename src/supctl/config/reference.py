"""The reference of all keys, as docs/configuration.md has it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from .keys import Key, keys_of
from .kinds import KINDS, Kind
from .schema import (
    AppKeys,
    BackoffKeys,
    DefaultsKeys,
    HealthKeys,
    LayerKeys,
    LimitsKeys,
    LogKeys,
    ReadyKeys,
    RootKeys,
    StartRateKeys,
    StopKeys,
    SupervisorKeys,
    WatchKeys,
    WorkerKeys,
)

_POWERS: Final = ((2**30, "G"), (2**20, "M"), (2**10, "K"))

_SECTIONS: Final = (
    ("The file", "", LayerKeys),
    ("Programs: `[apps.NAME]` with `command`", "", AppKeys),
    ("Supervisors: `[apps.NAME]` with `apps`", "", SupervisorKeys),
    ("Workers: `[apps.NAME]` with `actor`", "", WorkerKeys),
    (
        "The root: `[supervisor]`",
        "Keys as those of a supervisor; it bears any number of restarts.",
        RootKeys,
    ),
    (
        "Defaults: `[defaults]`, and `defaults` of a supervisor",
        "All keys of programs but `command`, with the same meaning.",
        DefaultsKeys,
    ),
    ("`ready`", "Exactly one question, and how it is asked (docs/health.md).", ReadyKeys),
    ("`health`", "Exactly one question, and how it is asked (docs/health.md).", HealthKeys),
    ("`watch`", "docs/watch.md tells more.", WatchKeys),
    ("`stop`", "", StopKeys),
    ("`limits`", "", LimitsKeys),
    ("`log`", "docs/logs.md tells more.", LogKeys),
    ("`backoff`", "docs/policies.md tells more.", BackoffKeys),
    ("`start_rate`", "", StartRateKeys),
)


def reference() -> str:
    """Return all keys, a table for each kind of table, and the types, as Markdown."""
    return "\n".join([*_tables(), *_types()]) + "\n"


def _tables() -> Iterator[str]:
    for title, text, schema in _SECTIONS:
        yield from (f"## {title}", "")
        if text:
            yield from (text, "")
        if schema is not DefaultsKeys:
            yield from ("| Key | Type | Default | Meaning |", "|---|---|---|---|")
            yield from (_row(name, key) for name, key in _ordered(schema))
            yield ""


def _ordered(schema: type) -> list[tuple[str, Key]]:
    """Return keys, what a table cannot do without first."""
    first = {"command", "actor", "apps"} if schema is not LayerKeys else set()
    return sorted(keys_of(schema).items(), key=lambda it: it[0] not in first)


def _row(name: str, key: Key) -> str:
    default = "" if key.default is None else f"`{_default(key)}`"
    return f"| `{name}` | {_type(name, key)} | {default} | {key.meaning} |"


def _type(name: str, key: Key) -> str:
    if key.table is not None:
        table = f"[table](#{name})"
        return table if key.kind is None else f"[{key.kind.name}](#types) or {table}"
    if key.words:
        return ", ".join(f"`{word}`" for word in key.words)
    if key.kind is not None:
        kind = f"[{key.kind.name}](#types)"
        return f"table of names, each a {kind}" if key.each else kind
    return str((key.plain or {}).get("description", "table"))


def _default(key: Key) -> str:
    value: Any = key.default
    if key.kind is not None and key.kind.unit == "seconds" and isinstance(value, float):
        return f"{value * 1000:g}ms" if 0 < value < 1 else f"{value:g}s"
    if key.kind is not None and key.kind.unit == "bytes" and isinstance(value, int):
        power, unit = next(((it, unit) for it, unit in _POWERS if value % it == 0), (1, ""))
        return f"{value // power}{unit}"
    return f"{value:g}" if type(value) is float else json.dumps(value).strip('"')


def _types() -> Iterator[str]:
    yield from ("## Types", "", "| Type | Unit of a plain number | What may be written |")
    yield "|---|---|---|"
    yield from (_kind(kind) for kind in KINDS)


def _kind(kind: Kind) -> str:
    return f"| {kind.name} | {kind.unit} | {kind.wanted} |"
