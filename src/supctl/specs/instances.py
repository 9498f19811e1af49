"""What instances of an app have of their own: placeholders in the values of its fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from .health import Health, Ready
from .log import Log
from .placeholders import PORT, Fill, names_in
from .probe import Exec, Http, Probe, Tcp
from .secret import Secret

FILLED: Final = ("command", "cwd", "env", "log", "ready", "health")
"""Fields of an app that may hold placeholders."""


def used_in(values: Iterable[object]) -> set[str]:
    """Return the names of the placeholders in values of fields, as :func:`.placeholders.names_in`.

    Thousands of apps are looked through, and hardly any holds one.
    """
    texts: list[str] = []
    for value in values:
        if value is not None:
            texts += _texts(value)
    return names_in("\0".join(texts))


def _texts(value: Any) -> Iterable[str]:
    """Return the texts of a value that :func:`filled` fills in."""
    if isinstance(value, MappingProxyType):  # what every app has comes first
        return [it if isinstance(it, str) else it.file for it in value.values()]
    match value:
        case tuple():
            return value
        case str():
            return (value,)
        case Log(file=file, error_file=error_file):
            return (file or "", error_file or "")
        case Ready(probe=Tcp(port, host)) | Health(probe=Tcp(port, host)):
            return (str(port), host)
        case Ready(probe=Http(where, path)) | Health(probe=Http(where, path)):
            return (str(where), path)
        case Ready(probe=Exec(command)) | Health(probe=Exec(command)):
            return command
    return ()


def filled(value: Any, fill: Fill) -> Any:
    """Return a value of an app's field with the texts in it filled in."""
    match value:
        case str():
            return fill(value)
        case tuple():
            return tuple(map(fill, value))
        case Mapping():
            return MappingProxyType({name: filled(it, fill) for name, it in value.items()})
        case Secret(file):
            return Secret(fill(file))
        case Log():
            file, error_file = filled(value.file, fill), filled(value.error_file, fill)
            return replace(value, file=file, error_file=error_file)
        case Ready() | Health():
            return replace(value, probe=_asking(value.probe, fill))
    return value


def _asking(probe: Probe, fill: Fill) -> Probe:
    match probe:
        case Tcp(port, host):
            return Tcp(_port(port, fill), fill(host))
        case Http(where):
            return replace(probe, where=_port(where, fill), path=fill(probe.path))
        case Exec(command):
            return Exec(filled(command, fill))
    return probe


def _port(where: int | str, fill: Fill) -> int | str:
    text = where if isinstance(where, int) else fill(where)
    return int(text) if where == PORT and text != PORT else text
