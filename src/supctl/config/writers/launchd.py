"""launchd property lists, one for every app and copy of it."""

from __future__ import annotations

import plistlib
import shutil
from typing import Any, Final

from supctl.config.exports import Export, Program, log_of, whole
from supctl.errors import InvalidConfig
from supctl.specs import Restart
from supctl.specs.log import LogMode, LogTarget

TOOL: Final = "launchd"

_LEAST_PAUSE: Final = 1
_RLIMITS: Final = {
    "core": "Core",
    "cpu": "CPU",
    "data": "Data",
    "fsize": "FileSize",
    "memlock": "MemoryLock",
    "nofile": "NumberOfFiles",
    "nproc": "NumberOfProcesses",
    "rss": "ResidentSetSize",
    "stack": "Stack",
}
_REASONS: Final = {
    "depends_on": "jobs start in no order; a program has to wait for what it needs",
    "give_up_after": "launchd never gives up",
    "max_restarts": "launchd never gives up",
    "exhausted": "launchd never gives up",
    "backoff": "launchd waits the same time before every start (ThrottleInterval)",
    "stop": "launchd asks by SIGTERM",
    "ready": "launchd asks no program",
    "health": "launchd asks no program",
    "limits": "launchd limits single processes only",
    "log": "launchd stores output as it comes, and rotates nothing; see newsyslog.conf(5)",
}


def write(programs: list[Program], export: Export) -> None:
    """Fill ``export`` with property lists."""
    for program in programs:
        count = program.app.instances
        job = _job(program)
        for number in range(1, count + 1):
            tail = f".{number}" if count > 1 else ""
            label = f"{export.name}.{program.name}{tail}"
            export.files[f"{label}.plist"] = _plist({"Label": label, **job}, program)


def _plist(job: dict[str, Any], program: Program) -> str:
    """Return a property list.

    Raises:
        InvalidConfig: there is a control character somewhere, which it cannot hold.
    """
    try:
        return plistlib.dumps(job, sort_keys=False).decode()
    except ValueError:
        wanted = "text without control characters: a property list cannot hold them"
        raise InvalidConfig(program.place, list(program.app.command), wanted) from None


def _job(program: Program) -> dict[str, Any]:
    app = program.app
    program.take("instances", "autostart", "stop.grace")
    job = {
        "ProgramArguments": _command(program),
        "WorkingDirectory": program.cwd,
        "EnvironmentVariables": program.env,
        "RunAtLoad": app.autostart,
        "KeepAlive": _keep_alive(program),
        "ThrottleInterval": _pause(program),
        "ExitTimeOut": whole(app.stop.grace),
        **_account(program),
        **_rlimits(program),
        **_output(program),
    }
    if app.detached:
        program.take("detached")
        job["AbandonProcessGroup"] = True
    program.finish(_REASONS)
    return {key: value for key, value in job.items() if value not in ({}, None)}


def _command(program: Program) -> list[str]:
    """Return the command; a program is found as here, as launchd's PATH is its own."""
    first, *rest = program.app.command
    if "/" in first:
        return [str(program.export.directory / program.cwd / first), *rest]
    path = program.app.environment({}).get("PATH")
    return [shutil.which(first, path=path) or first, *rest]


def _keep_alive(program: Program) -> bool | dict[str, bool]:
    program.take("restart")
    program.change("stays_stopped", "KeepAlive", "what was stopped starts again at boot")
    match program.app.restart:
        case Restart.TEMPORARY:
            return False
        case Restart.TRANSIENT:
            return {"SuccessfulExit": False}
    return True


def _pause(program: Program) -> int | None:
    if program.app.restart is Restart.TEMPORARY:
        return None
    program.take("backoff.initial")
    return max(whole(program.app.backoff.initial), _LEAST_PAUSE)


def _account(program: Program) -> dict[str, Any]:
    app = program.app
    program.take("umask", "nice")
    told: dict[str, Any] = {"Umask": app.umask, "Nice": app.nice}
    for name, key, value in (("user", "UserName", app.user), ("group", "GroupName", app.group)):
        if isinstance(value, str):
            program.take(name)
            told[key] = value
    return told


def _rlimits(program: Program) -> dict[str, Any]:
    program.take("rlimits")
    told: dict[str, dict[str, int]] = {"SoftResourceLimits": {}, "HardResourceLimits": {}}
    for name, (soft, hard) in program.app.rlimits.items():
        if name not in _RLIMITS:
            place = f"{program.place}.rlimits.{name}"
            program.export.leave_out(place, "launchd has no word for it")
            continue
        for key, value in (("SoftResourceLimits", soft), ("HardResourceLimits", hard)):
            if value != -1:
                told[key][_RLIMITS[name]] = value
    return told


def _output(program: Program) -> dict[str, Any]:
    log = log_of(program.app)
    if log.mode is LogMode.NONE:
        program.take("log.mode")
        return {}
    if log.to is not LogTarget.FILE or log.file is None:
        place = f"{program.place}.log"
        program.export.leave_out(place, "output goes nowhere unless log.file names a file")
        return {}
    program.take("log.file", "log.error_file", "log.together")
    error = log.file if log.together else log.error_file
    directory = program.export.directory
    told = {"StandardOutPath": str(directory / log.file)}
    return told if error is None else {**told, "StandardErrorPath": str(directory / error)}
