"""supervisord.conf: a program section for every app."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from signal import Signals
from typing import Final

from supctl.config.exports import Export, Program, log_of, whole
from supctl.config.reading import join
from supctl.specs import App, Restart
from supctl.specs.log import LogMode, LogTarget
from supctl.specs.placeholders import Fill, filler

TOOL: Final = "supervisord"

_SIGNALS: Final = ("SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2")
_FOR_EVER: Final = 1_000_000
"""Tries, or files, where there is no limit: supervisord has no word for that."""

_KEY: Final = re.compile(r"[A-Za-z0-9_/.+:()-]+")
_UNSAYABLE: Final = re.compile(r"\n|\s[;#]|\A['\"]|['\"]\Z")
"""What is in no value of a variable: there are no escapes, quotes at both ends are taken off, and a
blank before ; or # begins a comment."""

_REASONS: Final = {
    "backoff": "supervisord waits one second more before each try, and not after a stable run",
    "max_restarts": "supervisord counts only starts that failed at once",
    "within": "supervisord counts only starts that failed at once",
    "exhausted": "a program that does not start is FATAL, and nothing else follows",
    "ready": "supervisord asks no program, only whether it still runs after startsecs",
    "health": "supervisord asks no program",
    "limits": "supervisord limits nothing",
    "rlimits": "supervisord sets minfds and minprocs for all programs together only",
}


def numbered(app: App) -> Fill | None:
    """Return what says the number of a process, which counts from 0 or from 1."""
    used = app.placeholders - {""}
    if app.port is not None or len(used) > 1:
        return None
    return filler(**dict.fromkeys(used, "%(process_num)d"))


def write(programs: list[Program], export: Export) -> None:
    """Fill ``export`` with the file."""
    ordered = any(program.depends_on for program in programs)
    sections = ["[supervisord]\nnodaemon=true"]
    for number, program in enumerate(_in_order(programs), 1):
        lines = [*_lines(program), *([f"priority={number}"] if ordered else [])]
        name = re.sub(r"[^A-Za-z0-9_.-]", "-", program.name)
        sections.append(program.numbered("\n".join([f"[program:{name}]", *lines])))
        program.change("depends_on", "priority", "it starts after them, and waits for nothing")
        program.finish(_REASONS)
    export.files["supervisord.conf"] = "\n\n".join(sections) + "\n"


def _in_order(programs: list[Program]) -> list[Program]:
    """Return programs so that each comes after those it depends on."""
    from supctl.specs.dependencies import start_order

    by_name = {it.name: it for it in programs}
    return [by_name[it] for it in start_order({it.name: it.depends_on for it in programs})]


def _lines(program: Program) -> Iterator[str]:
    app = program.app
    program.take("autostart", "instances", "umask", "user")
    yield f"command={_command(program)}"
    yield f"directory={_value(program.cwd)}"
    if app.instances > 1:
        yield "process_name=%(program_name)s_%(process_num)d"
        yield f"numprocs={app.instances}"
        yield f"numprocs_start={0 if 'index' in app.placeholders else 1}"
    if not app.autostart:
        yield "autostart=false"
    yield from _restart(program)
    yield from _stop(program)
    if app.user is not None:
        yield f"user={app.user}"
    if app.umask is not None:
        yield f"umask={app.umask:03o}"
    if variables := list(_variables(program)):
        yield f"environment={','.join(variables)}"
    yield from _output(program)


def _restart(program: Program) -> Iterator[str]:
    app = program.app
    program.take("restart", "stop_exit_codes", "give_up_after", "min_uptime")
    program.change("stays_stopped", "autorestart", "what was stopped starts again with supervisord")
    codes = ",".join(map(str, app.stop_exit_codes))
    match app.restart:
        case Restart.TEMPORARY:
            yield "autorestart=false"
        case Restart.TRANSIENT:
            yield "autorestart=unexpected"
            yield f"exitcodes=0{f',{codes}' if codes else ''}"
        case _ if codes:
            yield "autorestart=unexpected"
            yield f"exitcodes={codes}"
        case _:
            yield "autorestart=true"
    lasting = 1 if app.restart is Restart.PERMANENT else 0
    yield f"startsecs={max(whole(app.min_uptime), lasting)}"
    yield f"startretries={_FOR_EVER if app.give_up_after is None else app.give_up_after}"


def _stop(program: Program) -> Iterator[str]:
    stop = program.app.stop
    program.take("stop.grace")
    names = {int(it): it.name for it in Signals}
    if names.get(stop.signal) in _SIGNALS:
        program.take("stop.signal")
        yield f"stopsignal={names[stop.signal].removeprefix('SIG')}"
    else:
        program.change("stop.signal", "stopsignal", "supervisord knows no such signal: it is TERM")
    yield f"stopwaitsecs={whole(stop.grace)}"
    yield "stopasgroup=true"
    yield "killasgroup=true"


def _output(program: Program) -> Iterator[str]:
    log = log_of(program.app)
    program.take("log.max_size", "log.keep", "log.together")
    streams = {"stdout": log.file, "stderr": log.error_file}
    if log.together:
        yield "redirect_stderr=true"
        del streams["stderr"]
    for stream, file in streams.items():
        if log.mode is LogMode.NONE:
            program.take("log.mode")
            yield f"{stream}_logfile=NONE"
        elif log.to in (LogTarget.STDOUT, LogTarget.STDERR):
            program.take("log.to")
            yield f"{stream}_logfile=/dev/{log.to}"
            yield f"{stream}_logfile_maxbytes=0"
        else:
            program.take("log.file", "log.error_file")
            path = "AUTO" if file is None else _value(str(program.export.directory / file))
            yield f"{stream}_logfile={path}"
            yield f"{stream}_logfile_maxbytes={log.max_size or 0}"
            yield f"{stream}_logfile_backups={_FOR_EVER if log.keep is None else log.keep}"


def _variables(program: Program) -> Iterator[str]:
    """Yield variables as it reads them."""
    for name, text in program.env.items():
        quote = next((it for it in "\"'" if it not in text), None)
        if quote is None or not _KEY.fullmatch(name) or _UNSAYABLE.search(text):
            place = join(f"{program.place}.env", name)
            program.export.leave_out(place, "supervisord has no way to quote it")
        else:
            yield f"{name}={quote}{text.replace('%', '%%')}{quote}"


def _command(program: Program) -> str:
    words = (shlex.quote(word) for word in program.app.command)
    # A blank before ; or # begins a comment, also in quotes: the quotes are closed in between.
    line = " ".join(re.sub(r"(\s)(?=[;#])", r"\1''", word) for word in words)
    if "\n" in line:
        detail = "its lines lose their indentation, and empty ones are left out"
        program.export.change(f"{program.place}.command", "command", detail)
        line = re.sub(r"\n\s*", "\n    ", line)
    return _value(line)


def _value(text: str) -> str:
    return text.replace("%", "%%")
