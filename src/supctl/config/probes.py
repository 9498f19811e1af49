"""Values of ``ready`` and ``health``: a table that names one probe, and how it is asked.

As in :mod:`.units`, every parser takes the field's name and the value as it was written, and
raises :class:`InvalidConfig` naming it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from supctl.errors import InvalidConfig
from supctl.specs import (
    Delay,
    Exec,
    Health,
    Http,
    Notify,
    Output,
    Probe,
    Ready,
    Tcp,
    Watchdog,
)
from supctl.specs.health import health_of
from supctl.specs.placeholders import PORT

from .mistakes import closest
from .units import parse_duration
from .values import parse_command

T = TypeVar("T")
Parse = Callable[[str, object], Any]

_READY_PROBES: Final = ("tcp", "http", "exec", "output", "delay", "notify")
_HEALTH_PROBES: Final = ("tcp", "http", "exec", "watchdog")

_READY_WANTED: Final = "a table with one of tcp, http, exec, output, delay, notify, as {tcp = 5432}"
_HEALTH_WANTED: Final = "a table with one of tcp, http, exec, watchdog, such as {http = 8080}"


def parse_ready(field: str, value: object) -> Ready:
    """Return what ``{ tcp = 5432, timeout = "30s" }`` and its like mean."""
    table = _table(field, value, _READY_WANTED)
    kind = _kind(field, table, _READY_PROBES)
    probe, rest = _probe(field, kind, table, {"timeout": parse_duration})
    return _made(field, lambda: Ready(probe, **rest))


def parse_health(field: str, value: object) -> Health:
    """Return what ``{ http = 8080, interval = "10s", retries = 3 }`` and its like mean."""
    table = _table(field, value, _HEALTH_WANTED)
    kind = _kind(field, table, _HEALTH_PROBES)
    probe, rest = _probe(field, kind, table, _HEALTH_KEYS)
    usual = _made(field, lambda: health_of(probe))
    assert usual is not None
    return _made(field, lambda: Health(probe, **{"retries": usual.retries} | rest))


def write_ready(ready: Ready) -> dict[str, Any]:
    """Return the table that :func:`parse_ready` reads as ``ready``."""
    written = _written(ready.probe)
    if ready.timeout != Ready(ready.probe).timeout:
        written["timeout"] = ready.timeout
    return written


def write_health(health: Health) -> dict[str, Any]:
    """Return the table that :func:`parse_health` reads as ``health``."""
    written, usual = _written(health.probe), health_of(health.probe)
    for name in _HEALTH_KEYS:
        if getattr(health, name) != getattr(usual, name):
            written[name] = getattr(health, name)
    return written


def _table(field: str, value: object, wanted: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        raise InvalidConfig(field, value, wanted)
    return value


def _kind(field: str, table: Mapping[str, Any], kinds: tuple[str, ...]) -> str:
    """Return the one key of ``table`` that names a probe."""
    named = [key for key in table if key in kinds]
    if len(named) == 1:
        return named[0]
    wanted = f"exactly one of {', '.join(kinds)}"
    mend = next((near for key in table if (near := closest(key, kinds))), "")
    raise InvalidConfig(field, " and ".join(named) or dict(table), wanted, mend)


def _probe(
    field: str, kind: str, table: Mapping[str, Any], others: Mapping[str, Parse]
) -> tuple[Probe, dict[str, Any]]:
    """Return the probe that ``table`` names, and the values of the ``others``."""
    read = {kind: _VALUES[kind], **_DETAILS.get(kind, {}), **others}
    values: dict[str, Any] = {}
    for key, value in table.items():
        place = f"{field}.{key}"
        if key not in read:
            raise InvalidConfig(place, value, _wanted(kind, read), closest(key, read))
        values[key] = read[key](place, value)
    rest = {key: values.pop(key) for key in others if key in values}
    main = values.pop(kind)
    return _made(field, lambda: _MAKERS[kind](main, **values), kind), rest


def _wanted(kind: str, read: Mapping[str, Parse]) -> str:
    others = [key for key in read if key != kind]
    return f"nothing but {', '.join(others)} beside {kind}"


def _made(field: str, make: Callable[[], T], kind: str = "") -> T:
    """Return what ``make`` makes; what it refuses is told as files call it."""
    try:
        return make()
    except InvalidConfig as error:
        known = _DETAILS.get(kind, ()) if kind else _HEALTH_KEYS
        name = error.field if error.field in known else kind
        raise InvalidConfig(f"{field}.{name}", error.got, error.wanted, error.mend) from None


def _parse_tcp(field: str, value: object) -> tuple[str, int | str]:
    if value == PORT:
        return "", PORT
    host, _, port = value.rpartition(":") if isinstance(value, str) else ("", "", value)
    if isinstance(port, str) and port.isdigit() and len(port) <= 5:
        port = int(port)
    if (type(port) is not int and port != PORT) or (isinstance(value, str) and not host):
        raise InvalidConfig(field, value, 'a port such as 5432, or "host:port"')
    return host.removeprefix("[").removesuffix("]"), port


def _make_tcp(place: tuple[str, int | str]) -> Tcp:
    host, port = place
    return Tcp(port, host) if host else Tcp(port)


def _parse_where(field: str, value: object) -> str | int:
    if isinstance(value, str) or type(value) is int:
        return value
    raise InvalidConfig(field, value, 'a URL such as "http://127.0.0.1:8080/health", or a port')


def _parse_text(field: str, value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise InvalidConfig(field, value, "text, not empty")


def _parse_whole(field: str, value: object) -> int:
    if type(value) is int:
        return value
    raise InvalidConfig(field, value, "a whole number")


def _parse_true(field: str, value: object) -> bool:
    if value is True:
        return True
    raise InvalidConfig(field, value, "true", "leave it out if it is not wanted")


_VALUES: Final[Mapping[str, Parse]] = {
    "tcp": _parse_tcp,
    "http": _parse_where,
    "exec": parse_command,
    "output": _parse_text,
    "delay": parse_duration,
    "notify": _parse_true,
    "watchdog": parse_duration,
}
"""How the value beside the name of a probe is read."""

_DETAILS: Final[Mapping[str, Mapping[str, Parse]]] = {
    "http": {"path": _parse_text, "status": _parse_whole, "body": _parse_text}
}
"""What else may be said of a probe."""

_MAKERS: Final[Mapping[str, Callable[..., Probe]]] = {
    "tcp": _make_tcp,
    "http": Http,
    "exec": Exec,
    "output": Output,
    "delay": Delay,
    "notify": lambda _: Notify(),
    "watchdog": Watchdog,
}

_HEALTH_KEYS: Final[Mapping[str, Parse]] = {
    "interval": parse_duration,
    "timeout": parse_duration,
    "retries": _parse_whole,
    "start_period": parse_duration,
}


def _written(probe: Probe) -> dict[str, Any]:
    match probe:
        case Tcp(port, host):
            place = f"[{host}]" if ":" in host else host
            return {"tcp": port if probe == Tcp(port) else f"{place}:{port}"}
        case Http(where):
            details = {name: getattr(probe, name) for name in _DETAILS["http"]}
            usual = {"path": "/", "status": None, "body": None}
            return {"http": where} | {k: v for k, v in details.items() if v != usual[k]}
        case Exec(command=command):
            return {"exec": list(command)}
        case Output(pattern):
            return {"output": pattern if isinstance(pattern, str) else repr(pattern)}
        case Delay(seconds):
            return {"delay": seconds}
        case Watchdog(seconds):
            return {"watchdog": seconds}
    return {"notify": True}
