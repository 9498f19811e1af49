"""``.bunctl.json``: one program, by its entry point, that bunctl hands to systemd."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypedDict

from msgspec import Meta

from supctl.config.formats import Source
from supctl.config.imports import Import
from supctl.config.reading import By, Each, join
from supctl.config.schema import Flag, Number, Text, Whole
from supctl.config.values import parse_env_value, parse_memory, parse_word

_NOTE: Final = (
    "the app has not the sandbox that bunctl asks systemd for (private /tmp, read-only system)"
)

_ENTRIES: Final = (
    *("src/index.ts", "src/index.js", "src/main.ts", "src/app.ts", "src/server.ts"),
    *("index.ts", "index.js", "main.ts", "app.ts", "server.ts", "app.js", "server.js"),
)
"""Where bunctl looks where no entry is named."""

_PROCESSES: Final = 100
"""Tasks that an app may have."""

_MAX_RESTARTS: Final = 3
_WITHIN: Final = 60
_RESTART_DELAY: Final = 10
"""Seconds, where nothing is said."""

_SAME: Final = {
    "entry": "command",
    "runtime": "command",
    "port": "port",
    "memory": "limits.memory",
    "cpu": "limits.cpu",
    "autostart": "autostart",
    "restart_delay": "backoff",
    "max_restarts": "max_restarts",
    "env": "env",
    "log_mode": "log.to",
}


def _runtime(field: str, value: object) -> str:
    return parse_word(field, value, {"bun": "bun", "node": "node"})


def _log_mode(field: str, value: object) -> str:
    return parse_word(field, value, {"journal": "journald", "file": "file"})


class EntryKeys(TypedDict, total=False):
    """The file itself."""

    name: Text
    entry: Text
    port: Annotated[int, Meta(ge=1, le=65535, description="a port from 1 to 65535")]
    runtime: Annotated[str, By(_runtime)]
    memory: Annotated[int, By(parse_memory)]
    cpu: Annotated[float, Meta(gt=0, le=409_600, description="percent, more than 0")]
    autostart: Flag
    restart_delay: Number
    max_restarts: Whole
    env: Annotated[dict[str, str], Each(parse_env_value)]
    log_mode: Annotated[str, By(_log_mode)]


def read_entry(tables: dict[str, Any], source: Source, found: Import, within: str) -> None:
    """Fill ``found`` with the one app of a file."""
    said = found.reader.table(EntryKeys, tables, within, "file")
    entry = said.get("entry") or next(
        (it for it in _ENTRIES if (source.directory / it).exists()), ""
    )
    if not entry:
        mend = "or call it src/index.ts"
        found.reader.wrong(join(within, "entry"), "is not there", "the file to run", mend)
        return
    found.reader.notes.append(_NOTE)
    name = said.get("name", source.directory.name)
    name = found.name(name, join(within, "name"))
    became = join("apps", name)
    for key in said:
        if key in _SAME:
            found.map(join(within, key), f"{became}.{_SAME[key]}")
    found.document = {"apps": {name: _table(said, entry)}}


def _table(said: dict[str, Any], entry: str) -> dict[str, Any]:
    delay = said.get("restart_delay", _RESTART_DELAY)
    limits = {"memory": said.get("memory"), "pids": _PROCESSES}
    if "cpu" in said:
        limits["cpu"] = said["cpu"] / 100
    return {
        "command": [said.get("runtime", "bun"), entry],
        **{key: said[key] for key in ("port", "env") if said.get(key)},
        **({} if said.get("autostart", True) else {"autostart": False}),
        "backoff": {"initial": delay, "factor": 1, "maximum": delay, "jitter": "none"},
        "max_restarts": said.get("max_restarts", _MAX_RESTARTS),
        "within": _WITHIN,
        "limits": {key: value for key, value in limits.items() if value is not None},
        **({"log": {"to": "journald"}} if said.get("log_mode") == "journald" else {}),
    }
