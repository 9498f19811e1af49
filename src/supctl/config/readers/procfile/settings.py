"""What is said beside a Procfile: ``.env``, ``.overmind.env``, and variables of its runners."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from supctl.config.env_files import EnvFile, EnvFiles
from supctl.config.imports import Import
from supctl.config.source import Source
from supctl.config.texts import Fates, Texts, parse_whole
from supctl.config.units import parse_duration, parse_signal, write_signal
from supctl.errors import InvalidConfig

ALL: Final = "all"
"""Stands for every process in lists of names."""

_COPIES: Final = re.compile(r"\s*([A-Za-z0-9_.-]+)\s*=\s*([0-9]{1,3})\s*")
_PREFIX: Final = "OVERMIND_"
_OURS: Final = ("PORT", "FORMATION")
"""What is for the runner."""

OVERMIND_ENV: Final = ".overmind.env"

VARIABLES: Final = Fates(
    "overmind",
    mapped={
        "FORMATION": "instances",
        "PORT": "port",
        "OVERMIND_FORMATION": "instances",
        "OVERMIND_PORT": "port",
        "OVERMIND_PORT_STEP": "port",
        "OVERMIND_NO_PORT": "port",
        "OVERMIND_PROCESSES": "autostart",
        "OVERMIND_IGNORED_PROCESSES": "autostart",
        "OVERMIND_CAN_DIE": "essential",
        "OVERMIND_ANY_CAN_DIE": "essential",
        "OVERMIND_AUTO_RESTART": "restart",
        "OVERMIND_STOP_SIGNALS": "stop.signal",
        "OVERMIND_TIMEOUT": "stop.grace",
        "OVERMIND_SKIP_ENV": "env",
    },
    left_out={
        "OVERMIND_PROCFILE": "the file is the one that supctl is given",
        "OVERMIND_ROOT": "programs start in the directory of the Procfile",
        "OVERMIND_DAEMONIZE": "supctl start goes on in the background, supctl up does not",
        "OVERMIND_SHOW_TIMESTAMPS": 'log = { mode = "timestamped" } keeps them, too',
        "OVERMIND_SOCKET": "supctl finds its daemon by itself",
        **dict.fromkeys(
            ("OVERMIND_COLORS", "OVERMIND_TITLE", "OVERMIND_TMUX_CONFIG", "OVERMIND_NETWORK"),
            "no terminal multiplexer is involved here",
        ),
    },
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What is said of all processes.

    Args:
        files: of variables for all of them; later ones override.
        formation: copies of each; of :data:`ALL` others.
        port, step: ``PORT`` of the first, and from one to the next; ``None``: no ``PORT``.
        only: names of those that start, :data:`ALL` or some.
        ignored: names of those that do not start.
        can_die: names of those whose end does not stop all others.
        restarted: names of those that are started again.
        signals: that ask them to stop.
        stop: our ``stop`` table for the others.
    """

    files: list[str] = field(default_factory=list)
    formation: dict[str, int] = field(default_factory=dict)
    port: int | None = 5000
    step: int = 100
    only: frozenset[str] = frozenset({ALL})
    ignored: frozenset[str] = frozenset()
    can_die: frozenset[str] = frozenset()
    restarted: frozenset[str] = frozenset()
    signals: Mapping[str, str | int] = field(default_factory=dict)
    stop: Mapping[str, Any] = field(default_factory=dict)


def is_in(name: str, names: frozenset[str]) -> bool:
    """Return whether a process is one of those that are named."""
    return name in names or ALL in names


def read_settings(source: Source, found: Import) -> Settings:
    """Return what is said beside a Procfile, and remark on it."""
    files = {OVERMIND_ENV: _read_env(source, OVERMIND_ENV, found)}
    spoken = {**source.environ, **files[OVERMIND_ENV]}
    if spoken.get("OVERMIND_SKIP_ENV", "0") in ("", "0", "false"):
        files[".env"] = _read_env(source, ".env", found)
    values: dict[str, str] = {}
    places: dict[str, str] = {}
    names = [name for name, variables in reversed(files.items()) if variables]
    for name in names:
        found.map(name, "defaults.env_file")
        values |= files[name]
        places |= {variable: f"{name} {variable}" for variable in files[name]}
    said = {n: v for n, v in source.environ.items() if n.startswith(_PREFIX) or n == "FORMATION"}
    texts = Texts({**values, **said}, {**places, **{n: f"${n}" for n in said}}, found.reader)
    for name, place in texts.places.items():
        if name.startswith(_PREFIX) or name in _OURS:
            VARIABLES.remark(found, name, place, "apps")
    return _settings(texts, names, source.environ.get("PORT", ""))


def _read_env(source: Source, name: str, found: Import) -> dict[str, str]:
    """Return the variables of a file beside the Procfile; none if it is not there."""
    try:
        files = EnvFiles(source.directory, source.environ)
        return files.values([EnvFile(name, optional=True)], name)
    except InvalidConfig as error:
        found.reader.refuse(error)
        return {}


def _settings(texts: Texts, files: list[str], port: str) -> Settings:
    """Return what the variables mean; ``port`` is that of the environment."""
    is_overmind = any(name.startswith(_PREFIX) for name in texts.values)
    base = texts.get("PORT", _port, int(port) if re.fullmatch(r"[0-9]{1,5}", port) else 5000)
    base = texts.get("OVERMIND_PORT", _port, base)
    formation = texts.get("FORMATION", _formation, {})
    signals = texts.get("OVERMIND_STOP_SIGNALS", _signals, {})
    stop: dict[str, Any] = {"grace": texts.get("OVERMIND_TIMEOUT", _seconds, "5s")}
    if is_overmind:
        stop["signal"] = signals.get(ALL, "INT")
    can_die = texts.get("OVERMIND_CAN_DIE", _names, frozenset())
    nobody: frozenset[str] = frozenset()
    return Settings(
        files,
        texts.get("OVERMIND_FORMATION", _formation, formation),
        None if texts.flag("OVERMIND_NO_PORT", False) else base,
        texts.whole("OVERMIND_PORT_STEP", 100),
        texts.get("OVERMIND_PROCESSES", _names, frozenset({ALL})),
        texts.get("OVERMIND_IGNORED_PROCESSES", _names, nobody),
        frozenset({ALL}) if texts.flag("OVERMIND_ANY_CAN_DIE", False) else can_die,
        texts.get("OVERMIND_AUTO_RESTART", _names, nobody),
        signals,
        stop,
    )


def _port(field: str, value: str) -> int:
    port = parse_whole(field, value)
    if not 1 <= port <= 65535:
        raise InvalidConfig(field, value, "a port, 1 to 65535")
    return port


def _seconds(field: str, value: str) -> str:
    return f"{parse_duration(field, value):g}s"


def _names(field: str, value: str) -> frozenset[str]:
    return frozenset(name.strip() for name in value.split(",") if name.strip())


def _formation(field: str, value: str) -> dict[str, int]:
    copies = {}
    for item in filter(str.strip, value.split(",")):
        pair = _COPIES.fullmatch(item)
        if pair is None:
            raise InvalidConfig(field, value, "numbers of copies such as web=2,worker=5")
        copies[pair[1]] = int(pair[2])
    return copies


def _signals(field: str, value: str) -> dict[str, str | int]:
    signals = {}
    for item in filter(str.strip, value.split(",")):
        name, _, signal = item.rpartition("=")
        signals[name.strip() or ALL] = write_signal(parse_signal(field, signal.strip()))
    return signals
