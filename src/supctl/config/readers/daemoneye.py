"""DaemonEye's process manager: ``[process_manager]`` and its collectors, as TOML or JSON.

::

    [process_manager]
    enable_auto_restart = true
    default_graceful_timeout_seconds = 30
    default_force_timeout_seconds = 5

    [process_manager.collector_binaries]
    procmond = "/usr/local/bin/procmond"

    [[collectors]]                  # may be left out: then every binary is one
    id = "procmond-1"
    collector_type = "procmond"

The program of a collector is its ``binary_path``, else the one that ``collector_binaries`` has for
its type, else the first that there is of ``/usr/local/bin``, ``/usr/bin`` and ``target/release``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, TypedDict

from msgspec import Meta

from supctl.config.imports import Import
from supctl.config.mistakes import ConfigErrors, show
from supctl.config.reading import Each, Reader, join
from supctl.config.schema import Flag, Text, Whole
from supctl.config.source import Source, is_there
from supctl.config.syntax import is_json, parse
from supctl.config.values import parse_env_value

Seconds = Annotated[int, Meta(ge=0, le=10**9, description="whole seconds, 0 or more")]
Words = Annotated[list[str], Meta(description="a list of texts")]
Restarts = Annotated[int, Meta(ge=0, le=100, description="a number from 0 to 100")]
Free = Annotated[dict[str, Any], Meta(description="a table")]


class ManagerKeys(TypedDict, total=False):
    """``[process_manager]``."""

    enable_auto_restart: Flag
    default_graceful_timeout_seconds: Seconds
    default_force_timeout_seconds: Seconds
    health_check_interval_seconds: Seconds
    heartbeat_timeout_multiplier: Whole
    collector_binaries: Annotated[dict[str, str], Each(parse_env_value)]


class LimitsKeys(TypedDict, total=False):
    """``resource_limits`` of a collector."""

    max_memory_bytes: Whole
    max_cpu_percent: Whole


class CollectorKeys(TypedDict, total=False):
    """``[[collectors]]``."""

    id: Text
    collector_type: Text
    binary_path: Text
    enabled: Flag
    args: Words
    env: Annotated[dict[str, str], Each(parse_env_value)]
    working_dir: Text
    resource_limits: Any
    auto_restart: Flag
    max_restarts: Restarts
    startup_timeout_secs: Seconds
    heartbeat_interval_secs: Seconds
    config: Free


_MAX_RESTARTS: Final = 3
_GRACE: Final = 30
_FORCE: Final = 5
"""Seconds, and restarts, that DaemonEye takes where nothing is said."""

_FOLDERS: Final = ("/usr/local/bin", "/usr/bin", "target/release")
"""Where a collector is looked for last; the one without a slash is relative to the file."""

_BEATS: Final = "heartbeats go over DaemonEye's own bus; say health for another way of asking"
_FATES: Final[Mapping[str, str]] = {
    "collector_type": "command",
    "binary_path": "command",
    "enabled": "autostart",
    "args": "command",
    "env": "env",
    "working_dir": "cwd",
    "resource_limits": "limits",
    "auto_restart": "restart",
    "max_restarts": "give_up_after",
}
_LEFT_OUT: Final[Mapping[str, str]] = {
    "startup_timeout_secs": "a program is up as soon as it runs where ready says nothing",
    "heartbeat_interval_secs": _BEATS,
    "config": "DaemonEye itself hands it on to its collectors",
}
_NOTE: Final = (
    "collectors inherit the whole environment, as under DaemonEye; those without working_dir "
    "start in the directory of the file"
)
_TABLE: Final = re.compile(rb"^\s*\[\s*process_manager\s*[.\]]", re.MULTILINE)


def claims(source: Source) -> bool:
    """Return whether a file has DaemonEye's process manager, or a list of its collectors."""
    if not is_json(source.path, source.content):
        return _TABLE.search(source.content) is not None
    if b'"collectors"' not in source.content:
        return False
    try:
        collectors = _tables(source).get("collectors")
    except ConfigErrors:
        return False
    return isinstance(collectors, list) and all(isinstance(it, dict) for it in collectors)


def read(source: Source, found: Import) -> None:
    """Fill ``found`` with the collectors of the file."""
    reader, tables = found.reader, _tables(source)
    manager = reader.table(ManagerKeys, tables.pop("process_manager", {}), "process_manager")
    collectors = tables.pop("collectors", None)
    for key in tables:
        found.leave_out(join("", key), "it is for DaemonEye itself")
    binaries: dict[str, str] = manager.get("collector_binaries", {})
    said = _collectors(collectors, binaries, reader)
    apps = {}
    for place, values in said.items():
        name = found.name(values["id"], place)
        command = _program(values, binaries, source)
        if command is None:
            kind = values.get("collector_type", values["id"])
            seen = f"has no binary_path, and {show(kind)} is neither in collector_binaries"
            wanted = "the path of a program"
            reader.wrong(place, f"{seen} nor in {', '.join(_FOLDERS)}", wanted)
            continue
        apps[name] = _app(values, command, manager, found, (place, join("apps", name)))
    _remark(manager, found)
    if apps:
        stop = {
            "grace": manager.get("default_graceful_timeout_seconds", _GRACE),
            "force": manager.get("default_force_timeout_seconds", _FORCE),
        }
        found.document = {"supervisor": {"stop": stop}, "apps": apps}
        reader.notes.append(_NOTE)
    elif not reader.mistakes:
        reader.wrong("", "has no collector", "collector_binaries, or [[collectors]]")


def _tables(source: Source) -> dict[str, Any]:
    as_json = is_json(source.path, source.content)
    return parse(source.content, str(source.path), as_json=as_json)


def _collectors(
    collectors: object, binaries: Mapping[str, str], reader: Reader
) -> dict[str, dict[str, Any]]:
    """Return the collectors by their places: those of the list, else one for each binary."""
    if collectors is None:
        place = "process_manager.collector_binaries"
        return {join(place, name): {"id": name} for name in binaries}
    if not isinstance(collectors, list):
        reader.wrong("collectors", f"is {show(collectors)}", "a list of tables, [[collectors]]")
        return {}
    said: dict[str, dict[str, Any]] = {}
    places: dict[str, str] = {}
    for number, item in enumerate(collectors):
        place = f"collectors[{number}]"
        values = reader.table(CollectorKeys, item, place, "collector")
        if "id" not in values:
            if isinstance(item, dict) and "id" not in item:
                reader.wrong(place, "has no id", "a name, such as id = 'procmond-1'")
        elif values["id"] in places:
            seen = f"is {show(values['id'])}, which {places[values['id']]} is called too"
            reader.wrong(f"{place}.id", seen, "names that differ", "rename one of them")
        else:
            places[values["id"]] = place
            said[place] = values
    return said


def _program(values: Mapping[str, Any], binaries: Mapping[str, str], source: Source) -> str | None:
    """Return the program of a collector; ``None`` if there is none."""
    if "binary_path" in values:
        return str(values["binary_path"])
    kind = values.get("collector_type", values["id"])
    if kind in binaries:
        return binaries[kind]
    if "/" in kind:  # a name, not a path
        return None
    paths = (source.directory / folder / kind for folder in _FOLDERS)
    return next((str(path) for path in paths if is_there(path)), None)


def _app(
    values: dict[str, Any],
    command: str,
    manager: Mapping[str, Any],
    found: Import,
    places: tuple[str, str],
) -> dict[str, Any]:
    """Return the table of a collector, and remark on its keys; ``places`` are its and ours."""
    place, became = places
    for key in values:
        if key == "collector_type" and "binary_path" in values:
            found.leave_out(f"{place}.{key}", "binary_path says which program it is")
        elif key in _FATES:
            found.map(f"{place}.{key}", f"{became}.{_FATES[key]}")
        elif key in _LEFT_OUT:
            found.leave_out(f"{place}.{key}", _LEFT_OUT[key])
    app: dict[str, Any] = {"command": [command, *values.get("args", [])], "inherit_env": True}
    for key, native in (("env", "env"), ("working_dir", "cwd")):
        if key in values:
            app[native] = values[key]
    if not values.get("enabled", True):
        app["autostart"] = False
    if limits := _limits(values.get("resource_limits", {}), found.reader, place):
        app["limits"] = limits
    if values.get("auto_restart", manager.get("enable_auto_restart", False)):
        restarts = values.get("max_restarts", _MAX_RESTARTS)
        return {**app, "restart": "on-failure", "give_up_after": restarts}
    return {**app, "restart": "never"}


def _limits(table: object, reader: Reader, place: str) -> dict[str, Any]:
    said = reader.table(LimitsKeys, table, f"{place}.resource_limits", "table of limits")
    limits: dict[str, Any] = {}
    if "max_memory_bytes" in said:
        limits["memory"] = said["max_memory_bytes"]
    if "max_cpu_percent" in said:
        limits["cpu"] = said["max_cpu_percent"] / 100
    return limits


def _remark(manager: Mapping[str, Any], found: Import) -> None:
    """Say what became of the keys that are for all collectors."""
    became = {
        "enable_auto_restart": "apps",
        "default_graceful_timeout_seconds": "supervisor.stop.grace",
        "default_force_timeout_seconds": "supervisor.stop.force",
        "collector_binaries": "apps",
    }
    for key in manager:
        place = f"process_manager.{key}"
        if key in became:
            found.map(place, became[key])
        else:
            found.leave_out(place, _BEATS)
