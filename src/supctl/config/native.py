"""Our own format: the tables of ``supctl.toml`` (or the same as JSON) -> specs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from supctl.errors import InvalidConfig
from supctl.specs import App, ChildSpec, Log, Secret, StartFailures, Stop, Supervisor, Worker
from supctl.specs.names import check_name
from supctl.specs.placeholders import literal

from .env_files import EnvFiles
from .environment import environment, inherited
from .merging import Origins, Tables, complete, lacks_probe
from .mistakes import closest, show
from .port_sharing import with_shared_port
from .reading import Reader, hints, join
from .schema import (
    AppKeys,
    DefaultsKeys,
    FileKeys,
    LogKeys,
    RootKeys,
    SupervisorKeys,
    WorkerKeys,
)
from .values import shell_word

_STAND_IN = ("?",)
"""Command of an app whose own is wrong, so that its other keys can be checked as well."""

_SOME_PORT: Final = 1
"""Of an app whose own is wrong, likewise."""

USUAL_OF_SUPERVISORS: Final[Mapping[str, Any]] = {"start_failures": StartFailures.RETRY}
"""Where a file is silent and a spec would mean something else: that one program does not start,
at boot perhaps, must not keep all others down."""

USUAL_OF_ROOT: Final[Mapping[str, Any]] = {"max_restarts": None, **USUAL_OF_SUPERVISORS}
"""The same for the root: in a file an app's own limits end a restart storm."""

Environment: TypeAlias = dict[str, str | Secret] | None

_SURROUNDINGS = {"command", "cwd", "env", "env_file", "inherit_env"}
"""Keys without which nobody can say whether a program would be found."""


@dataclass(frozen=True, slots=True)
class Above:
    """What is said for all that is below a supervisor.

    Args:
        stop: as it says itself, or one above it.
        usual: the ``defaults`` of all above, complete.
        place: of the nearest ``defaults``.
    """

    stop: Stop | None
    usual: Tables
    place: str


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

    def __init__(
        self,
        reader: Reader,
        directory: Path,
        environ: Mapping[str, str],
        origins: Origins | None = None,
    ) -> None:
        self._reader = reader
        self._directory = Path(literal(str(directory)))
        self._environ = dict(environ)  # os.environ decodes each variable at each look
        self._inherited = cache(self._inherit)
        self._origins = origins or Origins(reader.file)
        self._env_files = EnvFiles(directory, self._environ)
        self._without_plugins: set[str] = set()
        self._with_env_file: set[str] = set()
        self._makers = {"command": self._app, "actor": self._worker, "apps": self._supervisor}

    def root(self, tables: dict[str, Any], name: str) -> Supervisor | None:
        """Return the tree that the file describes, as far as it could be understood.

        ``None``, and children left out, only where mistakes were remembered.
        """
        file = self._reader.table(FileKeys, tables, "", "file")
        named = "apps" in file or not self._reader.mistakes  # [app.x] needs one message, not two
        values = self._reader.table(RootKeys, file.get("supervisor", {}), "supervisor")
        log = self._log_table(file.get("log", {}))
        above = Above(values.get("stop"), {"log": log} if log else {}, "")
        above = self._above(above, file, "")
        children = self._children(file.get("apps", {}), "apps", above) if named else []
        values = {**USUAL_OF_ROOT, **values}
        return self._reader.build(
            partial(Supervisor, name, children), values, "supervisor", children="apps"
        )

    def wants(self, place: str, plugin: str) -> bool:
        """Return whether the app described at ``place`` may be changed by a plugin of that name."""
        speaks_itself = plugin == "dotenv" and place in self._with_env_file
        return place not in self._without_plugins and not speaks_itself

    def _above(self, above: Above, said: Tables, place: str) -> Above:
        """Return what holds below a supervisor, of which all that is ``said``."""
        if "defaults" not in said:
            return above
        there = join(place, "defaults")
        own = self._defaults(said["defaults"], there)
        return replace(above, usual=self._completed(own, above, there), place=there)

    def _defaults(self, table: object, place: str) -> Tables:
        """Return those keys of ``defaults`` that are right."""
        if not isinstance(table, dict):
            return self._reader.table(DefaultsKeys, table, place)
        halves = {key for key in ("ready", "health") if lacks_probe(table.get(key))}
        whole = {key: value for key, value in table.items() if key not in halves}
        right = self._reader.table(DefaultsKeys, whole, place, "table of defaults").keys() | halves
        return {key: value for key, value in table.items() if key in right}

    def _completed(self, table: Tables, above: Above, place: str) -> Tables:
        """Return a table with what is said above for all that do not say it themselves."""

        def said(at: str) -> None:
            self._origins.move(at, (above.place + at[len(place) :]).removeprefix("."))

        return complete(table, above.usual, place, said)

    def _children(self, tables: object, place: str, above: Above) -> list[ChildSpec]:
        if not isinstance(tables, dict) or not tables:
            mend = "write [apps.NAME] and below it command = [...]"
            if isinstance(tables, list):
                mend = f"{mend}; is this the file of another tool?"
            seen = f"is {show(tables)}" if tables else "holds nothing"
            self._reader.wrong(place, seen, "at least one app", mend)
            return []
        children = (self._child(name, item, place, above) for name, item in tables.items())
        return [child for child in children if child is not None]

    def _child(self, name: str, table: object, parent: str, above: Above) -> ChildSpec | None:
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
        return self._makers[kinds[0]](name, table, place, above)

    def _app(self, name: str, table: dict[str, Any], place: str, above: Above) -> App | None:
        table = self._completed(table, above, place)
        values = self._reader.table(AppKeys, table, place, "app")
        _inherit_stop(values, table, above.stop)
        if "log" in values:
            values["log"] = self._place_files(values["log"])
        known = not (_SURROUNDINGS & table.keys() - values.keys())
        if not values.pop("plugins", values.get("inherit_env") != "nothing"):
            self._without_plugins.add(place)
        if "env_file" in values:
            self._with_env_file.add(place)
        command = values.pop("command", _STAND_IN)
        if known and isinstance(table["command"], str):
            self._warn_of_shell(table["command"], join(place, "command"))
        if "port" in table:
            values.setdefault("port", _SOME_PORT)
        values["env"] = self._environment(values, place)
        if values.pop("share_port", False):
            values["env"] = self._shared_port(values, place)
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
        if log.file is None and log.error_file is None:
            return log
        file, error_file = (
            None if path is None else str(self._directory / path)
            for path in (log.file, log.error_file)
        )
        return replace(log, file=file, error_file=error_file)

    def _environment(self, values: dict[str, Any], place: str) -> Environment:
        wanted, files = values.pop("inherit_env", False), values.pop("env_file", ())
        for key in ("env", "env_file") if wanted == "at-start" else ():
            if files if key == "env_file" else values.get(key):
                seen, mend = "is there besides inherit_env = 'at-start'", "or inherit_env = true"
                self._reader.wrong(join(place, key), seen, "one of the two", mend)
        try:
            given: dict[str, str | Secret] = {
                **self._env_files.values(files, join(place, "env_file"))
            }
        except InvalidConfig as error:
            self._reader.refuse(error)
            given = {}
        if "port" in values:
            given.pop("PORT", None)
        given |= {name: self._placed(it) for name, it in values.get("env", {}).items()}
        user = values.get("user")
        if wanted == "nothing" or wanted == "at-start":
            return environment(self._environ, wanted, given, user)
        known = self._inherited(wanted)
        if "port" in values:
            known = {name: text for name, text in known.items() if name != "PORT"}
        return environment(known, True, given, user)

    def _placed(self, value: str | Secret) -> str | Secret:
        """Return a variable with the absolute path of the file that has it, if one has."""
        return value if isinstance(value, str) else Secret(str(self._directory / value.file))

    def _inherit(self, wanted: bool | tuple[str, ...]) -> dict[str, str]:
        given = inherited(self._environ, wanted)
        return {name: literal(text) for name, text in given.items()}

    def _shared_port(self, values: dict[str, Any], place: str) -> Environment:
        if "port" in values:
            seen, mend = "is there besides port", "env = { PORT = ... } is the same for all copies"
            self._reader.wrong(join(place, "share_port"), seen, "one of the two", mend)
        env: Environment = values["env"]
        if env is None:
            seen, mend = "is there besides inherit_env = 'at-start'", "or inherit_env = true"
            self._reader.wrong(join(place, "share_port"), seen, "one of the two", mend)
            return None
        texts = {name: text for name, text in env.items() if isinstance(text, str)}
        if "NODE_OPTIONS" in env.keys() - texts.keys():
            seen, mend = "is a secret besides share_port, which adds to it", "write it as text"
            self._reader.wrong(f"{place}.env.NODE_OPTIONS", seen, "one of the two", mend)
        return {**env, **with_shared_port(texts)}

    def _warn_of_shell(self, command: str, place: str) -> None:
        word = shell_word(command)
        if word is not None:
            self._reader.notes.append(
                f"{place} holds {word!r}, which reaches the program as it is: no shell runs it "
                '(if you want one: command = ["sh", "-c", "..."])'
            )

    def _worker(self, name: str, table: dict[str, Any], place: str, above: Above) -> Worker | None:
        known = hints(WorkerKeys)
        usual = {key: value for key, value in above.usual.items() if key in known}
        table = self._completed(table, replace(above, usual=usual), place)
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
        self, name: str, table: dict[str, Any], place: str, above: Above
    ) -> Supervisor | None:
        values = self._reader.table(SupervisorKeys, table, place, "supervisor")
        _inherit_stop(values, table, above.stop)
        above = replace(self._above(above, values, place), stop=values.get("stop", above.stop))
        values.pop("defaults", None)
        below = join(place, "apps")
        children = self._children(values.pop("apps"), below, above)
        values = {**USUAL_OF_SUPERVISORS, **values}
        return self._reader.build(partial(Supervisor, name, children), values, place, below)


def _inherit_stop(values: dict[str, Any], table: Mapping[str, Any], above: Stop | None) -> None:
    """Complete what a child says of its ``stop``, key by key, by what is said for all above."""
    if above is not None and "stop" in values:
        said = {key: getattr(values["stop"], key) for key in table["stop"]}
        values["stop"] = replace(above, **said)


def _kind_mistake(kinds: list[str], table: dict[str, Any]) -> tuple[str, str, str]:
    """Return what was seen, wanted and mends it, for a child of no kind or of several."""
    wanted = "exactly one of command (a program), actor (a worker), apps (a supervisor)"
    if kinds:
        return f"has {' and '.join(kinds)}", wanted, "give each a table of its own"
    slips = ((key, closest(key, ("command", "actor", "apps"))) for key in table)
    mend = next((f"{near[:-1]} instead of {key!r}?" for key, near in slips if near), "")
    return "has no command, actor or apps", wanted, mend
