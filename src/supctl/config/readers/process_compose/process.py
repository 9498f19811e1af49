"""One process -> one app."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from supctl.config.numbering import INDEX_MARK
from supctl.config.reading import join
from supctl.config.units import write_signal
from supctl.config.values import write_depends_on
from supctl.specs.dependencies import Condition
from supctl.specs.names import as_name

from .documents import DOTENV
from .logs import log_of
from .probes import ready_and_health
from .project import REPLICA, Process, Project
from .schema import AvailabilityKeys, DependencyKeys, ProcessKeys, ShutdownKeys
from .table import Table
from .watch import watch_of

_NAME: Final = "PC_PROC_NAME"
_GRACE: Final = 10
"""Seconds from the signal to SIGKILL."""

_LEFT_OUT: Final = {
    "description": "supctl has no descriptions",
    "extends": "only whole files are extended; write out what it takes over",
    "is_dotenv_disabled": "it was followed: where it is true, .env is not read for the process",
    "launch_timeout_seconds": "supctl waits for the end of a starter without a limit",
    "is_template_disabled": "it was followed: braces are text",
    "is_tty": "programs have no terminal",
    "is_interactive": "programs have no terminal",
    "is_elevated": "supctl asks nobody for a password; run it as root, and say user for the others",
    "disable_ansi_colors": "output is stored as it comes",
    "schedule": "supctl has no schedules; call it from cron",
    "monitor_for": "it is about the screen of process-compose",
    "monitor_silence_threshold": "it is about the screen of process-compose",
    "mcp": "supctl serves no tools to language models",
    "vars": "they were put into the templates that name them",
}
_DAEMON: Final = "what it leaves running counts as the app; what others run for it does not"
_LINE_WITHIN: Final = 86_400
"""Seconds to wait for a line: process-compose has no limit, and ours is one nobody meets."""

_ENDS: Final = {
    "process_completed": Condition.ENDED,
    "process_completed_successfully": Condition.COMPLETED,
}
"""Conditions about ends; the others are about being up."""


def app_of(process: Process, project: Project, needed: set[str]) -> dict[str, Any]:
    """Return the app that a process becomes, as our own format says it.

    Args:
        needed: apps that are to be up for others.
    """
    became = join("apps", process.name)
    found = project.found
    table = Table(ProcessKeys, process.tables, process.place, became, found, strict=project.strict)
    table.leave_out(_LEFT_OUT)
    app = {
        **_command(table, project),
        **_environment(table, process, project),
        **_restart(table, is_needed=process.name in needed),
        **ready_and_health(table, project.shell),
        **_ready_line(table),
        **_stop(table),
        **_labels(table, process),
    }
    if depends_on := _depends_on(table, process, project):
        app["depends_on"] = depends_on
    if log := log_of(table):
        app["log"] = log
    return {**app, **watch_of(table)}


def needed_apps(project: Project) -> set[str]:
    """Return the apps that are to be up for others."""
    tables = (it.tables.get("depends_on") for it in project.processes)
    theirs = (
        (it, asked) for table in tables if isinstance(table, dict) for it, asked in table.items()
    )
    return {
        name
        for other, asked in theirs
        for name in project.names.get(other, [])
        if _condition(asked, other, project) is Condition.UP
    }


def _condition(asked: object, other: str, project: Project) -> Condition:
    """Return what is to be with a process; what is always restarted can only be up."""
    word = asked.get("condition") if isinstance(asked, dict) else None
    condition = _ENDS.get(str(word), Condition.UP)
    return Condition.UP if _never_ends(other, project) else condition


def _never_ends(name: str, project: Project) -> bool:
    availability = _tables_of(name, project).get("availability")
    return isinstance(availability, dict) and availability.get("restart") == "always"


def _tables_of(name: str, project: Project) -> Mapping[str, Any]:
    theirs = (it.tables for it in project.processes if it.name in project.names.get(name, []))
    return next(theirs, {})


def _command(table: Table, project: Project) -> dict[str, Any]:
    told: dict[str, Any] = {}
    line, words = table.values.get("command"), table.values.get("entrypoint")
    if line:
        told["command"] = [*project.shell, table.take("command", "command")]
        table.leave_out({"entrypoint": "command wins, as in process-compose"})
    elif words:
        told["command"] = table.take("entrypoint", "command")
    else:
        reader = project.found.reader
        reader.wrong(table.place, "has no command", "command or entrypoint in every process")
    if directory := table.take("working_dir", "cwd"):
        told["cwd"] = directory
    return told


def _environment(table: Table, process: Process, project: Project) -> dict[str, Any]:
    own = table.take("environment", "env") or {}
    number = INDEX_MARK if process.copy is None else str(process.copy)
    told = {_NAME: process.theirs, REPLICA: number}
    text = repr(process.tables)
    env = {name: value for name, value in told.items() if name in text}
    env |= {**project.environment, **own}
    files = [DOTENV] if project.has_dotenv else []
    if table.values.get("is_dotenv_disabled"):
        files = []
    if file := table.take("env_file", "env_file"):
        files.append(file)
    said = {"env_file": files, "env": env}
    return {"inherit_env": True, **{key: value for key, value in said.items() if value}}


def _restart(table: Table, *, is_needed: bool) -> dict[str, Any]:
    """Return what follows an end."""
    availability = table.below("availability", AvailabilityKeys)
    word = availability.take("restart", "restart") or "no"
    pause = max(availability.take("backoff_seconds", "backoff") or 1, 1)
    later = "it is counted anew after a minute of running"
    limited = later if availability.values.get("max_restarts") else ""
    most = availability.take("max_restarts", "give_up_after", limited)
    skipped = "supctl skips no process: it waits for what it depends on"
    availability.leave_out({"exit_on_skipped": skipped})
    told: dict[str, Any] = (
        {"essential": True} if availability.take("exit_on_end", "essential") else {}
    )
    codes = table.take("success_exit_codes", "stop_exit_codes")
    if codes and word != "always":
        told["stop_exit_codes"] = codes
    match word:
        case "no" if not is_needed:
            return {"restart": "never", **told}
        case "no":  # one of "never" has no place in depends_on
            return {"restart": "on-failure", "give_up_after": 0, **told}
        case "exit_on_failure":
            limit = {"give_up_after": 0, "exhausted": "shut_down"}
            return {"restart": "on-failure", **limit, **told}
    told["restart"] = "always" if word == "always" else "on-failure"
    told["backoff"] = {"initial": pause, "factor": 1, "maximum": pause, "jitter": "none"}
    return {**told, **({"give_up_after": most} if most else {})}


def _ready_line(table: Table) -> dict[str, Any]:
    line = table.values.get("ready_log_line")
    if not line:
        return {}
    if "readiness_probe" in table.values:
        wanted = "readiness_probe or ready_log_line, not both"
        table.found.reader.wrong(table.place, "is ready by two signs", wanted)
        return {}
    table.take("ready_log_line", "ready.output", "it is a regular expression here")
    return {"ready": {"output": re.escape(line), "timeout": _LINE_WITHIN}}


def _stop(table: Table) -> dict[str, Any]:
    shutdown = table.below("shutdown", ShutdownKeys)
    signal = shutdown.take("signal", "stop.signal")
    grace = shutdown.take("timeout_seconds", "stop.grace") or _GRACE
    shutdown.leave_out(
        {
            "command": "supctl stops by a signal, and runs no command for it",
            "parent_only": "the signal goes to the whole process group",
            "send_keys": "programs have no terminal",
        }
    )
    told: dict[str, Any] = {} if grace == _GRACE else {"grace": grace}
    if signal is not None and 1 <= signal <= 31 and signal != 15:
        told["signal"] = write_signal(signal)
    return {"stop": told} if told else {}


def _labels(table: Table, process: Process) -> dict[str, Any]:
    told: dict[str, Any] = {}
    copies = table.take("replicas", "instances") if process.copy is None else None
    if process.copy is not None:
        detail = f"each is an app of its own, as {REPLICA} stands where instances have no number"
        table.take("replicas", "command", detail)
    elif copies and copies > 1:
        told["instances"] = copies
    if spaces := table.take("namespace", "tags", "commands call them @NAME"):
        told["tags"] = [name for name in map(as_name, spaces) if name]
    disabled = [table.take(key, "autostart") for key in ("disabled", "is_disabled")]
    foreground = table.take("is_foreground", "autostart", "it is started by hand, without terminal")
    if any(disabled) or foreground:
        told["autostart"] = False
    if table.take("is_daemon", "detached", _DAEMON):
        told["detached"] = True
    return told


def _depends_on(table: Table, process: Process, project: Project) -> list[str] | dict[str, str]:
    given = table.values.get("depends_on", {})
    if not isinstance(given, dict):
        wanted = "a table such as {db: {condition: process_healthy}}"
        project.found.reader.wrong(join(table.place, "depends_on"), "is no table", wanted)
        return []
    conditions: dict[str, Condition] = {}
    place = join(table.place, "depends_on")
    for other, value in given.items():
        below = join(place, other)
        asked = Table(
            DependencyKeys, value or {}, below, table.became, project.found, strict=project.strict
        )
        condition = asked.values.get("condition", "process_started")
        if other not in project.names:
            there = ", ".join(project.names)
            project.found.reader.wrong(below, "is no process of this file", f"one of {there}")
            continue
        conditions |= dict.fromkeys(project.names[other], _condition(value, other, project))
        detail = _difference(condition, other, project)
        native = f"{table.became}.depends_on"
        if detail:
            project.found.change(below, native, detail)
        else:
            project.found.map(below, native)
    return write_depends_on(conditions)


def _difference(condition: str, other: str, project: Project) -> str:
    """Return how what is waited for differs from what is asked for."""
    tables = _tables_of(other, project)
    waits = tables.get("readiness_probe") or tables.get("ready_log_line")
    if condition in _ENDS:
        never = f"{other} is always restarted, and so never at its end: it waits until that is up"
        return never if _never_ends(other, project) else ""
    if condition == "process_started":
        return f"it waits until {other} is ready" if waits else ""
    return "" if waits else f"nothing shows that {other} is ready: it waits until that runs"
