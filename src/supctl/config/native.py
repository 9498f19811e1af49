"""Our own format: the tables of ``supctl.toml`` (or the same as JSON) -> specs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from supctl.errors import InvalidConfig
from supctl.specs import App, ChildSpec, Log, StartFailures, Stop, Supervisor, Worker
from supctl.specs.log import FILE_ONLY
from supctl.specs.names import check_name

from .environment import environment
from .mistakes import closest, show
from .reading import Reader, join
from .schema import AppKeys, FileKeys, LogKeys, RootKeys, SupervisorKeys, WorkerKeys
from .values import shell_word

_STAND_IN = ("?",)
"""Command of an app whose own is wrong, so that its other keys can be checked as well."""

USUAL_OF_SUPERVISORS: Final[Mapping[str, Any]] = {"start_failures": StartFailures.RETRY}
"""Where a file is silent and a spec would mean something else: that one program does not start,
at boot perhaps, must not keep all others down."""

USUAL_OF_ROOT: Final[Mapping[str, Any]] = {"max_restarts": None, **USUAL_OF_SUPERVISORS}
"""The same for the root: in a file an app's own limits end a restart storm."""

_SURROUNDINGS = {"command", "cwd", "env", "inherit_env"}
"""Keys without which nobody can say whether a program would be found."""


def place_of(path: tuple[str, ...]) -> str:
    """Return where a file of this format describes a child: ``apps.web.apps.api``."""
    place = ""
    for name in path:
        place = join(join(place, "apps"), name)
    return place


class NativeReader:
    """Makes specs of one file's tables; mistakes go to ``reader``.

    Args:
        directory: of the file, absolute; what ``cwd`` is relative to, and its default.
        environ: what apps inherit from.
    """

    def __init__(self, reader: Reader, directory: Path, environ: Mapping[str, str]) -> None:
        self._reader, self._directory = reader, directory
        self._environ = dict(environ)  # os.environ decodes each variable at each look
        self._usual_log: dict[str, Any] = {}
        self._makers = {"command": self._app, "actor": self._worker, "apps": self._supervisor}

    def root(self, tables: dict[str, Any], name: str) -> Supervisor | None:
        """Return the tree that the file describes, as far as it could be understood.

        ``None``, and children left out, only where mistakes were remembered.
        """
        file = self._reader.table(FileKeys, tables, "", "file")
        named = "apps" in file or not self._reader.mistakes  # [app.x] needs one message, not two
        values = self._reader.table(RootKeys, file.get("supervisor", {}), "supervisor")
        stop = values.get("stop")
        self._usual_log = self._log_table(file.get("log", {}))
        children = self._children(file.get("apps", {}), "apps", stop) if named else []
        values = {**USUAL_OF_ROOT, **values}
        return self._reader.build(
            partial(Supervisor, name, children), values, "supervisor", children="apps"
        )

    def _children(self, tables: object, place: str, stop: Stop | None) -> list[ChildSpec]:
        """Return the children of a supervisor; ``stop`` is what it says for all below it."""
        if not isinstance(tables, dict) or not tables:
            mend = "write [apps.NAME] and below it command = [...]"
            if isinstance(tables, list):
                mend = f"{mend}; is this the file of another tool?"
            seen = f"is {show(tables)}" if tables else "holds nothing"
            self._reader.wrong(place, seen, "at least one app", mend)
            return []
        children = (self._child(name, item, place, stop) for name, item in tables.items())
        return [child for child in children if child is not None]

    def _child(self, name: str, table: object, parent: str, stop: Stop | None) -> ChildSpec | None:
        place = join(parent, name)
        try:
            check_name(name)
        except InvalidConfig as error:
            self._reader.wrong(place, "is no name to use", error.wanted)
            return None
        if not isinstance(table, dict):
            mend = f"write [{place}] and below it command = [...]"
            self._reader.wrong(place, f"is {show(table)}", "a table of keys", mend)
            return None
        kinds = [key for key in self._makers if key in table]
        if len(kinds) != 1:
            self._reader.wrong(place, *_kind_mistake(kinds, table))
            return None
        return self._makers[kinds[0]](name, table, place, stop)

    def _app(self, name: str, table: dict[str, Any], place: str, stop: Stop | None) -> App | None:
        table = _with_usual_log(table, self._usual_log)
        values = self._reader.table(AppKeys, table, place, "app")
        _inherit_stop(values, table, stop)
        if "log" in values:
            values["log"] = self._place_files(values["log"])
        known = not (_SURROUNDINGS & table.keys() - values.keys())
        command = values.pop("command", _STAND_IN)
        if known and isinstance(table["command"], str):
            self._warn_of_shell(table["command"], join(place, "command"))
        values["env"] = self._environment(values, place)
        values["cwd"] = str(self._directory / values.get("cwd", "."))
        app = self._reader.build(partial(App, name, command), values, place)
        return app if known else None

    def _log_table(self, table: object) -> dict[str, Any]:
        """Return what the file says for the output of all its apps, nothing if that is wrong."""
        before = len(self._reader.mistakes)
        values = self._reader.table(LogKeys, table, "log")
        self._reader.build(Log, values, "log")
        is_right = isinstance(table, dict) and len(self._reader.mistakes) == before
        return table if is_right and isinstance(table, dict) else {}

    def _place_files(self, log: Log) -> Log:
        """Return ``log`` with absolute paths."""
        file, error_file = (
            None if path is None else str(self._directory / path)
            for path in (log.file, log.error_file)
        )
        return replace(log, file=file, error_file=error_file)

    def _environment(self, values: dict[str, Any], place: str) -> dict[str, str] | None:
        wanted, given = values.pop("inherit_env", False), values.get("env", {})
        if wanted == "at-start" and given:
            seen, mend = "is there besides inherit_env = 'at-start'", "or inherit_env = true"
            self._reader.wrong(join(place, "env"), seen, "one of the two", mend)
        return environment(self._environ, wanted, given, values.get("user"))

    def _warn_of_shell(self, command: str, place: str) -> None:
        word = shell_word(command)
        if word is not None:
            self._reader.notes.append(
                f"{place} holds {word!r}, which reaches the program as it is: no shell runs it "
                '(if you want one: command = ["sh", "-c", "..."])'
            )

    def _worker(
        self, name: str, table: dict[str, Any], place: str, _: Stop | None
    ) -> Worker | None:
        values = self._reader.table(WorkerKeys, table, place, "worker")
        actor = values.pop("actor", "module:Class")
        try:
            Worker(name, actor)
        except InvalidConfig as error:
            self._reader.refuse(error.within(place))
            actor = "module:Class"
        make = partial(Worker, name, actor, *values.pop("args", ()))
        return self._reader.build(make, values, place)

    def _supervisor(
        self, name: str, table: dict[str, Any], place: str, stop: Stop | None
    ) -> Supervisor | None:
        values = self._reader.table(SupervisorKeys, table, place, "supervisor")
        _inherit_stop(values, table, stop)
        below = join(place, "apps")
        children = self._children(values.pop("apps"), below, values.get("stop", stop))
        values = {**USUAL_OF_SUPERVISORS, **values}
        return self._reader.build(partial(Supervisor, name, children), values, place, below)


def _inherit_stop(values: dict[str, Any], table: Mapping[str, Any], above: Stop | None) -> None:
    """Complete what a child says of its ``stop``, key by key, by what is said for all above."""
    if above is not None and "stop" in values:
        said = {key: getattr(values["stop"], key) for key in table["stop"]}
        values["stop"] = replace(above, **said)


def _with_usual_log(table: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    """Return an app's table whose ``log`` is completed, key by key, by what all apps have.

    One that writes no file has none of what means something for files only.
    """
    own = table.get("log", {})
    if not usual or not isinstance(own, dict):
        return table
    if own.get("mode") == "none" or own.get("to", "file") != "file":
        usual = {key: value for key, value in usual.items() if key not in FILE_ONLY}
    if own.get("mode") == "none":
        usual.pop("to", None)
    return {**table, "log": {**usual, **own}}


def _kind_mistake(kinds: list[str], table: dict[str, Any]) -> tuple[str, str, str]:
    """Return what was seen, wanted and mends it, for a child of no kind or of several."""
    wanted = "exactly one of command (a program), actor (a worker), apps (a supervisor)"
    if kinds:
        return f"has {' and '.join(kinds)}", wanted, "give each a table of its own"
    slips = ((key, closest(key, ("command", "actor", "apps"))) for key in table)
    mend = next((f"{near[:-1]} instead of {key!r}?" for key, near in slips if near), "")
    return "has no command, actor or apps", wanted, mend
