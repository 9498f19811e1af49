"""Apps and probes as JSON, for the keeper of shared apps: plain data, never code."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from inspect import signature
from typing import Any, Final

from supctl.specs import (
    App,
    Backoff,
    Delay,
    Exec,
    Health,
    Http,
    Limits,
    Notify,
    Output,
    Probe,
    Ready,
    Secret,
    Stop,
    Tcp,
    Watchdog,
)
from supctl.specs.pattern import compiled

LIMIT: Final = 4 * 2**20
"""Bytes of a message, an environment included."""

_PARTS: Final[dict[str, type[Any]]] = {"backoff": Backoff, "stop": Stop, "limits": Limits}
_ASKED: Final[dict[str, type[Any]]] = {"ready": Ready, "health": Health}
_PROBES: Final[dict[str, type[Any]]] = {
    kind.__name__: kind for kind in (Tcp, Http, Exec, Delay, Notify, Watchdog)
}


def encode(message: Mapping[str, Any]) -> bytes:
    """Return one message: a line of JSON. What is not text in UTF-8 survives."""
    return json.dumps(message).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Return the message of a line. Raises ValueError if it is none."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError(f"not a message: {line[:80]!r}")
    return message


def app_as_dict(app: App) -> dict[str, Any]:
    """Return an app as values that JSON can hold."""
    told = {name: _plain(getattr(app, name)) for name in signature(App).parameters}
    if app.stays_stopped:
        told["restart"] = "unless-stopped"
    if app.max_restarts is None:
        del told["within"]
    return told


def app_from_dict(told: dict[str, Any]) -> App:
    """Return the app again. Raises InvalidConfig, LookupError or TypeError if it is none."""
    parts = {name: part(**told.pop(name)) for name, part in _PARTS.items()}
    for name, ask in _ASKED.items():
        if (held := told.pop(name)) is not None:
            parts[name] = ask(**{**held, "probe": probe_from_dict(held["probe"])})
    if (env := told.pop("env")) is not None:
        env = {name: Secret(**it) if isinstance(it, dict) else it for name, it in env.items()}
    return App(**told, **parts, env=env)


def probe_as_dict(probe: Probe | None) -> dict[str, Any] | None:
    """Return a probe as values that JSON can hold."""
    if probe is None:
        return None
    if isinstance(probe, Output):
        regex = compiled(probe.pattern)
        return {"is": "Output", "pattern": regex.pattern.decode("latin-1"), "flags": regex.flags}
    assert is_dataclass(probe)
    told = {item.name: getattr(probe, item.name) for item in fields(probe)}
    return {"is": type(probe).__name__, **told}


def probe_from_dict(told: dict[str, Any] | None) -> Any:
    """Return the probe again. Raises LookupError or TypeError if it is none."""
    if told is None:
        return None
    kind = told.pop("is")
    if kind == "Output":
        return Output(re.compile(told["pattern"].encode("latin-1"), told["flags"]))
    return _PROBES[kind](**told)


def _plain(value: Any) -> Any:
    if isinstance(value, Probe):
        return probe_as_dict(value)
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(it) for name, it in value.items()}
    return value
