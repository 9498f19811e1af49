"""A tree as the files of another tool, and a remark on everything that these cannot say."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol, cast

from supctl.specs import App, Backoff, ChildSpec, Health, Limits, Log, Ready, Stop, Supervisor
from supctl.specs.dependencies import Condition
from supctl.specs.placeholders import Fill

from .document import USUAL_APP
from .imports import Fate, Remark
from .native import USUAL_OF_ROOT, USUAL_OF_SUPERVISORS
from .port_sharing import without_shared_port
from .reading import join
from .writing import changed

KINDS: Final = ("systemd", "launchd", "supervisord", "procfile", "pm2", "compose", "kubernetes")
"""The tools that files can be written for; each has a module of :mod:`supctl.config.writers`."""

_USUAL_OF_PARTS: Final[Mapping[str, object]] = {
    "backoff": Backoff(),
    "stop": Stop(),
    "limits": Limits(),
    "log": Log(),
}
_LONGEST: Final = 2**31 - 1
"""Seconds."""

_NO_FIELDS: Final = ("name", "command", "cwd", "env", "port", "has_own_stop")


@dataclass(frozen=True, slots=True)
class Export:
    """Is filled by a writer.

    Args:
        tool: for people.
        name: of the tree.
        directory: of the file that describes it, absolute.

    Attributes:
        files: their text, by their names.
        remarks: on what the tool cannot say, or means otherwise.
    """

    tool: str
    name: str
    directory: Path
    files: dict[str, str] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)

    def change(self, place: str, became: str, detail: str) -> None:
        """Know that something means something else there."""
        self.remarks.append(Remark(place, Fate.CHANGED, became, detail))

    def leave_out(self, place: str, detail: str) -> None:
        """Know that the tool cannot say something."""
        self.remarks.append(Remark(place, Fate.LEFT_OUT, "", detail))


class Program:
    """One app of the tree. What a writer does not take of it is remarked on.

    Args:
        name: unique in the tree; the way to the app, with dashes.
        place: where ``supctl.toml`` would say it.
        app: the app.
        env: what it has besides what it inherits.
        export: takes remarks.

    Attributes:
        secrets: files that have the text of others, by their names; writers take out what they say.
        numbered: fills in what stands for the number of an instance, once all else is written.
        shares_port: whether its instances may listen on the same port.
        depends_on: what is to be with other programs before, by their names.
        is_awaited: whether others wait for its end.
    """

    def __init__(
        self, name: str, place: str, app: App, env: Mapping[str, str], export: Export
    ) -> None:
        self.name, self.place, self.app, self.export = name, place, app, export
        self.env = without_shared_port(env)
        self.shares_port = self.env != env
        self.secrets = {name: it.file for name, it in app.secrets.items()}
        self.numbered: Fill = str
        self.depends_on: dict[str, Condition] = {}
        self.is_awaited = False
        self._told = [*_facts(app), *(["share_port"] if self.shares_port else [])]
        self._left = list(self._told)

    @property
    def cwd(self) -> str:
        """Its directory, absolute."""
        return str(self.export.directory / (self.app.cwd or "."))

    def take(self, *names: str) -> None:
        """Know that the file says these: ``restart``, ``backoff.initial``, ``backoff`` for all."""
        for name in names:
            self._left = [it for it in self._left if it != name and not it.startswith(f"{name}.")]

    def change(self, name: str, became: str, detail: str) -> None:
        """Know that the file says something else for a field, if that has not its default."""
        if name in self._left:
            self.export.change(f"{self.place}.{name}", became, detail)
            self.take(name)

    def finish(self, reasons: Mapping[str, str]) -> None:
        """Remark on all that was not taken.

        Args:
            reasons: why, by field or its first part.
        """
        for name in dict.fromkeys(map(self._shortest, self._left)):
            usual = f"{self.export.tool} has no word for it"
            detail = reasons.get(name) or reasons.get(name.partition(".")[0]) or usual
            self.export.leave_out(f"{self.place}.{name}", detail)
        usual = (
            f"{self.export.tool} takes no variable from a file; supctl would read it at each start"
        )
        for name in self.secrets:
            place = join(f"{self.place}.env", name)
            self.export.leave_out(place, reasons.get("secrets", usual))

    def _shortest(self, name: str) -> str:
        """Return the part that a field belongs to, if nothing of that was taken."""
        part = name.partition(".")[0]
        told, left = (
            [it for it in names if it.partition(".")[0] == part]
            for names in (self._told, self._left)
        )
        return part if told == left else name


class Writer(Protocol):
    """What a module of :mod:`supctl.config.writers` has."""

    TOOL: str
    """For people."""

    def write(self, programs: list[Program], export: Export) -> None:
        """Fill ``export``."""
        ...

    def numbered(self, app: App) -> Fill | None:
        """Return what fills in the words of the tool for what differs between instances; ``None``
        if it cannot say all that. A module need not have it."""
        ...


def export_tree(root: Supervisor, kind: str, directory: Path, environ: Mapping[str, str]) -> Export:
    """Return a tree as files of another tool.

    Args:
        kind: one of :data:`KINDS`.
        directory: of the file that describes the tree, absolute.
        environ: what its apps inherit from: variables that are as they are there are not written.
    """
    writer = cast(Writer, import_module(f"supctl.config.writers.{kind}"))
    export = Export(writer.TOOL, root.name, directory)
    _remark_on_supervisor(root, "supervisor", USUAL_OF_ROOT, export)
    numbered = getattr(writer, "numbered", lambda _: None)
    programs = _Collector(export, environ, numbered).programs(root)
    if not programs:
        export.leave_out("apps", "there is no program in the tree")
    writer.write(programs, export)
    return export


class _Collector:
    """Makes programs of the apps of a tree."""

    def __init__(
        self, export: Export, environ: Mapping[str, str], numbered: Callable[[App], Fill | None]
    ) -> None:
        self._export, self._environ, self._numbered = export, environ, numbered
        self._names: set[str] = set()

    def programs(self, root: Supervisor) -> list[Program]:
        return self._below(root, (), "")

    def _below(self, parent: Supervisor, path: tuple[str, ...], place: str) -> list[Program]:
        made = {
            child.name: self._child(
                child, (*path, child.name), join(join(place, "apps"), child.name)
            )
            for child in parent.children
        }
        for child in parent.children:
            for other, condition in child.depends_on.items():
                self._tie(made[child.name], made[other], condition)
        return [program for programs in made.values() for program in programs]

    def _child(self, child: ChildSpec, path: tuple[str, ...], place: str) -> list[Program]:
        match child:
            case App():
                return self._instances(child, "-".join(path), place)
            case Supervisor():
                _remark_on_supervisor(child, place, USUAL_OF_SUPERVISORS, self._export)
                return self._below(child, path, place)
        self._export.leave_out(place, "it is an actor, which only supctl runs")
        return []

    def _tie(self, programs: list[Program], needed: list[Program], condition: Condition) -> None:
        for other in needed:
            other.is_awaited |= condition is not Condition.UP
            for program in programs:
                program.depends_on[other.name] = condition

    def _instances(self, app: App, name: str, place: str) -> list[Program]:
        """Return an app as one program, or as many if its instances differ."""
        if app.instances == 1 or not app.has_numbers:
            return [self._program(app.instance(1) if app.has_numbers else app, name, place)]
        if (fill := self._numbered(app)) is not None:
            program = self._program(app, name, place)
            program.numbered = fill
            return [program]
        detail = "each instance is a program, as it has its own number or port"
        self._export.change(f"{place}.instances", f"{name}-1", detail)
        numbers = range(1, app.instances + 1)
        return [self._program(app.instance(it), f"{name}-{it}", place) for it in numbers]

    def _program(self, app: App, name: str, place: str) -> Program:
        env = app.environment({}).items()
        own = {name: text for name, text in env if self._is_own(name, text)}
        return Program(self._name(name), place, app, own, self._export)

    def _is_own(self, name: str, text: str) -> bool:
        return self._environ.get(name) != text

    def _name(self, wanted: str) -> str:
        name, number = wanted, 2
        while name in self._names:
            name, number = f"{wanted}-{number}", number + 1
        self._names.add(name)
        return name


def _remark_on_supervisor(
    spec: Supervisor, place: str, usual: Mapping[str, Any], export: Export
) -> None:
    told = changed(spec, Supervisor(spec.name, **usual))
    for name in [it for it in told if it not in ("children", "stop", "depends_on", "start")]:
        key = "max_restarts" if name == "intensity" else name
        export.leave_out(f"{place}.{key}", f"{export.tool} has no supervisors")


def _facts(app: App) -> Iterator[str]:
    """Yield the names of fields that have not their default, ``backoff.initial`` and its like."""
    for name, value in changed(app, USUAL_APP).items():
        if name in _USUAL_OF_PARTS:
            usual = _USUAL_OF_PARTS[name]
            yield from (f"{name}.{key}" for key in changed(value, usual))
        elif isinstance(value, Ready | Health):
            yield name
            yield from (f"{name}.{key}" for key in changed(value, type(value)(value.probe)))
        elif name not in _NO_FIELDS:
            yield name


def whole(seconds: float) -> int:
    """Return whole seconds, not fewer, and no more than every program can count."""
    return math.ceil(min(seconds, _LONGEST))


def decimal(number: float) -> str:
    """Return a number without an exponent, to thousandths."""
    return f"{number:.3f}".rstrip("0").rstrip(".")


def log_of(app: App) -> Log:
    """Return what becomes of the output of an app."""
    return app.log or Log()
