"""systemd units: a service for every app, and a target for the tree."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Iterator
from signal import Signals
from typing import Final

from supctl.config.exports import Export, Program, decimal, log_of
from supctl.specs import App, Backoff, Notify, Restart, Watchdog
from supctl.specs.dependencies import Condition
from supctl.specs.log import LogMode, LogTarget
from supctl.specs.placeholders import Fill, filler

TOOL: Final = "systemd"

_RESTART: Final = {
    Restart.PERMANENT: "always",
    Restart.TRANSIENT: "on-failure",
    Restart.TEMPORARY: "no",
}
_REASONS: Final = {
    "ready": "systemd asks no program; it has to say READY=1 itself (ready = {notify = true})",
    "health": "systemd asks no program; it has to say WATCHDOG=1 itself (health = {watchdog = 9})",
    "exhausted": "when its limit is reached, a service fails and nothing else follows",
    "min_uptime": "an end with code 0 is a success, however early",
    "significant": "a service ends no others; see FailureAction= in systemd.unit(5)",
    "essential": "a service ends no others; see FailureAction= in systemd.unit(5)",
    "tags": "units have no tags; make targets of them",
    "secrets": "systemd hands secrets over as files: LoadCredential= in systemd.exec(5)",
    "death_signal": "systemd does not die before its services",
    "log": "the journal stores output in its own way",
    "backoff.jitter": "delays are exact",
    "backoff.reset_after": "delays grow until the start limit counts no start any more",
    "stop.force": "what is killed is waited for without a limit",
}
_PLAIN: Final = re.compile(r"[A-Za-z0-9_@%+=:,./$-]+")


def numbered(app: App) -> Fill | None:
    """Return what says the instance of a template unit; there is nothing else that differs."""
    says_all = app.port is None and app.placeholders <= {"instance", ""}
    return filler(instance="%i") if says_all else None


def write(programs: list[Program], export: Export) -> None:
    """Fill ``export`` with units."""
    target = f"{export.name}.target"
    wanted = []
    for program in programs:
        many = program.app.instances > 1
        name = f"{export.name}-{program.name}"
        service = _service(program, target, list(_needed(program, programs, export)))
        unit = f"{name}@.service" if many else f"{name}.service"
        export.files[unit] = program.numbered(service)
        if program.app.autostart:
            wanted += [_unit(export, programs, program.name)]
    lines = ["[Unit]", f"Description={_line(export.name)}", *(f"Wants={it}" for it in wanted)]
    lines += ["", "[Install]", "WantedBy=multi-user.target"]
    export.files[target] = "\n".join(lines) + "\n"


def _needed(program: Program, programs: list[Program], export: Export) -> Iterator[str]:
    """Yield what orders a unit behind others: a oneshot has started when it has completed."""
    for name, condition in program.depends_on.items():
        unit = _unit(export, programs, name)
        yield f"{'Wants' if condition is Condition.ENDED else 'Requires'}={unit}"
        yield f"After={unit}"


def _unit(export: Export, programs: list[Program], name: str) -> str:
    """Return the units of a program, blanks between them."""
    count = next(it.app.instances for it in programs if it.name == name)
    unit = f"{export.name}-{name}"
    if count == 1:
        return f"{unit}.service"
    return " ".join(f"{unit}@{number}.service" for number in range(1, count + 1))


def _service(program: Program, target: str, needed: list[str]) -> str:
    sections = {
        "Unit": [*_head(program, target, needed), *_start_limit(program)],
        "Service": [
            *_start(program),
            *_restart(program),
            *_stop(program),
            *_surroundings(program),
            *_limits(program),
            *_output(program),
        ],
    }
    program.take("instances", "autostart", "depends_on")
    program.finish(_REASONS)
    blocks = ("\n".join([f"[{name}]", *lines]) for name, lines in sections.items())
    return "\n\n".join(blocks) + "\n"


def _head(program: Program, target: str, needed: list[str]) -> Iterator[str]:
    yield f"Description={_line(program.name)} (made by supctl export)"
    yield f"PartOf={target}"
    yield from needed


def _start_limit(program: Program) -> Iterator[str]:
    """Yield how many starts there may be; by default systemd allows five in ten seconds."""
    app = program.app
    if app.max_restarts is not None:
        program.take("max_restarts", "within")
        yield f"StartLimitIntervalSec={decimal(app.within)}"
        yield f"StartLimitBurst={app.max_restarts + 1}"
    elif app.give_up_after is not None:
        interval = app.backoff.reset_after * (app.give_up_after + 1)
        detail = f"all starts within {decimal(interval)} s count, those after a stable run too"
        program.change("give_up_after", "StartLimitBurst", detail)
        yield f"StartLimitIntervalSec={decimal(interval)}"
        yield f"StartLimitBurst={app.give_up_after + 1}"
    else:
        yield "StartLimitIntervalSec=0"


def _start(program: Program) -> Iterator[str]:
    app = program.app
    if program.is_awaited:
        yield "Type=oneshot"
        yield "RemainAfterExit=yes"
    elif app.ready is not None and isinstance(app.ready.probe, Notify):
        program.take("ready")
        yield "Type=notify"
        yield "NotifyAccess=all"
        yield f"TimeoutStartSec={decimal(app.ready.timeout)}"
    else:
        yield "Type=exec"
    if app.detached:
        program.take("detached")
        yield "ExitType=cgroup"
    if app.health is not None and isinstance(app.health.probe, Watchdog):
        program.take("health", "health.retries")
        yield f"WatchdogSec={decimal(app.health.probe.seconds)}"
    yield f"ExecStart={' '.join(map(_word, _command(program)))}"
    yield f"WorkingDirectory={program.cwd.replace('%', '%%')}"


def _command(program: Program) -> list[str]:
    """Return the command with the program as an absolute path, as systemd's PATH is its own."""
    first, *rest = program.app.command
    if "/" in first:
        return [str(program.export.directory / program.cwd / first), *rest]
    path = program.app.environment({}).get("PATH")
    found = shutil.which(first, path=path)
    if found is None:
        place = f"{program.place}.command"
        program.export.change(place, "ExecStart", f"{first} is not on this PATH: write its path")
    return [found or first, *rest]


def _restart(program: Program) -> Iterator[str]:
    app = program.app
    program.take("restart", "stop_exit_codes", "backoff.initial", "backoff.factor")
    program.take("backoff.maximum")
    program.change("stays_stopped", "Restart", "what was stopped starts again at boot")
    always = app.restart is Restart.PERMANENT and not program.is_awaited  # no oneshot is that
    yield f"Restart={'always' if always else _RESTART[app.restart]}"
    if app.stop_exit_codes:
        codes = " ".join(map(str, app.stop_exit_codes))
        yield f"RestartPreventExitStatus={codes}"
        if program.is_awaited:
            yield f"SuccessExitStatus={codes}"
    if app.restart is not Restart.TEMPORARY:
        yield f"RestartSec={decimal(app.backoff.initial)}"
        if steps := _steps(app.backoff):
            yield f"RestartSteps={steps}"
            yield f"RestartMaxDelaySec={decimal(app.backoff.maximum)}"


def _steps(backoff: Backoff) -> int:
    """Return after how many restarts the delay is at its maximum; 0 if it never grows."""
    if not backoff.initial or backoff.factor == 1 or backoff.maximum == backoff.initial:
        return 0
    steps = math.log(backoff.maximum / backoff.initial) / math.log(backoff.factor)
    return round(min(max(steps, 1), 1000))


def _stop(program: Program) -> Iterator[str]:
    stop = program.app.stop
    program.take("stop.signal", "stop.grace")
    yield f"KillSignal={_signal(stop.signal)}"
    yield f"TimeoutStopSec={decimal(stop.grace)}"


def _signal(number: int) -> str:
    try:
        return Signals(number).name
    except ValueError:  # most of the real-time ones
        return str(number)


def _surroundings(program: Program) -> Iterator[str]:
    app = program.app
    program.take("user", "group", "umask", "nice")
    for name, text in program.env.items():
        yield f"Environment={_quoted(f'{name}={text}'.replace('%', '%%'))}"
    if app.user is not None:
        yield f"User={app.user}"
    if app.group is not None:
        yield f"Group={app.group}"
    if app.umask is not None:
        yield f"UMask={app.umask:04o}"
    if app.nice is not None:
        yield f"Nice={app.nice}"


def _limits(program: Program) -> Iterator[str]:
    app = program.app
    program.take("limits", "rlimits")
    if app.limits.memory is not None:
        yield f"MemoryMax={app.limits.memory}"
    if app.limits.cpu is not None:
        yield f"CPUQuota={decimal(app.limits.cpu * 100)}%"
    if app.limits.pids is not None:
        yield f"TasksMax={app.limits.pids}"
    for name, values in app.rlimits.items():
        soft, hard = ("infinity" if it == -1 else str(it) for it in values)
        yield f"Limit{name.upper()}={soft}:{hard}"


def _output(program: Program) -> Iterator[str]:
    log = log_of(program.app)
    if log.mode is LogMode.NONE:
        program.take("log.mode")
        yield "StandardOutput=null"
        yield "StandardError=null"
    elif log.to is LogTarget.FILE and log.file is not None:
        program.take("log.file", "log.error_file", "log.together")
        yield f"StandardOutput=append:{_path(program, log.file)}"
        if log.error_file is not None or log.together:
            error = log.error_file if log.error_file is not None else log.file
            yield f"StandardError=append:{_path(program, error)}"
    elif log.to in (LogTarget.JOURNALD, LogTarget.SYSLOG):
        program.take("log.to")


def _path(program: Program, path: str) -> str:
    return str(program.export.directory / path).replace("%", "%%")


def _word(text: str) -> str:
    """Return a word of a command line: no specifiers, no variables."""
    text = text.replace("%", "%%").replace("$", "$$")
    return text if _PLAIN.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + "".join(it if it.isprintable() else _coded(it) for it in escaped) + '"'


def _coded(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode())


def _line(text: str) -> str:
    return text.replace("%", "%%")
