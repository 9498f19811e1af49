"""PM2's ecosystem.config.js."""

from __future__ import annotations

import json
from itertools import takewhile
from typing import Any, Final

from supctl.config.exports import Export, Program, log_of
from supctl.config.numbering import each_text
from supctl.specs import App, Restart
from supctl.specs.instances import FILLED, used_in
from supctl.specs.log import LogMode
from supctl.specs.placeholders import INDEX, Fill, filler

TOOL: Final = "PM2"

_SIGINT: Final = 2
_REASONS: Final = {
    "depends_on": "PM2 starts apps in the order of the file, and waits for nothing",
    "backoff": "PM2 waits the same time before every restart",
    "ready": "PM2 asks no program; see wait_ready for one that says it by process.send",
    "health": "PM2 asks no program",
    "limits": "PM2 limits memory only",
    "log": "PM2 rotates no files; see the module pm2-logrotate",
    "stop.signal": "PM2 asks every app by one signal, which PM2_KILL_SIGNAL names for its daemon",
    "share_port": "PM2 shares ports among copies of a script that node runs",
    "tags": "PM2 has one namespace for an app, and no tags",
}


def numbered(app: App) -> Fill | None:
    """Return what leaves all as it is: PM2 tells a copy its number in one variable, and only so."""
    env = app.environment({})
    texts = tuple(text for text in env.values() if text != INDEX)
    others = [getattr(app, name) for name in FILLED if name != "env"]
    used = used_in([texts, *others])
    many = list(env.values()).count(INDEX) > 1
    return None if app.port is not None or used - {""} or many else filler()


def write(programs: list[Program], export: Export) -> None:
    """Fill ``export`` with the file."""
    apps = [_app(program) for program in programs]
    text = json.dumps({"apps": apps}, indent=2, ensure_ascii=False)
    export.files["ecosystem.config.js"] = f"module.exports = {text};\n"


def _app(program: Program) -> dict[str, Any]:
    app = program.app
    program.take("instances")
    told = {
        "name": program.name,
        **_script(program),
        "cwd": program.cwd,
        "env": program.env or None,
        "instances": app.instances if app.instances > 1 else None,
        **_restart(program),
        **_stop(program),
        **_account(program),
        **_output(program),
        **_watch(program),
    }
    if app.limits.memory is not None:
        program.change("limits.memory", "max_memory_restart", "PM2 looks every 30 s")
        told["max_memory_restart"] = str(app.limits.memory)
    if not app.autostart:
        program.change("autostart", "autostart", "PM2 knows it since version 5.4")
        told["autostart"] = False
    told |= _number(program)
    program.finish(_REASONS)
    said = {key: value for key, value in told.items() if value is not None}
    return dict(each_text(said, program.numbered))


def _number(program: Program) -> dict[str, Any]:
    """Return what says the variable in which a copy finds its number."""
    if program.app.instances == 1 or INDEX not in program.env.values():
        return {}
    env = {name: text for name, text in program.env.items() if text != INDEX}
    (variable,) = program.env.keys() - env.keys()
    said = {} if variable == "NODE_APP_INSTANCE" else {"instance_var": variable}
    return {"env": env or None, **said}


def _script(program: Program) -> dict[str, Any]:
    """Return what is run; PM2 shares a port only among copies of a script of Node.js."""
    first, *args = program.app.command
    if program.shares_port and first.rpartition("/")[2] == "node" and args:
        program.take("share_port")
        flags = list(takewhile(lambda word: word.startswith("-"), args))
        script, *args = args[len(flags) :] or args
        told = {"script": script, "args": args or None, "interpreter": first}
        return {**told, "interpreter_args": flags or None, "exec_mode": "cluster"}
    return {"script": first, "args": args or None, "interpreter": "none", "exec_mode": "fork"}


def _restart(program: Program) -> dict[str, Any]:
    app = program.app
    program.take("restart", "min_uptime", "backoff.initial")
    codes = list(app.stop_exit_codes)
    if app.restart is Restart.TEMPORARY:
        return {"autorestart": False}
    if app.restart is Restart.TRANSIENT:
        codes = sorted({0, *codes})
    program.take("stop_exit_codes")
    told: dict[str, Any] = {"restart_delay": round(app.backoff.initial * 1000)}
    if codes:
        told["stop_exit_codes"] = codes
    if app.min_uptime:
        told["min_uptime"] = round(app.min_uptime * 1000)
    if app.give_up_after is not None:
        detail = "PM2 counts only runs shorter than min_uptime, one second by default"
        program.change("give_up_after", "max_restarts", detail)
        told["max_restarts"] = app.give_up_after
    else:
        told["max_restarts"] = _FOR_EVER
    return told


_FOR_EVER: Final = 1_000_000
"""Restarts where there is no limit: PM2 has no word for that."""


def _stop(program: Program) -> dict[str, Any]:
    stop = program.app.stop
    program.take("stop.grace")
    if stop.signal == _SIGINT:
        program.take("stop.signal")
    else:
        place = f"{program.place}.stop.signal"
        detail = "PM2 asks by SIGINT, unless PM2_KILL_SIGNAL says another for its daemon"
        program.export.change(place, "PM2_KILL_SIGNAL", detail)
        program.take("stop.signal")
    return {"kill_timeout": round(stop.grace * 1000)}


def _account(program: Program) -> dict[str, Any]:
    program.take("user", "group")
    return {"uid": program.app.user, "gid": program.app.group}


def _output(program: Program) -> dict[str, Any]:
    log = log_of(program.app)
    program.take("log.file", "log.error_file", "log.merged")
    if log.file is not None:
        program.take("log.together")
    directory = program.export.directory
    if log.mode is LogMode.NONE:
        program.take("log.mode")
        return {"out_file": "/dev/null", "error_file": "/dev/null"}
    out = None if log.file is None else str(directory / log.file)
    error = None if log.error_file is None else str(directory / log.error_file)
    told: dict[str, Any] = {"out_file": out, "error_file": out if log.together else error}
    if log.mode is not LogMode.RAW:
        program.take("log.mode")
        told |= {"time": True} if log.mode is LogMode.TIMESTAMPED else {"log_type": "json"}
    return {**told, "merge_logs": True if log.merged else None}


def _watch(program: Program) -> dict[str, Any]:
    sources = program.app.watch
    if sources is None:
        return {}
    detail = "PM2 heeds no .gitignore, and reads the patterns as globs"
    program.change("watch", "watch", detail)
    return {
        "watch": True if sources.paths == (".",) else [*sources.paths],
        "ignore_watch": [*_UNWATCHED, *sources.ignore],
        "watch_delay": round(sources.debounce * 1000),
    }


_UNWATCHED: Final = ("node_modules", ".git", "__pycache__", ".venv")
"""What is always ignored here, and by PM2 only if it is said, once anything is."""
