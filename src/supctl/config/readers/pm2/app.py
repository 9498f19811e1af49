"""One app of a PM2 file -> a table of ours, with PM2's own defaults."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from supctl.config.formats import Source
from supctl.config.imports import Import
from supctl.config.numbering import INDEX_MARK, INSTANCE_MARK, PORT_MARK
from supctl.config.reading import join
from supctl.specs.names import as_name

from .attributes import Attributes
from .lifecycle import instances, restarts, shares_port, stop
from .logs import log
from .program import Program, Which, as_text, is_there, words
from .watch import watch

_MONITORING: Final = (
    *("trace", "disable_trace", "deep_monitoring", "pmx", "automation", "io"),
    *("v8", "event_loop_inspector"),
)

_LEFT_OUT: Final = {
    "wait_ready": "Node's channel (process.send) is not there; ready = {notify = true}, "
    "{tcp = PORT} or {output = ...} say when an app is up",
    "listen_timeout": "it goes with wait_ready; ready.timeout is how long an app may take",
    "shutdown_with_message": "Node's channel is not there; the app is asked by the signal",
    "cron_restart": "supctl restarts nothing by the clock",
    "pid_file": "supctl writes no pid files; supctl status --json has the pids",
    "treekill": "an app is asked as a group, and what is left of its tree is ended, always",
    "kill_retry_time": "supctl does not poll: the kernel tells it that a program has ended",
    "execute_command": "it is one mode, fork, in any case",
    "force": "each app of the file is one of its own in any case",
    "name_prefix": "PM2 heeds it on its command line only",
    "username": "PM2 only shows it",
    "install_url": "it is for modules of PM2",
    "write": "it is for PM2's command line",
    "source_map_support": "node --enable-source-maps in node_args does it",
    "disable_source_map_support": "nothing is put into the program",
    "vizion": "supctl reads no git metadata",
    "post_update": "supctl pulls nothing",
    "windowsHide": "there are no windows",
    **dict.fromkeys(_MONITORING, "it is for PM2's monitoring service"),
}
"""Why an attribute means nothing here; where it says what is so anyway, that is said instead."""

_ANYWAY: Final[dict[str, Any]] = {
    **dict.fromkeys(
        ("wait_ready", "shutdown_with_message", "trace", "disable_source_map_support"),
        False,
    ),
    "treekill": True,
    "cron_restart": 0,
}
"""Values that ask for what an app has here as well."""


@dataclass(slots=True)
class AppImport:
    """The import of one app.

    Args:
        said: what the file says of it.
        source: the file.
        found: takes the remarks.
        which: finds programs on the PATH.
        deployed: variables of the profile that stand below ``deploy``.

    Attributes:
        became: the place of its table in our format.
    """

    said: Attributes
    source: Source
    found: Import
    which: Which
    deployed: dict[str, Any] = field(default_factory=dict)
    became: str = ""

    def table(self, name: str) -> dict[str, Any]:
        """Return what our own format says of it. ``said`` has a script."""
        self.became = join("apps", name)
        cwd, where = self._cwd()
        program = self._program(cwd)
        copies = instances(self.said, self.became, program)
        env = self._env(program)
        port = self._port(env, copies)
        shares = copies > 1 and not port and shares_port(self.said, program)
        table = {
            "command": program.command(),
            **({"cwd": where} if where else {}),
            **self._inherited(),
            **self._env_file(where),
            **port,
            "env": _texts(env),
            **restarts(self.said, self.became),
            **stop(self.said, self.became),
            **self._limits(),
            **log(self.said, self.became, where, copies),
            **watch(self.said, self.became),
            **({"instances": copies} if copies > 1 else {}),
            **({"share_port": True} if shares else {}),
            **self._profiles(),
            **self._others(),
        }
        self._rest()
        return {key: value for key, value in table.items() if value != {}}

    def _cwd(self) -> tuple[Path, str]:
        """Return the working directory, and what our format says for it."""
        self.said.map("cwd", f"{self.became}.cwd")
        cwd, here = self.said.get("cwd", ""), self._base()
        is_here = os.path.realpath(self.source.directory) == os.path.realpath(here)
        return here / cwd, cwd if is_here else str(here / cwd)

    def _base(self) -> Path:
        """Return what paths hang on: the current directory, as under PM2, or that of the file if
        only there is what is to be run."""
        script = Path(self.said.get("cwd", ""), self.said.get("script"))
        here, there = Path.cwd(), self.source.directory
        if is_there(here / script) or not is_there(there / script):
            return here
        self.found.reader.notes.append(
            f"{self.said.place('script')} is {self.said.get('script')!r}, which is in {there}: "
            f"the app runs from there, where PM2 would look in {here} only"
        )
        return there

    def _program(self, cwd: Path) -> Program:
        said, became = self.said, f"{self.became}.command"
        args, before = words(said.get("args", [])), words(said.get("node_args", []))
        interpreter = said.get("exec_interpreter", "")
        environ, script = self.source.environ, said.get("script")
        program = Program(script, args, interpreter, before, cwd, environ, self.which)
        if program.is_shell_line:
            said.change("script", became, "it holds a blank, so a shell runs it, as under PM2")
            for name in ("args", "node_args", "exec_interpreter"):
                said.leave_out(name, "PM2 drops it where script holds a blank")
            return program
        for name in ("args", "exec_interpreter"):
            said.map(name, became)
        if program.interpreters:
            said.map("node_args", became)
        said.leave_out("node_args", "no interpreter runs it")
        said.map("script", became)
        if program.file is None:
            self.found.reader.notes.append(
                f"{said.place('script')} is {program.script!r}, which is neither in {cwd} nor on "
                "the PATH"
            )
        return program

    def _inherited(self) -> dict[str, Any]:
        became = f"{self.became}.inherit_env"
        if not self.said.get("filter_env"):
            self.said.map("filter_env", became)
            return {"inherit_env": True}
        detail = "nothing is inherited but the usual (PATH, HOME...); inherit_env may name more"
        self.said.change("filter_env", became, detail)
        return {"inherit_env": False}

    def _env(self, program: Program) -> dict[str, Any]:
        """Return the variables, those of the profile last."""
        said, became = self.said, f"{self.became}.env"
        env = {**self.deployed, **self._variables("env")}
        if self.source.profile:
            env |= self._variables(f"env_{self.source.profile}")
        if "port" in said:
            said.map("port", f"{became}.PORT")
            env["PORT"] = said.get("port")
        if any("python" in word for word in program.interpreters[:1]):
            env["PYTHONUNBUFFERED"] = "1"
        env[said.get("instance_var", "NODE_APP_INSTANCE")] = INDEX_MARK
        said.map("instance_var", became)
        return env

    def _port(self, env: dict[str, Any], copies: int) -> dict[str, Any]:
        """Have each copy count the variable up that ``increment_var`` names; return the port that
        this makes necessary, if it does."""
        said, became = self.said, f"{self.became}.env"
        name = said.get("increment_var")
        first = str(env.get(name) or 0)
        if name is None or not first.isdecimal() or int(first) + copies > 65536:
            said.leave_out("increment_var", "only whole numbers up to 65535 can be counted up")
            return {}
        if int(first) < 2:
            env[name] = (INDEX_MARK, INSTANCE_MARK)[int(first)]
            said.map("increment_var", became)
            return {}
        if name == "PORT":
            del env[name]
            said.map("increment_var", f"{self.became}.port")
        else:
            env[name] = PORT_MARK
            said.change("increment_var", f"{self.became}.port", "it is in PORT as well")
        return {"port": int(first)}

    def _profiles(self) -> dict[str, Any]:
        """Return the variables of all profiles, which our own format has likewise."""
        tables: dict[str, Any] = {}
        for name in self.said.profiles:
            key = f"env_{name}"
            if values := self._variables(key):
                tables[key] = _texts(values)
        return tables

    def _env_file(self, cwd: str) -> dict[str, Any]:
        """Return the file of variables that a file means, and that PM2 itself passes over."""
        path = self.said.profiles.get("file")
        if not isinstance(path, str) or not path:
            return {}
        self.said.change("env_file", f"{self.became}.env_file", "PM2 does not read it; supctl does")
        return {"env_file": {"path": os.path.normpath(os.path.join(cwd, path)), "optional": True}}

    def _variables(self, name: str) -> dict[str, Any]:
        value = self.said.get(name, {})
        if isinstance(value, dict):
            self.said.map(name, f"{self.became}.{name}")
            return value
        self.said.leave_out(name, "PM2 makes no variables of text")
        return {}

    def _limits(self) -> dict[str, Any]:
        value = self.said.get("max_memory_restart")
        if value is None:
            return {}
        detail = "the kernel ends the app at once, with all it has started, where it would use more"
        self.said.change("max_memory_restart", f"{self.became}.limits.memory", detail)
        return {"limits": {"memory": int(value) if isinstance(value, float) else value}}

    def _others(self) -> dict[str, Any]:
        said, became = self.said, self.became
        table: dict[str, Any] = {}
        if (namespace := said.get("namespace", "default")) != "default":
            table["tags"] = [as_name(namespace)] if as_name(namespace) else []
        said.map("namespace", f"{became}.tags")
        if said.get("autostart") is False:
            table["autostart"] = False
        said.map("autostart", f"{became}.autostart")
        for name, ours in (("uid", "user"), ("gid", "group")):
            if name in said:
                table[ours] = said.get(name)
                said.map(name, f"{became}.{ours}")
        return table

    def _rest(self) -> None:
        """Say of what is left that it means nothing here, or what is so anyway."""
        for name, why in _LEFT_OUT.items():
            if name in _ANYWAY and self.said.get(name) == _ANYWAY[name]:
                self.said.map(name, self.became)
            self.said.leave_out(name, why)


def _texts(variables: dict[str, Any]) -> dict[str, str]:
    """Return variables as text, without those that no program can have."""
    return {key: _variable(it) for key, it in variables.items() if key and "=" not in key}


def _variable(value: object) -> str:
    """Return the text that PM2 makes of a variable."""
    if value is None or isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return as_text(value)
