"""gosv's ``services.json`` -> specs, with gosv's own meaning of every key.

``{"services": [{"name", "command", "args", "max_restarts", "memory_mb", "cpu_percent"}]}``
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from supctl.errors import InvalidConfig
from supctl.specs import App, Backoff, Jitter, Limits, StartFailures, Stop, Supervisor

from .mistakes import show
from .reading import Reader
from .schema import ServiceKeys, ServicesKeys

_MAX_RESTARTS: Final = 3
"""What gosv takes where ``max_restarts`` is not said."""

_BACKOFF: Final = Backoff(initial=1.0, factor=2.0, jitter=Jitter.NONE, reset_after=60.0)
"""1 s, 2 s, 4 s and so on, anew after a minute of running; as gosv's README says."""

_STOP: Final = Stop(grace=10.0)

_ENVIRONMENT_NOTE: Final = (
    "services inherit the whole environment and the directory supctl is started in, as under gosv"
)


def is_gosv(tables: Mapping[str, Any]) -> bool:
    """Return whether a file is gosv's: by its content, as many tools have a ``services.json``."""
    return isinstance(tables.get("services"), list)


def read_gosv(
    tables: dict[str, Any], reader: Reader, environ: Mapping[str, str], name: str
) -> Supervisor:
    """Return the tree that the file describes, as far as it could be understood.

    All services start and stop at once, as under gosv: its grace is for all together.
    """
    services = reader.table(ServicesKeys, tables, "", "file")["services"]
    if not services:
        reader.wrong("services", "holds nothing", "at least one service with name and command")
    reader.notes.append(_ENVIRONMENT_NOTE)
    apps: dict[str, App] = {}
    places: dict[str, str] = {}
    for number, service in enumerate(services):
        place = f"services[{number}]"
        app = _service(service, reader, place, environ)
        if app is None:
            continue
        if app.name in apps:
            seen = f"is {show(app.name)}, which {places[app.name]} is called too"
            reader.wrong(f"{place}.name", seen, "names that differ", "rename one of them")
        places.setdefault(app.name, place)
        apps.setdefault(app.name, app)
    return Supervisor(
        name,
        list(apps.values()),
        max_restarts=None,
        start="concurrent",
        start_failures=StartFailures.RETRY,
    )


def service_place(tables: Mapping[str, Any], path: tuple[str, ...]) -> str:
    """Return where a file of this format describes a child."""
    names = [service.get("name") for service in tables["services"] if isinstance(service, dict)]
    return f"services[{names.index(path[0])}]"


def _service(service: object, reader: Reader, place: str, environ: Mapping[str, str]) -> App | None:
    before = len(reader.mistakes)
    values = reader.table(ServiceKeys, service, place, "service")
    if isinstance(service, dict):
        for key in ("name", "command"):
            if key not in service:
                reader.wrong(place, f"has no {key}", "a name and a command in every service")
    if len(reader.mistakes) > before:
        return None
    try:
        return _app(values, environ)
    except InvalidConfig as error:
        field = "max_restarts" if error.field == "give_up_after" else error.field
        reader.refuse(InvalidConfig(f"{place}.{field}", error.got, error.wanted, error.mend))
        return None


def _app(values: Mapping[str, Any], environ: Mapping[str, str]) -> App:
    megabytes, percent = values.get("memory_mb", 0), values.get("cpu_percent", 0)
    return App(
        values["name"],
        [values["command"], *values.get("args", [])],
        env=environ,
        backoff=_BACKOFF,
        give_up_after=values.get("max_restarts", _MAX_RESTARTS),
        stop=_STOP,
        limits=Limits(
            memory=megabytes * 2**20 or None,  # 0 is Go's way to say that nothing was said
            cpu=percent / 100 or None,
        ),
    )
