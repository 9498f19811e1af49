"""Trees <-> documents: what a file of our own format holds, as tables, without the file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from supctl.errors import InvalidConfig
from supctl.specs import App, ChildSpec, Supervisor, Worker
from supctl.specs.child import UNLESS_STOPPED
from supctl.specs.place import place_of
from supctl.specs.placeholders import literal

from .mistakes import ConfigErrors, Mistake
from .native import USUAL_OF_ROOT, USUAL_OF_SUPERVISORS, NativeReader
from .reading import Reader, join
from .schema import AppKeys, RootKeys, SupervisorKeys, WorkerKeys
from .syntax import DEEPEST
from .writing import changed, check_plain, write_table

USUAL_APP: Final = App("app", ["program"])
"""One for all: to make another for each of ten thousand would take as long as to write them."""


def read_native(
    document: dict[str, Any], name: str, directory: Path, environ: Mapping[str, str]
) -> Supervisor:
    """Return the tree that a document describes. Whether it could start here is not looked at.

    The document may come from anywhere, as long as it is a ``dict``.

    Args:
        name: of the root, which the document does not say.
        directory: absolute; what ``cwd`` is relative to, and its default.
        environ: what apps inherit from.

    Raises:
        ConfigErrors: with everything that is wrong.
    """
    try:
        check_plain(document, "", DEEPEST)
    except InvalidConfig as error:
        raise ConfigErrors([Mistake.of(error)]) from None
    reader = Reader("")
    root = NativeReader(reader, directory, environ).root(document, name)
    if reader.mistakes or root is None:
        raise ConfigErrors(reader.mistakes)
    return root


def as_native(root: Supervisor) -> dict[str, Any]:
    """Return the document that :func:`read_native` reads as ``root``, wherever that is.

    It holds what JSON can hold, and TOML as well but for a ``None`` among the arguments of a
    worker; children in their order; durations in seconds, sizes in bytes. What has its default is
    left out. The root's name is no part of it. Written as what they mean here and now: a ``cwd``
    that is ``None`` or relative (absolute), and the class of a worker (its place).

    Raises:
        InvalidConfig: a file cannot say it; names its place there.
    """
    values = _of_supervisor(root, Supervisor(root.name, **USUAL_OF_ROOT), "supervisor")
    table = write_table(RootKeys, values, "supervisor")
    document = ({"supervisor": table} if table else {}) | {"apps": _children(root, "apps")}
    check_plain(document, "", DEEPEST)
    return document


def _children(parent: Supervisor, place: str) -> dict[str, Any]:
    if not parent.children:
        raise InvalidConfig(place, {}, "at least one child", "leave the supervisor out")
    return {child.name: _child(child, join(place, child.name)) for child in parent.children}


def _child(spec: ChildSpec, place: str) -> dict[str, Any]:
    match spec:
        case App():
            return write_table(AppKeys, _of_app(spec), place)
        case Worker():
            return write_table(WorkerKeys, _of_worker(spec, place), place)
        case Supervisor():
            values = _of_supervisor(spec, Supervisor(spec.name, **USUAL_OF_SUPERVISORS), place)
            table = write_table(SupervisorKeys, values, place)
            return table | {"apps": _children(spec, join(place, "apps"))}


def _of_app(app: App) -> dict[str, Any]:
    inherited = "at-start" if app.env is None else "nothing"
    cwd = str(Path(literal(os.getcwd())) / (app.cwd or "."))
    values = _changed(app, USUAL_APP) | {"command": app.command, "cwd": cwd}
    values["inherit_env"] = inherited
    values.pop("name", None)
    if values.pop("has_own_stop", False):
        values["stop"] = app.stop
    return values


def _changed(spec: ChildSpec, usual: ChildSpec) -> dict[str, Any]:
    values = changed(spec, usual)
    if values.pop("stays_stopped", False):
        values["restart"] = UNLESS_STOPPED
    return values


def _of_worker(worker: Worker, place: str) -> dict[str, Any]:
    actor = worker.actor
    if not isinstance(actor, str):
        actor = _place_of(actor, join(place, "actor"))
    return {"actor": actor} | _changed(worker, Worker(worker.name, worker.actor))


def _of_supervisor(spec: Supervisor, usual: Supervisor, place: str) -> dict[str, Any]:
    if type(spec) is not Supervisor:
        mend = "start it from Python; files have no such supervisors"
        raise InvalidConfig(place, type(spec).__name__, "App, Worker or Supervisor", mend)
    if spec.factory is not None:
        mend = "list the children; a file holds no function that makes them"
        raise InvalidConfig(join(place, "children"), spec.factory, "a list of specs", mend)
    values = _changed(spec, usual) | changed(spec.intensity, usual.intensity)
    return {key: value for key, value in values.items() if key not in ("children", "intensity")}


def _place_of(actor: Callable[..., Any], place: str) -> str:
    """Return where the class or function is found by whoever reads the file."""
    try:
        there = attrgetter(actor.__qualname__)(sys.modules[actor.__module__])
    except (AttributeError, KeyError):  # what is made in a function has no place
        there = None
    if there != actor or place_of(actor).startswith("__main__:"):
        mend = "move it to the top of a module, not of the script"
        raise InvalidConfig(place, actor, "a class or function that can be imported", mend)
    return place_of(actor)
