"""The attributes that PM2 knows, as its own schema has them: other names, kinds of values."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from supctl.config.imports import Import
from supctl.config.mistakes import closest, show
from supctl.config.reading import join

_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "text": (str,),
    "a number": (int, float),
    "true or false": (bool,),
    "a list": (list,),
    "a table": (dict,),
}
"""What kinds of values are called, and what they are here."""

_TYPES: Final = {
    "text": (
        "script name name_prefix filter_env namespace install_url cwd args exec_interpreter"
        " node_args out_file error_file log_file log_type log_date_format env max_memory_restart"
        " pid_file instances cron_restart watch ignore_watch min_uptime exec_mode increment_var"
        " instance_var pmx username uid gid"
    ),
    "a number": (
        "max_memory_restart restart_delay exp_backoff_restart_delay instances kill_timeout"
        " listen_timeout cron_restart watch_delay min_uptime max_restarts stop_exit_codes port"
        " uid gid kill_retry_time"
    ),
    "true or false": (
        "filter_env log_file disable_logs time source_map_support disable_source_map_support"
        " wait_ready shutdown_with_message merge_logs vizion autostart autorestart watch"
        " execute_command force append_env_to_name trace disable_trace v8 event_loop_inspector"
        " deep_monitoring pmx automation treekill windowsHide write"
    ),
    "a list": "filter_env args node_args watch ignore_watch stop_exit_codes post_update",
    "a table": "env watch_options io",
}
"""Which attributes may have values of a kind."""

_ALIASES: Final = {
    **dict.fromkeys(("exec", "cmd", "command"), "script"),
    **dict.fromkeys(("interpreterArgs", "interpreter_args"), "node_args"),
    **dict.fromkeys(("out", "output", "out_log"), "out_file"),
    **dict.fromkeys(("error", "err", "err_file", "err_log"), "error_file"),
    "interpreter": "exec_interpreter",
    "log": "log_file",
    "pid": "pid_file",
    "cron": "cron_restart",
    "combine_logs": "merge_logs",
    "user": "uid",
}

_PROFILE: Final = "env_"


def _allowed() -> dict[str, list[str]]:
    allowed: dict[str, list[str]] = {}
    for kind, names in _TYPES.items():
        for name in names.split():
            allowed.setdefault(name, []).append(kind)
    return allowed


_ALLOWED: Final = _allowed()

_NAMES: Final = {re.sub("_(.)", lambda it: it[1].upper(), name): name for name in _ALLOWED}
_NAMES.update({name: name for name in _ALLOWED} | _ALIASES)
"""Every name of an attribute, and PM2's first one for it: ``outFile`` as well as ``out``."""


class Attributes:
    """What a file says of one app: each attribute once, under PM2's first name for it.

    Args:
        table: as it stands in the file.
        place: of it in the file.
        found: takes the remarks, and the mistakes in its reader.

    Attributes:
        values: those that are right.
        profiles: the values of ``env_NAME`` by their NAME.
    """

    def __init__(self, table: dict[str, Any], place: str, found: Import) -> None:
        self.values: dict[str, Any] = {}
        self.profiles: dict[str, Any] = {}
        self._place, self._found = place, found
        self._keys: dict[str, str] = {}  # how the file calls an attribute
        self._remarked: set[str] = set()
        for key in sorted(table, key=lambda it: it not in _ALLOWED):  # its first name wins
            self._add(key, table[key])

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of an attribute."""
        return self.values.get(name, default)

    def place(self, name: str) -> str:
        """Return where an attribute stands; the place of the app if it stands nowhere."""
        return join(self._place, self._keys[name]) if name in self._keys else self._place

    def map(self, name: str, became: str) -> None:
        """Know that an attribute, if it is there, means the same here."""
        if self._first(name):
            self._found.map(self.place(name), became)

    def change(self, name: str, became: str, detail: str) -> None:
        """Know that an attribute, if it is there, means something else here."""
        if self._first(name):
            self._found.change(self.place(name), became, detail)

    def leave_out(self, name: str, detail: str) -> None:
        """Know that an attribute, if it is there, means nothing here."""
        if self._first(name):
            self._found.leave_out(self.place(name), detail)

    def wrong(self, name: str, wanted: str, mend: str = "") -> None:
        """Remember that the value of an attribute cannot be used."""
        seen = f"is {show(self.values.pop(name))}"
        self._found.reader.wrong(self.place(name), seen, wanted, mend)

    def _first(self, name: str) -> bool:
        if name not in self.values or name in self._remarked:
            return False
        self._remarked.add(name)
        return True

    def _add(self, key: str, value: object) -> None:
        name = _NAMES.get(key, key)
        if name not in _ALLOWED and not name.startswith(_PROFILE):
            near = closest(key, _NAMES)
            detail = "PM2 does not know it either" + (f"; {near}" if near else "")
            self._found.leave_out(join(self._place, key), detail)
        elif value is None or (name in self.values and name != key):
            detail = "it has no value" if value is None else f"{self._keys[name]} says it already"
            self._found.leave_out(join(self._place, key), detail)
        elif name.startswith(_PROFILE):
            self._keys[name] = key
            self.profiles[name.removeprefix(_PROFILE)] = self.values[name] = value
        else:
            self._keys[name] = key
            self._put(name, value)

    def _put(self, name: str, value: object) -> None:
        kinds = _ALLOWED[name]
        if "a number" in kinds and isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value) if "." in value else int(value)
        self.values[name] = value
        if not any(isinstance(value, _KINDS[kind]) and _is(value, kind) for kind in kinds):
            mend = "leave the quotes out" if value in ("true", "false") else ""
            self.wrong(name, " or ".join(kinds), mend)


_NUMBER: Final = re.compile(r"\s*-?[0-9]{1,15}(\.[0-9]{1,15})?\s*")


def _is(value: object, kind: str) -> bool:
    is_number = not isinstance(value, float) or math.isfinite(value)
    return is_number and isinstance(value, bool) == (kind == "true or false")
