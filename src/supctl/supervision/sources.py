"""Restarts programs when the files that they are made of change."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from supctl import events
from supctl.errors import FAULTS, SupctlError
from supctl.specs import App, ChildSpec, Sources
from supctl.watching.area import Area
from supctl.watching.ignored import rules_for
from supctl.watching.lookout import Lookout, Sight, words

from .child import Child
from .eventlog import because_of_number, forget_cause
from .narrator import Narrator
from .node import Node
from .world import World

if TYPE_CHECKING:
    from .supervisor import SupervisorActor

_log = logging.getLogger("supctl.supervision")

_LEFT_ALONE: Final = frozenset({"stopped", "waiting", "stopping"})
"""States in which nothing is to be done: somebody has stopped it, or it will be started yet."""

_NAMED: Final = 5
"""Files that an event names; the others are counted."""

_TICK: Final = 0.01
"""Seconds that the times of files may lag behind the clock: they go on with the kernel's timer."""


class SourceWatch:
    """Watches the sources of one supervisor's programs. An error in that harms no program.

    Args:
        actor: that life of a supervisor.
        world: that it is in.
        narrator: of that life.
    """

    def __init__(self, actor: SupervisorActor, world: World, narrator: Narrator) -> None:
        self._actor, self._world, self._narrator = actor, world, narrator
        self._nursery: trio.Nursery | None = None
        self._lookout: Lookout | None = None
        self._followed: dict[str, tuple[App, trio.CancelScope]] = {}

    def begin(self, nursery: trio.Nursery) -> None:
        """Watch for all children, in tasks of ``nursery``."""
        self._nursery = nursery
        self.review()

    def review(self) -> None:
        """Watch for those children that are there now, as their specs say."""
        for name, (app, _) in list(self._followed.items()):
            if not any(_is_alike(it.spec, app) for it in self._instances(name)):
                self._leave(name)
        for child in self._actor.children.values():
            self.add(child)

    def add(self, child: Child) -> None:
        """Watch for a child, if it is to be, and is not yet. All instances of an app are one."""
        app = child.spec
        if self._nursery is None or not isinstance(app, App) or app.watch is None:
            return
        if app.name not in self._followed:
            scope = trio.CancelScope()
            self._followed[app.name] = app, scope
            self._nursery.start_soon(self._follow, app, app.watch, scope)

    def drop(self, child: Child) -> None:
        """A child is there no more."""
        if child.spec.name in self._followed and not self._instances(child.spec.name):
            self._leave(child.spec.name)

    def _leave(self, name: str) -> None:
        _, scope = self._followed.pop(name)
        scope.cancel()
        self._note(name, "")

    async def _follow(self, app: App, sources: Sources, scope: trio.CancelScope) -> None:
        forget_cause()
        with scope:
            try:
                await self._restart_on_change(app, sources)
            except SupctlError as error:
                self._note(app.name, str(error))
            except OSError as error:
                self._note(app.name, words(error))
            except FAULTS as error:  # ours: it ends the watching, and nothing else
                _log.exception("%s: its sources cannot be watched", app.name)
                self._note(app.name, f"internal error: {error!r}")

    async def _restart_on_change(self, app: App, sources: Sources) -> None:
        copies = _copies(app)
        bases = list(dict.fromkeys(_real(it.cwd or ".") for it in copies))
        base = os.path.commonpath(bases)
        area = self._area(copies, sources, bases, base)
        with self._open().watching(area, sources.debounce) as watch:
            sight = await watch.begin(self._runs_since(app.name))
            while True:
                self._note(app.name, sight.problem or _missing(sight))
                if sight.changed:
                    await self._restart(app.name, sight, base)
                sight = await watch.next()

    def _open(self) -> Lookout:
        if self._lookout is None:
            assert self._nursery is not None, "it has begun"
            self._lookout = Lookout()
            self._nursery.start_soon(self._lookout.run)
        return self._lookout

    def _area(self, copies: list[App], sources: Sources, bases: list[str], base: str) -> Area:
        roots = [os.path.normpath(os.path.join(it, path)) for it in bases for path in sources.paths]
        written = dict.fromkeys(pattern for it in copies for pattern in _written_by(it, base))
        ignore = (*written, *sources.ignore)
        rules = partial(
            rules_for,
            base=base,
            ignore=ignore,
            heeds_git=sources.gitignore,
            private=frozenset(map(_real, self._world.services.private)),
        )
        return Area(roots, rules)

    def _instances(self, name: str) -> list[Child]:
        return [it for it in self._actor.children.values() if it.spec.name == name]

    def _runs_since(self, name: str) -> float:
        """Return from when on an edit may not be known to an instance that runs already; now, if
        none does. In seconds since 1970."""
        now = trio.current_time()
        ages = [now - it.started_at for it in self._instances(name) if it.started_at]
        return time.time() - max(ages, default=0.0) - _TICK

    async def _restart(self, name: str, sight: Sight, base: str) -> None:
        """Restart all instances, one after the other; one that fails is enough."""
        paths = [_shown(it, base) for it in sight.changed]
        told, others = tuple(paths[:_NAMED]), max(0, len(paths) - _NAMED)
        node = _node_of(self._actor)
        for child in self._instances(name):
            if node.state_of(child.name) in _LEFT_ALONE:
                continue
            self._narrator.tell(child, events.SourcesChanged, paths=told, others=others)
            try:
                with because_of_number(child.last_event):
                    await node.renew(child.name)
            except SupctlError as error:  # it has failed, which is told, or somebody prevents it
                _log.info("%s: no restart for changed files: %s", child.address, error)
                return

    def _note(self, name: str, problem: str) -> None:
        """Show why the sources of an app are not watched, or that they are again."""
        for child in self._instances(name):
            if child.unwatched != problem:
                child.unwatched = problem
                self._narrator.tell(child, events.SourcesUnwatched, problem=problem)
                self._world.watch.changed(self._actor, {child.name})


def _node_of(actor: SupervisorActor) -> Node:
    from .local import LocalNode  # it stands above supervisors

    return LocalNode(actor)


def _is_alike(spec: ChildSpec, app: App) -> bool:
    """Return whether what is watched for ``spec`` is what is for ``app``."""
    return isinstance(spec, App) and _watched(spec) == _watched(app)


def _watched(app: App) -> tuple[object, ...]:
    return app.watch, [(it.cwd, it.log) for it in _copies(app)]


def _copies(app: App) -> list[App]:
    """Return the instances of an app, one of them if they are all alike."""
    count = app.instances if app.has_numbers else 1
    return [app.instance(number) for number in range(1, count + 1)]


def _missing(sight: Sight) -> str:
    """Return what is not there, as a sentence; empty if nothing is missing."""
    *others, last = sight.missing or ("",)
    return f"{' and '.join((*others, last))} {'are' if others else 'is'} not there" if last else ""


def _real(path: str) -> str:
    return os.path.realpath(path)


def _written_by(app: App, base: str) -> Iterator[str]:
    """Yield patterns for files that the output of an app goes to, and those beside them."""
    files = () if app.log is None else (app.log.file, app.log.error_file)
    for file in files:
        path = _real(os.path.join(base, file)) if file else ""
        if path.startswith(f"{base}/"):
            directory, _, name = re.sub(r"([\\*?\[])", r"\\\1", path[len(base) :]).rpartition("/")
            yield from (f"{directory}/{name}", f"{directory}/{name}.*", f"{directory}/.{name}.*")


def _shown(path: str, base: str) -> str:
    """Return a path as its user would write it."""
    return path.removeprefix(f"{base}/")
