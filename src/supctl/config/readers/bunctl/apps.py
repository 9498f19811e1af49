"""``bunctl.json``: ``{"apps": [{"name", "command", ...}]}``, with bunctl's own defaults."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Final, TypedDict

from msgspec import Meta

from supctl.config.formats import Source
from supctl.config.imports import Import
from supctl.config.reading import By, Each, join
from supctl.config.schema import Flag, Number, Text, Whole
from supctl.config.units import parse_duration, parse_size
from supctl.config.values import parse_command, parse_env_value, parse_memory, parse_word
from supctl.errors import InvalidConfig

ENVIRONMENT_NOTE: Final = (
    "apps inherit the whole environment and the directory supctl is started in, as under bunctl"
)

_RESTARTS: Final = {
    "no": "never",
    "always": "always",
    "on-failure": "on-failure",
    "unless-stopped": "unless-stopped",
}
_EXHAUSTED: Final = {"stop": "stop", "remove": "stop"}

_BACKOFF: Final = {"initial": 0.1, "maximum": 30.0, "factor": 2.0, "jitter": "equal"}
_ROOT: Final = {"start": "concurrent"}

_LOG: Final = {"max_size": 10 * 2**20, "keep": 10}


def _duration(field: str, value: object) -> float:
    """Return seconds: from ``{"secs": 10, "nanos": 0}``, as bunctl writes them, or as we do."""
    if not isinstance(value, dict):
        return parse_duration(field, value)
    seconds, nanoseconds = value.get("secs", 0), value.get("nanos", 0)
    is_right = all(type(it) is int and 0 <= it < 2**63 for it in (seconds, nanoseconds))
    if not is_right or value.keys() - {"secs", "nanos"}:
        raise InvalidConfig(field, value, '{"secs": 10, "nanos": 0}, or a duration such as "10s"')
    return float(seconds + nanoseconds / 1e9)


def _restart(field: str, value: object) -> str:
    return parse_word(field, value, _RESTARTS)


def _exhausted(field: str, value: object) -> str:
    return parse_word(field, value, _EXHAUSTED)


Seconds = Annotated[float, By(_duration)]
Words = Annotated[list[str], Meta(description="a list of texts")]
Share = Annotated[float, Meta(ge=0, le=1, description="a number from 0 to 1")]


class BackoffKeys(TypedDict, total=False):
    """``backoff``."""

    base_delay_ms: Number
    max_delay_ms: Number
    multiplier: Number
    jitter: Share
    max_attempts: Whole
    exhausted_action: Annotated[str, By(_exhausted)]


class CheckKeys(TypedDict, total=False):
    """``health_check``."""

    check_type: Any
    interval: Seconds
    timeout: Seconds
    retries: Whole
    start_period: Seconds


class TypeKeys(TypedDict, total=False):
    """``health_check.check_type``."""

    type: Text
    url: Text
    expected_status: Whole
    host: Text
    port: Whole
    command: Text
    args: Words


class AppKeys(TypedDict, total=False):
    """An element of ``apps``."""

    name: Text
    command: Text
    args: Words
    cwd: Text
    env: Annotated[dict[str, str], Each(parse_env_value)]
    auto_start: Flag
    restart_policy: Annotated[str, By(_restart)]
    max_memory: Annotated[int, By(parse_memory)]
    max_cpu_percent: Number
    uid: Whole
    gid: Whole
    stdout_log: Text
    stderr_log: Text
    combined_log: Text
    log_max_size: Annotated[int, By(parse_size)]
    log_max_files: Whole
    health_check: Any
    stop_timeout: Seconds
    kill_timeout: Seconds
    backoff: Any


class FileKeys(TypedDict, total=False):
    """The file itself."""

    apps: Any


_SAME: Final = {
    "command": "command",
    "args": "command",
    "cwd": "cwd",
    "env": "env",
    "auto_start": "autostart",
    "restart_policy": "restart",
    "max_memory": "limits.memory",
    "max_cpu_percent": "limits.cpu",
    "uid": "user",
    "gid": "group",
    "stdout_log": "log.file",
    "stderr_log": "log.error_file",
    "log_max_size": "log.max_size",
    "log_max_files": "log.keep",
    "stop_timeout": "stop.grace",
    "kill_timeout": "stop.force",
}
"""What means the same here."""


def read_apps(tables: Any, source: Source, found: Import, within: str) -> None:
    """Fill ``found`` with the apps of a file."""
    reader = found.reader
    listed = reader.table(FileKeys, tables, within, "file").get("apps")
    place = join(within, "apps")
    if not isinstance(listed, list) or not listed:
        if isinstance(tables, dict):
            reader.wrong(place, "holds nothing", "a list of apps with name and command")
        return
    reader.notes.append(ENVIRONMENT_NOTE)
    apps: dict[str, Any] = {}
    for number, table in enumerate(listed):
        said = without_nulls(table, f"{place}[{number}]", found)
        values = reader.table(AppKeys, said, f"{place}[{number}]", "app")
        missing = [key for key in ("name", "command") if isinstance(said, dict) and key not in said]
        for key in missing:
            reader.wrong(f"{place}[{number}]", f"has no {key}", "a name and a command in every app")
        if "name" in values and "command" in values:
            importing = _App(values, f"{place}[{number}]", source, found)
            apps[importing.name] = importing.table()
    if apps:
        found.document = {"supervisor": _ROOT, "apps": apps}


def without_nulls(table: Any, place: str, found: Import) -> Any:
    """Return a table without the keys that are ``null``: to bunctl they are not there."""
    if not isinstance(table, dict):
        return table
    for key, value in table.items():
        if value is None:
            found.leave_out(join(place, key), "it has no value")
    return {key: value for key, value in table.items() if value is not None}


class _App:
    """One app: ``values`` are those that are right, a name and a command among them."""

    def __init__(self, values: dict[str, Any], place: str, source: Source, found: Import) -> None:
        self._values, self._place, self._source, self._found = values, place, source, found
        self.name = found.name(values["name"], join(place, "name"))
        self._became = join("apps", self.name)

    def table(self) -> dict[str, Any]:
        """Return what our own format says of it."""
        values = self._values
        for key, native in _SAME.items():
            if key in values:
                self._found.map(join(self._place, key), f"{self._became}.{native}")
        table = {
            "command": self._command(),
            "cwd": self._cwd(),
            "inherit_env": True,
            "env": values.get("env", {}),
            "autostart": values.get("auto_start", True),
            "restart": values.get("restart_policy", "on-failure"),
            "user": values.get("uid"),
            "group": values.get("gid"),
            "limits": self._limits(),
            "stop": {"grace": values.get("stop_timeout", 10.0)}
            | {"force": values.get("kill_timeout", 5.0)},
            "log": self._log(),
            "health": self._health(),
            **self._backoff(),
        }
        usual = {"env": {}, "autostart": True, "limits": {}, "health": {}, "cwd": ""}
        kept = {k: v for k, v in table.items() if v is not None and v != usual.get(k)}
        return kept if kept["stop"] != {"grace": 10.0, "force": 5.0} else _without(kept, "stop")

    def _command(self) -> list[str]:
        """Return the command: split if there are no arguments besides it; no shell runs it."""
        command = self._values["command"]
        if "args" in self._values:
            return [command, *self._values["args"]]
        try:
            return list(parse_command(join(self._place, "command"), command))
        except InvalidConfig as error:
            self._found.reader.refuse(error)
            return [command]

    def _cwd(self) -> str:
        cwd, here = self._values.get("cwd", ""), Path.cwd()
        is_here = os.path.realpath(self._source.directory) == str(here)
        return cwd if is_here else str(here / cwd)

    def _limits(self) -> dict[str, Any]:
        limits = {"memory": self._values.get("max_memory")}
        if (percent := self._values.get("max_cpu_percent")) is not None:
            limits["cpu"] = percent / 100
        return {key: value for key, value in limits.items() if value is not None}

    def _log(self) -> dict[str, Any]:
        values, cwd = self._values, self._cwd()
        log = {"file": values.get("stdout_log"), "error_file": values.get("stderr_log")}
        if "combined_log" in values:
            place = join(self._place, "combined_log")
            if any(log.values()):
                detail = "a line is written once; supctl logs shows both outputs together"
                self._found.leave_out(place, detail)
            else:
                log["file"] = values["combined_log"]
                self._found.map(place, f"{self._became}.log.file")
        files = {key: os.path.normpath(os.path.join(cwd, it)) for key, it in log.items() if it}
        together = "combined_log" in values and len(files) == 1 and "stdout_log" not in values
        sizes = {"max_size": values.get("log_max_size"), "keep": values.get("log_max_files")}
        said = {key: value for key, value in sizes.items() if value is not None}
        return {**files, **({"together": True} if together else {}), **_LOG, **said}

    def _backoff(self) -> dict[str, Any]:
        place = join(self._place, "backoff")
        table = without_nulls(self._values.get("backoff", {}), place, self._found)
        said = self._found.reader.table(BackoffKeys, table, place, "backoff")
        backoff = dict(_BACKOFF)
        became = f"{self._became}.backoff"
        scales = {"base_delay_ms": ("initial", 1000), "max_delay_ms": ("maximum", 1000)}
        for key, (ours, divisor) in {**scales, "multiplier": ("factor", 1)}.items():
            if key in said:
                backoff[ours] = said[key] / divisor
                self._found.map(join(place, key), f"{became}.{ours}")
        if "jitter" in said:
            backoff["jitter"] = self._jitter(said["jitter"], join(place, "jitter"))
        limits = {}
        if "max_attempts" in said:
            limits["give_up_after"] = said["max_attempts"]
            self._found.map(join(place, "max_attempts"), f"{self._became}.give_up_after")
        if "exhausted_action" in said:
            self._exhausted(table["exhausted_action"], join(place, "exhausted_action"))
        return {"backoff": backoff, **limits}

    def _jitter(self, share: float, place: str) -> str:
        became = f"{self._became}.backoff.jitter"
        if share in (0, 1):
            self._found.map(place, became)
            return "full" if share else "none"
        self._found.change(place, became, "a delay is between half of it and the whole")
        return "equal"

    def _exhausted(self, action: str, place: str) -> None:
        became = f"{self._became}.exhausted"
        if action == "stop":
            self._found.map(place, became)
        else:
            self._found.change(place, became, "the app stays in the list, as failed")

    def _health(self) -> dict[str, Any]:
        if "health_check" not in self._values:
            return {}
        reader, place = self._found.reader, join(self._place, "health_check")
        check = reader.table(CheckKeys, self._values["health_check"], place, "health_check")
        kind, inner = check.pop("check_type", None), join(place, "check_type")
        if kind is None:
            reader.wrong(place, "has no check_type", 'one such as {"type": "http", "url": "..."}')
            return {}
        said = reader.table(TypeKeys, kind, inner, "check_type")
        probe = _probe(said)
        if probe is None:
            wanted = "type http with a url, tcp with host and port, or exec with a command"
            reader.wrong(inner, "says too little", wanted)
            return {}
        self._found.map(place, f"{self._became}.health")
        return {**probe, **check}


def _probe(said: dict[str, Any]) -> dict[str, Any] | None:
    """Return the probe that is meant; ``None`` if it is not complete."""
    match said:
        case {"type": "http", "url": url}:
            status = said.get("expected_status")
            return {"http": url} | ({} if status is None else {"status": status})
        case {"type": "tcp", "port": port}:
            return {"tcp": f"{said.get('host', '127.0.0.1')}:{port}"}
        case {"type": "exec", "command": command}:
            return {"exec": [command, *said.get("args", [])]}
    return None


def _without(table: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name != key}
