"""What our format says for a service."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Mapping
from typing import Any, Final

from supctl.config.environment import inherited
from supctl.config.imports import Import
from supctl.config.schema import rlimit_names
from supctl.config.source import Source
from supctl.config.texts import Texts
from supctl.config.units import parse_cpu, parse_signal, parse_size, write_signal
from supctl.config.values import parse_account, parse_umask, write_umask
from supctl.errors import InvalidConfig

from .environment import variables
from .keys import RLIMITS
from .specifiers import expand, is_of_a_user, specifiers
from .unit import Directive, Unit
from .values import parse_memory, parse_rlimit, parse_span, seconds_text
from .words import put_in, split

_PREFIXES: Final = "-@:+!|"
_RESTARTS: Final = {
    "no": "never",
    "always": "always",
    "on-failure": "on-failure",
    "on-abnormal": "on-failure",
    "on-abort": "on-failure",
    "on-watchdog": "on-failure",
    "on-success": "never",
}
_TYPES: Final = ("simple", "exec", "forking", "oneshot", "dbus", "notify", "notify-reload", "idle")
_EXIT_TYPES: Final = ("main", "cgroup")
_KILL_MODES: Final = ("control-group", "mixed", "process", "none")

_WITH_SPECIFIERS: Final = ("WorkingDirectory", "User", "Group", "StandardOutput", "StandardError")
"""Of those that are said once; in all others a percent sign is one."""

_START: Final = 90.0
_STOP: Final = 90.0
_PAUSE: Final = 0.1
_INTERVAL: Final = 10.0
"""Seconds that systemd takes where a unit is silent."""
_BURST: Final = 5


class Service:
    """One unit.

    Attributes:
        details: what is to be said of directives that mean something else here.
        left_out: directives that mean nothing here beside the others, and why.
    """

    def __init__(self, unit: Unit, source: Source, found: Import) -> None:
        self.details: dict[str, str] = {}
        self.left_out: dict[str, str] = {}
        self._unit, self._source, self._reader = unit, source, found.reader
        last = unit.last()
        user = last["User"].value if "User" in last else ""
        self._known = specifiers(source, user)
        values = {
            key: self._expanded(it) if key in _WITH_SPECIFIERS else it.value
            for key, it in last.items()
        }
        self._texts = Texts(values, {key: it.place for key, it in last.items()}, found.reader)

    def app(self) -> dict[str, Any]:
        """Return the table of the app, as far as the unit is right."""
        said = variables(self._unit, self._source, self._reader, self._expanded)
        env = {**said.own, **said.in_files}
        kind = self._texts.get("Type", _word(_TYPES), "simple")
        parts = (
            {"command": self._command(env, kind), "cwd": self._cwd()},
            said.table,
            self._whoever(),
            self._restarts(kind),
            self._readiness(kind),
            self._stop(),
            self._limits(),
            self._log(),
        )
        return {key: value for part in parts for key, value in part.items()}

    def _expanded(self, directive: Directive) -> str:
        try:
            return expand(directive.place, directive.value, self._known)
        except InvalidConfig as error:
            self._reader.refuse(error)
            return ""

    def _command(self, env: Mapping[str, str], kind: str) -> list[str]:
        """Return the argument vector; a shell's where several are to run one after the other."""
        usual = inherited(self._source.environ, False)
        commands = [
            command
            for directive in self._unit.all("ExecStart")
            for command in self._commands(directive, {**usual, **env})
        ]
        if len(commands) == 1:
            return commands[0][0]
        if not commands:
            if not self._reader.mistakes:
                self._reader.wrong("Service", "has no ExecStart", "a program to run")
            return []
        if kind != "oneshot":
            mend = "say Type=oneshot if they are to run one after the other"
            self._reader.wrong("Service.ExecStart", "comes more than once", "one program", mend)
        self.details["ExecStart"] = "a shell runs the commands, one after the other"
        steps = (shlex.join(words) + (" || :" if may_fail else "") for words, may_fail in commands)
        return ["sh", "-c", " && ".join(f"{{ {step}; }}" for step in steps)]

    def _commands(
        self, directive: Directive, env: Mapping[str, str]
    ) -> list[tuple[list[str], bool]]:
        """Return the argument vectors of one directive, and whether each may fail."""
        line = self._expanded(directive).strip()
        rest = line.lstrip(_PREFIXES)
        prefixes = line[: len(line) - len(rest)]
        try:
            if "|" in prefixes:
                return [(["sh", "-c", rest], "-" in prefixes)]
            words = split(directive.place, rest)
        except InvalidConfig as error:
            self._reader.refuse(error)
            return []
        self._remark_on_prefixes(prefixes, words)
        if "@" in prefixes:  # the second word is what the program finds as its own name
            del words[1:2]
        if not words:
            self._reader.wrong(directive.place, "names no program", "a program to run")
            return []
        return [(words if ":" in prefixes else put_in(words, env), "-" in prefixes)]

    def _remark_on_prefixes(self, prefixes: str, words: list[str]) -> None:
        meaning = {
            "-": "an end by failure counts as one here, in spite of the -",
            "@": "the program finds its own name as the first argument, in spite of the @",
            "+": "the program has the rights of its user only, in spite of the +",
            "!": "the program has the rights of its user only, in spite of the !",
        }
        said = [text for prefix, text in meaning.items() if prefix in prefixes]
        if ";" in words:
            said.append("the ; reaches the program as a word")
        if said:
            self.details["ExecStart"] = "; ".join(said)

    def _cwd(self) -> str:
        said = self._texts.values.get("WorkingDirectory", "")
        if said.startswith("-"):
            self.details["WorkingDirectory"] = "the directory must be there here"
            said = said[1:]
        if said == "~" or (not said and is_of_a_user(self._source)):
            return self._known["h"]
        return said or "/"

    def _whoever(self) -> dict[str, Any]:
        texts, table = self._texts, dict[str, Any]()
        passed = [it.value.split() for it in self._unit.all("PassEnvironment")]
        if passed:
            table["inherit_env"] = [name for names in passed for name in names]
        for key, native in (("User", "user"), ("Group", "group")):
            if key in texts.values:
                table[native] = texts.get(key, parse_account, 0)
        if "UMask" in texts.values:
            table["umask"] = write_umask(texts.get("UMask", parse_umask, 0))
        if "Nice" in texts.values:
            table["nice"] = texts.whole("Nice", 0, -20)
        return table

    def _restarts(self, kind: str) -> dict[str, Any]:
        texts = self._texts
        policy = texts.get("Restart", _word(tuple(_RESTARTS)), "no")
        pause = texts.get("RestartSec", _span, _PAUSE)
        rhythm = self._rhythm(pause)
        burst = texts.whole("StartLimitBurst", _BURST)
        key = "StartLimitIntervalSec" if "StartLimitIntervalSec" in texts.values else ""
        interval = texts.get(key or "StartLimitInterval", parse_span, _INTERVAL)
        codes = self._codes("RestartPreventExitStatus") + self._codes("SuccessExitStatus")
        if policy == "on-success":
            self.left_out["Restart"] = "what has ended well, and only that, is not restarted here"
        elif policy not in ("no", "always", "on-failure"):
            self.details["Restart"] = "an exit code other than 0 is followed by a restart as well"
        if _RESTARTS[policy] == "never":
            never = "there are no restarts"
            self.left_out |= dict.fromkeys(_OF_RESTARTS, never)
            return {"restart": "never"}
        # The first start is one of the burst; with 0 there would be no restart ever.
        limit = {"max_restarts": max(burst - 1, 1), "within": seconds_text(min(interval, 10**9))}
        return {
            "restart": _RESTARTS[policy],
            "backoff": rhythm,
            **(limit if burst and interval else {}),
            **({"stop_exit_codes": sorted(set(codes))} if codes else {}),
        }

    def _rhythm(self, pause: float) -> dict[str, Any]:
        """Return the back-off: the same pause again and again, or longer ones up to a maximum."""
        steps = self._texts.whole("RestartSteps", 0)
        most = self._texts.get("RestartMaxDelaySec", _span, pause)
        if not steps or most <= pause or not pause:
            factor, most = 1.0, pause
        else:
            factor = round((most / pause) ** (1 / steps), 3)
        initial, maximum = seconds_text(pause), seconds_text(most)
        return {"initial": initial, "factor": factor, "maximum": maximum, "jitter": "none"}

    def _codes(self, key: str) -> list[int]:
        codes: list[int] = []
        for it in self._unit.all(key):
            for word in it.value.split():
                if word.isdecimal() and len(word) < 4 and int(word) < 256:
                    codes.append(int(word))
                else:
                    self.details[key] = f"{word} is no exit code here"
        return codes

    def _readiness(self, kind: str) -> dict[str, Any]:
        table: dict[str, Any] = {}
        both = self._texts.get("TimeoutSec", parse_span, _START)
        timeout = self._texts.get("TimeoutStartSec", parse_span, both)
        if kind in ("notify", "notify-reload"):
            table["ready"] = {"notify": True, "timeout": seconds_text(timeout or math.inf)}
        else:
            self.left_out["TimeoutStartSec"] = "it is up as soon as it runs, and needs no time"
            self.left_out["Type"] = "a program is up as soon as it runs where ready says nothing"
        if self._texts.get("ExitType", _word(_EXIT_TYPES), "main") == "cgroup":
            table["detached"] = True
        if kind == "forking":
            table["detached"] = True
            del self.left_out["Type"]
            self.details["Type"] = "it counts as running until the last of its processes has ended"
        seconds = self._texts.get("WatchdogSec", parse_span, 0.0)
        if seconds and seconds != math.inf:
            table["health"] = {"watchdog": seconds_text(seconds)}
        return table

    def _stop(self) -> dict[str, Any]:
        texts = self._texts
        both = texts.get("TimeoutSec", parse_span, _STOP)
        grace = texts.get("TimeoutStopSec", parse_span, both)
        if grace == math.inf:
            self.details["TimeoutStopSec"] = "the longest grace is a day"
        mode = texts.get("KillMode", _word(_KILL_MODES), "control-group")
        if mode in ("process", "none"):
            self.details["KillMode"] = "nothing that a program has started outlives it here"
        stop: dict[str, Any] = {"grace": seconds_text(grace)}
        if "KillSignal" in texts.values:
            stop["signal"] = write_signal(texts.get("KillSignal", parse_signal, 15))
        return {"stop": stop}

    def _limits(self) -> dict[str, Any]:
        texts = self._texts
        memory = texts.get("MemoryMax", parse_memory, texts.get("MemoryLimit", parse_memory, None))
        limits: dict[str, Any] = {} if memory is None else {"memory": memory}
        if "CPUQuota" in texts.values:
            limits["cpu"] = texts.get("CPUQuota", parse_cpu, 1)
        if "%" in texts.values.get("TasksMax", ""):
            self.left_out["TasksMax"] = "a part of what a machine can bear is no number"
        elif texts.values.get("TasksMax", "infinity") != "infinity":
            limits["pids"] = texts.get("TasksMax", parse_size, 1)
        known = rlimit_names()
        rlimits = {
            name: texts.get(key, parse_rlimit, 0)
            for key, name in RLIMITS.items()
            if key in texts.values and name in known
        }
        table = {"limits": limits, "rlimits": rlimits}
        return {key: value for key, value in table.items() if value}

    def _log(self) -> dict[str, Any]:
        out = self._texts.values.get("StandardOutput", "")
        error = self._texts.values.get("StandardError", "inherit")
        kind, _, path = out.partition(":")
        if out == "null" and error in ("null", "inherit"):
            return {"log": {"mode": "none"}}
        if kind in ("journal", "journal+console", "syslog", "syslog+console"):
            to = "journald" if kind.startswith("journal") else "syslog"
            return {"log": {"to": to}}
        log: dict[str, Any] = {}
        if kind in ("file", "append", "truncate"):
            log["file"] = path
            if error == "inherit":
                log["together"] = True
        elif out:
            self.left_out["StandardOutput"] = "supctl keeps it in a file of its own"
        kind, _, path = error.partition(":")
        if kind in ("file", "append", "truncate"):
            log["error_file"] = path
        elif error != "inherit":
            self.left_out["StandardError"] = "supctl keeps it in a file of its own"
        return {"log": log} if log else {}


_OF_RESTARTS: Final = (
    *("RestartSec", "RestartSteps", "RestartMaxDelaySec", "RestartPreventExitStatus"),
    *("SuccessExitStatus", "StartLimitBurst", "StartLimitIntervalSec", "StartLimitInterval"),
)


def _span(field: str, value: str) -> float:
    """Return a time span that ends."""
    seconds = parse_span(field, value)
    if math.isinf(seconds):
        raise InvalidConfig(field, value, "a time span that ends, such as 5s")
    return seconds


def _word(words: tuple[str, ...]) -> Callable[[str, str], str]:
    def parse(field: str, value: str) -> str:
        if value in words:
            return value
        raise InvalidConfig(field, value, "one of " + ", ".join(words))

    return parse
