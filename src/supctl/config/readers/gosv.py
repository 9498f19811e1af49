"""gosv's ``services.json``, with gosv's own meaning of every key.

``{"services": [{"name", "command", "args", "max_restarts", "memory_mb", "cpu_percent"}]}``
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from supctl.config.formats import Source
from supctl.config.imports import Import
from supctl.config.mistakes import ConfigErrors, show
from supctl.config.reading import Reader, join
from supctl.config.schema import ServiceKeys, ServicesKeys
from supctl.config.syntax import is_json, parse
from supctl.errors import InvalidConfig
from supctl.specs.names import check_name

_MAX_RESTARTS: Final = 3
"""What gosv takes where ``max_restarts`` is not said."""

_BACKOFF: Final = {"initial": "1s", "factor": 2, "jitter": "none", "reset_after": "60s"}
"""1 s, 2 s, 4 s and so on, anew after a minute of running; as gosv's README says."""

_ROOT: Final = {"start": "concurrent", "stop": {"grace": "10s"}}
"""All services start and stop at once, as under gosv: its grace is for all together."""

_BECAME: Final = {
    "command": "command",
    "args": "command",
    "max_restarts": "give_up_after",
    "memory_mb": "limits.memory",
    "cpu_percent": "limits.cpu",
}

_ENVIRONMENT_NOTE: Final = (
    "services inherit the whole environment and the directory supctl is started in, as under gosv"
)


def claims(source: Source) -> bool:
    """Return whether a file is gosv's: many tools have a ``services.json``."""
    if b'"services"' not in source.content or not is_json(source.path, source.content):
        return False
    try:
        return isinstance(_tables(source).get("services"), list)
    except ConfigErrors:
        return False


def read(source: Source, found: Import) -> None:
    """Fill ``found`` with what the file describes, as far as it can be understood."""
    reader = found.reader
    services = reader.table(ServicesKeys, _tables(source), "", "file").get("services")
    if not services:
        reader.wrong("services", "holds nothing", "at least one service with name and command")
        return
    reader.notes.append(_ENVIRONMENT_NOTE)
    apps: dict[str, dict[str, Any]] = {}
    places: dict[str, str] = {}
    for number, service in enumerate(services):
        place = f"services[{number}]"
        values = _values(service, reader, place)
        if values is None:
            continue
        name = values["name"]
        if name in places:
            seen = f"is {show(name)}, which {places[name]} is called too"
            reader.wrong(f"{place}.name", seen, "names that differ", "rename one of them")
            continue
        places[name] = place
        found.map(place, join("apps", name))
        apps[name] = _app(values, found, place)
    found.document = {"supervisor": _ROOT, "apps": apps}


def _tables(source: Source) -> dict[str, Any]:
    return parse(source.content, str(source.path), as_json=True)


def _values(service: object, reader: Reader, place: str) -> dict[str, Any] | None:
    """Return the values of a service; ``None`` if something is wrong with them."""
    before = len(reader.mistakes)
    values = reader.table(ServiceKeys, service, place, "service")
    if isinstance(service, dict):
        for key in ("name", "command"):
            if key not in service:
                reader.wrong(place, f"has no {key}", "a name and a command in every service")
    try:
        check_name(values.get("name", "a"))
    except InvalidConfig as error:
        reader.refuse(error.within(place))
    return values if len(reader.mistakes) == before else None


def _app(values: dict[str, Any], found: Import, place: str) -> dict[str, Any]:
    became = join("apps", values["name"])
    for key, native in _BECAME.items():
        if key in values:
            found.map(f"{place}.{key}", f"{became}.{native}")
    limits: dict[str, Any] = {}
    if megabytes := values.get("memory_mb"):  # 0 is Go's way to say that nothing was said
        limits["memory"] = megabytes * 2**20
    if percent := values.get("cpu_percent"):
        limits["cpu"] = percent / 100
    return {
        "command": [values["command"], *values.get("args", [])],
        "cwd": str(Path.cwd()),
        "inherit_env": True,
        "backoff": _BACKOFF,
        "give_up_after": values.get("max_restarts", _MAX_RESTARTS),
        **({"limits": limits} if limits else {}),
    }
