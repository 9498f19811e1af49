"""process-compose.yaml: a process for every app."""

from __future__ import annotations

import shlex
from typing import Any, Final
from urllib.parse import urlsplit

from supctl.config.exports import Export, Program, log_of, whole
from supctl.config.numbering import each_text
from supctl.config.yaml_writing import yaml_text
from supctl.specs import App, Exec, Exhausted, Health, Http, Output, Probe, Ready, Restart
from supctl.specs.dependencies import Condition
from supctl.specs.log import LogMode, LogTarget
from supctl.specs.placeholders import Fill, filler

TOOL: Final = "process-compose"

_DAY: Final = 86_400
_MEGABYTE: Final = 2**20
_RESTART: Final = {
    Restart.PERMANENT: "always",
    Restart.TRANSIENT: "on_failure",
    Restart.TEMPORARY: "no",
}
_ENDS: Final = {
    Condition.COMPLETED: "process_completed_successfully",
    Condition.ENDED: "process_completed",
}
_REASONS: Final = {
    "backoff": "process-compose waits the same time before every restart",
    "max_restarts": "process-compose counts all restarts that there ever were",
    "within": "process-compose counts all restarts that there ever were",
    "limits": "process-compose limits nothing",
    "rlimits": "process-compose limits nothing",
    "user": "process-compose runs all as itself",
    "group": "process-compose runs all as itself",
    "ready": "process-compose asks by http_get and exec, and looks at lines, nothing else",
    "health": "process-compose asks by http_get and exec only",
}


def numbered(app: App) -> Fill | None:
    """Return what says the number of a replica, unless braces are there that are text."""
    has_braces = "{{" in repr((app.command, app.env, app.cwd, app.ready, app.health))
    if app.port is not None or app.placeholders != {"index"} or has_braces:
        return None
    return filler(index="{{.PC_REPLICA_NUM}}")


def write(programs: list[Program], export: Export) -> None:
    """Fill ``export`` with the file."""
    by_name = {it.name: it for it in programs}
    processes = {it.name: each_text(_process(it, by_name), it.numbered) for it in programs}
    document = {"version": "0.5", "is_strict": True, "processes": processes}
    text = yaml_text(document)
    # Every ${NAME} would be replaced before the file is read, and $$ is one $.
    export.files["process-compose.yaml"] = text.replace("$", "$$")


def _process(program: Program, others: dict[str, Program]) -> dict[str, Any]:
    app = program.app
    program.take("instances", "autostart", "detached", "stop.grace", "stop.signal", "depends_on")
    told: dict[str, Any] = {"entrypoint": list(app.command), "working_dir": program.cwd}
    if program.env:
        told["environment"] = [f"{name}={text}" for name, text in program.env.items()]
    told["availability"] = _availability(program)
    told |= _probes(program)
    if app.stop.signal != 15 or app.stop.grace != 10:
        told["shutdown"] = {
            "signal": int(app.stop.signal),
            "timeout_seconds": whole(app.stop.grace),
        }
    if program.depends_on:
        told["depends_on"] = {
            it: {"condition": _ENDS.get(condition) or _up(others[it])}
            for it, condition in program.depends_on.items()
        }
    told |= _labels(program)
    told |= _output(program)
    if "{{" in repr(told):
        told["is_template_disabled"] = True
    program.finish(_REASONS)
    return told


def _labels(program: Program) -> dict[str, Any]:
    app = program.app
    told: dict[str, Any] = {}
    if app.instances > 1:
        told["replicas"] = app.instances
    if not app.autostart:
        told["disabled"] = True
    if app.detached:
        told["is_daemon"] = True
    if app.tags:
        program.change("tags", "namespace", "older versions know one namespace only")
        told["namespace"] = app.tags[0] if len(app.tags) == 1 else list(app.tags)
    return told


def _availability(program: Program) -> dict[str, Any]:
    app = program.app
    program.take("restart", "essential")
    ends = {"exit_on_end": True} if app.essential else {}
    if app.restart is Restart.TEMPORARY or app.give_up_after == 0:
        ends_all = app.give_up_after == 0 and app.exhausted is Exhausted.SHUT_DOWN
        program.take("give_up_after", *(["exhausted"] if ends_all else []), "backoff")
        if app.give_up_after != 0 or app.restart is not Restart.PERMANENT:
            program.take("stop_exit_codes")
        return {"restart": "exit_on_failure" if ends_all else "no", **ends}
    told: dict[str, Any] = {"restart": _RESTART[app.restart], **ends}
    program.change("stays_stopped", "availability.restart", "nothing remembers what was stopped")
    program.take("backoff.initial")
    told["backoff_seconds"] = max(whole(app.backoff.initial), 1)
    if app.backoff.factor == 1:
        program.take("backoff.factor", "backoff.jitter", "backoff.maximum")
    if app.give_up_after is not None:
        detail = "all restarts count, those after a stable run too"
        program.change("give_up_after", "availability.max_restarts", detail)
        told["max_restarts"] = app.give_up_after
    return told


def _up(other: Program) -> str:
    ready = other.app.ready
    if ready is None or not isinstance(ready.probe, Http | Exec | Output):
        return "process_started"
    return "process_log_ready" if isinstance(ready.probe, Output) else "process_healthy"


def _probes(program: Program) -> dict[str, Any]:
    app = program.app
    told: dict[str, Any] = {}
    if app.stop_exit_codes and app.restart is Restart.TRANSIENT:
        program.take("stop_exit_codes")
        told["success_exit_codes"] = list(app.stop_exit_codes)
    if app.ready is not None and isinstance(app.ready.probe, Output):
        detail = "process-compose looks for that text itself, not for a pattern"
        program.change("ready", "ready_log_line", detail)
        pattern = app.ready.probe.pattern
        told["ready_log_line"] = pattern if isinstance(pattern, str) else str(pattern)
    elif app.ready is not None and (asked := _asked(app.ready.probe)):
        told["readiness_probe"] = {**asked, **_patience(program, app.ready)}
    health = app.health
    if health is not None and (asked := _asked(health.probe)):
        same = app.ready is not None and app.ready.probe == health.probe
        key = "readiness_probe" if same else "liveness_probe"
        if not same:
            detail = "process-compose minds it for daemons (is_daemon) only"
            program.change("health", "liveness_probe", detail)
        program.take("health")
        told[key] = {**asked, **_rhythm(health)}
    return told


def _asked(probe: Probe) -> dict[str, Any]:
    """Return what a probe asks, nothing if there is no word for it."""
    match probe:
        case Http() if probe.body is None:
            parts = urlsplit(probe.url)
            path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
            page: dict[str, Any] = {"scheme": parts.scheme, "host": parts.hostname}
            page |= {"port": str(parts.port)} if parts.port else {}
            status = {"status_code": probe.status} if probe.status is not None else {}
            return {"http_get": {**page, "path": path, **status}}
        case Exec(command):
            return {"exec": {"command": shlex.join(command)}}
    return {}


def _patience(program: Program, ready: Ready) -> dict[str, int]:
    program.take("ready")
    failures = max(round(ready.timeout), 1)
    return {"period_seconds": 1, "timeout_seconds": 1, "failure_threshold": failures}


def _rhythm(health: Health) -> dict[str, int]:
    return {
        "initial_delay_seconds": whole(health.start_period),
        "period_seconds": max(whole(health.interval), 1),
        "timeout_seconds": max(whole(health.timeout), 1),
        "failure_threshold": health.retries,
    }


def _output(program: Program) -> dict[str, Any]:
    log = log_of(program.app)
    if log.file is None or log.to is not LogTarget.FILE:
        return {}
    program.take("log.file", "log.together", "log.mode", "log.max_size", "log.keep")
    told: dict[str, Any] = {"log_location": str(program.export.directory / log.file)}
    rotation = {
        "max_size_mb": None if log.max_size is None else max(log.max_size // _MEGABYTE, 1),
        "max_backups": log.keep,
        "max_age_days": None if log.keep_for is None else max(round(log.keep_for / _DAY), 1),
        "compress": True if log.compress is not None else None,
    }
    program.take("log.keep_for", "log.compress")
    told["log_configuration"] = {
        "disable_json": log.mode is not LogMode.JSON,
        "add_timestamp": log.mode is LogMode.TIMESTAMPED,
        "rotation": {key: value for key, value in rotation.items() if value is not None},
    }
    return told
