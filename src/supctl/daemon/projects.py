"""Projects: what was started together, from a file, and is kept over the daemon's end."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict
from functools import partial
from typing import Any

import trio

from supctl.errors import (
    AlreadyPresent,
    InvalidConfig,
    InvalidState,
    ProcessNotFound,
    StorageFailed,
    SupctlError,
    Unsupported,
)
from supctl.specs import Supervisor
from supctl.supervision.child import join, names_of
from supctl.supervision.tree import Tree

from .asking import command
from .desired import Project
from .errands import Errands
from .keeper import Keeper
from .naming import is_below, resolve, resolve_base, topmost
from .outcome import Outcome, each, in_time
from .starts import in_vain, not_up
from .trees import read_tree

_log = logging.getLogger("supctl.daemon")


class Projects:
    """Takes in, changes and forgets projects. What should run is saved before it is done.

    ``timeout`` and ``wait`` are those of :class:`~.control.Control`.

    Args:
        tree: that everything is in.
        keeper: of what should run.
        errands: carries commands out.
    """

    def __init__(self, tree: Tree, keeper: Keeper, errands: Errands) -> None:
        self._tree, self._keeper, self._errands = tree, keeper, errands
        self._begins: set[str] = set()  # those that are being started for the first time
        self._turns: defaultdict[str, trio.Semaphore] = defaultdict(partial(trio.Semaphore, 1))

    async def add(
        self,
        *,
        project: str,
        tree: dict[str, Any],
        source: str = "",
        profile: str = "",
        plugins: Mapping[str, Sequence[str]] | None = None,
        followed: dict[str, Any] | None = None,
        timeout: float | None = None,
        wait: bool = True,
    ) -> dict[str, Any]:
        """Take in what a file describes, and start it.

        Args:
            project: the name under which its children will be: ``/shop/...``.
            tree: as a ``supctl.json`` holds it, with absolute paths and exact environments.
            source: the file.
            profile: the profile of that file which was asked for.
            plugins: what plugins changed in the tree, as of :class:`~.desired.Project`.
            followed: if edits of the file are to be followed: those of :class:`.Followed`.

        Returns:
            ``did``: ``"added"``, ``"was there"`` if it was, as it is, or ``"asked"``; ``address``;
            ``failed``: outcomes of those in it that have not come up.

        Raises:
            InvalidConfig: the tree cannot work, or the name cannot be one.
            AlreadyPresent: another tree of that name is there.
            StorageFailed: it cannot be saved; nothing was started.
            StartFailed: it did not start, and is forgotten again.
        """
        spec, new = (
            await read_tree(project, tree),
            Project(tree, source, profile, plugins, followed),
        )
        projects = self._keeper.desired.projects
        if (known := projects.get(project)) is not None:
            if known.tree != tree:
                mend = '"supctl apply" brings in what has changed'
                raise AlreadyPresent(f"/{project}", "of another version of its file", mend)
            known.followed = new.followed
            await self._keeper.keep()  # whoever has brought it may still be about to
            return _added("was there", project)
        projects[project] = new
        with ExitStack() as held:
            held.enter_context(self._beginning(project))
            async with self._forgotten_on_failure(project, new):
                await self._keeper.keep()
            bring_up = partial(self._bring_up, spec, new)
            if not wait:
                self._errands.begin(bring_up, held.pop_all())
                return _added("asked", project)
            return _added("added", project, await in_time(f"/{project}", "add", bring_up, timeout))

    async def _bring_up(self, spec: Supervisor, new: Project) -> list[dict[str, Any]]:
        """Start a project that is new; return outcomes of those in it that have not come up."""
        async with self._forgotten_on_failure(spec.name, new):
            with command(self._tree, f"/{spec.name}", "add", new.source):
                await self._tree.supervisor().start_child(spec)
        return not_up([f"/{spec.name}"], self._tree.status())

    @asynccontextmanager
    async def _forgotten_on_failure(self, project: str, new: Project) -> AsyncIterator[None]:
        projects = self._keeper.desired.projects
        try:
            yield
        except InvalidState:
            raise  # it was stopped or deleted meanwhile, or the daemon ends: that is known
        except Exception:
            if projects.get(project) is new:  # else somebody has deleted it meanwhile
                del projects[project]
                await self._keeper.keep()
            raise

    async def update(
        self,
        *,
        project: str,
        tree: dict[str, Any],
        source: str = "",
        profile: str = "",
        plugins: Mapping[str, Sequence[str]] | None = None,
        followed: dict[str, Any] | None = None,
        timeout: float | None = None,
        wait: bool = True,
    ) -> list[dict[str, Any]]:
        """Make a project be what its file says now; return an outcome for each child that is not
        as it was: ``added``, ``removed``, ``restarted`` or ``changed``, with ``keys`` and
        ``because`` as of :meth:`.plans.Plans.plan`, which tells all that before it is done.

        The rest runs on, as of :meth:`~supctl.supervision.tree.Tree.update`. The arguments are
        those of :meth:`add`; without ``source`` it and what goes with it stay what they were.

        Raises:
            ProcessNotFound: there is no such project.
            InvalidConfig: the tree cannot work; nothing was changed.
            StorageFailed: it cannot be saved; nothing was changed.
            InvalidState: the project is new, and has not begun to start.
        """
        spec = await read_tree(project, tree)

        async def make(known: Project) -> tuple[Project, Supervisor]:
            if source:
                return Project(tree, source, profile, plugins, followed), spec
            return known.with_tree(tree, plugins), spec

        return await self._become(project, make, "update", timeout, wait)

    async def scale(
        self,
        *,
        name: str,
        instances: int,
        relative: bool = False,
        timeout: float | None = None,
        wait: bool = True,
    ) -> list[dict[str, Any]]:
        """Have so many instances of an app, or so many more; return outcomes as :meth:`update`.

        Between one and several, one is restarted, as its address changes: ``api``, ``api:1``.

        Raises:
            ProcessNotFound, Ambiguous: as :func:`~.naming.resolve`.
            Unsupported: it is no program.
            InvalidConfig: there would be none left, or too many.
            StorageFailed: it cannot be saved; nothing was changed.
        """
        address = resolve_base(name, self._tree.status())
        project, _, path = address.strip("/").partition("/")

        async def make(known: Project) -> tuple[Project, Supervisor]:
            tree = known.tree
            table = _table(tree, path)
            if table is None or "command" not in table:
                raise Unsupported("scale", f"{address}, which is no program", "name an app")
            wanted = instances + (table.get("instances", 1) if relative else 0)
            if wanted < 1:
                mend = "supctl stop ends all of them"
                raise InvalidConfig("instances", wanted, "1 or more", mend)
            table["instances"] = wanted
            return known.with_tree(tree, known.plugins), await read_tree(project, tree)

        return await self._become(project, make, "scale", timeout, wait)

    async def _become(
        self,
        name: str,
        make: Callable[[Project], Awaitable[tuple[Project, Supervisor]]],
        method: str,
        timeout: float | None,
        wait: bool,
    ) -> list[dict[str, Any]]:
        """Save what ``make`` makes of a project, and have it be that; one after the other."""
        self._known(name)
        with ExitStack() as held:
            await self._turns[name].acquire()
            held.callback(self._turns[name].release)
            known = self._known(name)
            if not self.is_there(name):  # it is about to be started for the first time
                raise InvalidState(f"/{name}", "starting", "a project that has been started")
            project, spec = await make(known)
            await self._save(name, known, project, spec)
            work = partial(self._follow, name, spec, method, project.source)
            if not wait:
                self._errands.begin(work, held.pop_all())
                return [asdict(Outcome(f"/{name}", "asked"))]
            address = f"/{name}"
            return await self._errands.finish(address, method, work, timeout, held.pop_all())

    async def _save(self, name: str, old: Project, new: Project, spec: Supervisor) -> None:
        desired = self._keeper.desired
        before = _groups(await read_tree(name, old.tree), f"/{name}")
        self._known(name)  # somebody may have deleted it meanwhile
        stopped, started = _stops(before, _groups(spec, f"/{name}"), desired.stopped)
        desired.projects[name] = new
        desired.stopped |= stopped
        desired.stopped -= started
        try:
            await self._keeper.keep()
        except StorageFailed:
            if desired.projects.get(name) is new:  # else somebody has deleted it meanwhile
                desired.projects[name] = old
            desired.stopped -= stopped
            desired.stopped |= started
            raise

    async def _follow(
        self, name: str, spec: Supervisor, method: str, source: str
    ) -> list[dict[str, Any]]:
        outcomes = []
        with command(self._tree, f"/{name}", method, source):
            changes = await self._tree.update(spec, name)
        for it in changes:
            error = it.error
            if error is None and it.did in ("added", "restarted"):
                error = in_vain(self._tree[it.address])
            done = Outcome(it.address, it.did)
            outcome = asdict(done if error is None else Outcome.failed(it.address, error))
            outcomes.append(outcome | {"keys": [*it.keys], "because": [*it.because]})
        return outcomes

    def is_there(self, project: str) -> bool:
        """Return whether a project has begun to start."""
        return any(row.address == f"/{project}" for row in self._tree.status())

    def _known(self, project: str) -> Project:
        projects = self._keeper.desired.projects
        if project not in projects:
            raise ProcessNotFound(project, tuple(f"/{name}" for name in projects))
        return projects[project]

    async def projects(self) -> list[dict[str, Any]]:
        """Return ``name``, ``source``, a file or nothing, its ``profile``, and ``watch_config`` of
        each project: whether edits of the file are followed, by an ``option`` or as the ``file``
        says, or not."""
        known = self._keeper.desired.projects.items()
        return [
            {
                "name": name,
                "source": it.source,
                "profile": it.profile,
                "watch_config": it.watch_config,
            }
            for name, it in known
        ]

    async def delete(
        self, *, names: Sequence[str], timeout: float | None = None, wait: bool = True
    ) -> list[dict[str, Any]]:
        """Stop projects and forget them."""
        chosen = topmost(resolve(names, self._tree.status()))
        for address in chosen:
            if address.strip("/") not in self._keeper.desired.projects:
                raise Unsupported(
                    "delete", f"{address}, a part of a file", "stop it, or supctl apply"
                )
        return await self._errands.each(chosen, "delete", self._delete, timeout, wait=wait)

    async def _delete(self, address: str) -> Outcome:
        desired, name = self._keeper.desired, address.strip("/")
        project = desired.projects.pop(name, None)
        stopped = {it for it in desired.stopped if is_below(it, {address})}
        desired.stopped -= stopped
        try:
            await self._keeper.keep()
        except StorageFailed:
            desired.stopped |= stopped
            if project is not None:
                desired.projects[name] = project
            raise
        with command(self._tree, address, "delete"):
            await self._tree[address].delete()
        return Outcome(address, "deleted")

    async def save(self) -> dict[str, Any]:
        """Save what should run, as every change does; return ``path``, the names of ``projects``
        and the addresses of what was ``stopped``.

        Raises:
            StorageFailed: it cannot be saved.
        """
        await self._keeper.keep()
        desired = self._keeper.desired
        return {
            "path": str(self._keeper.path),
            "projects": list(desired.projects),
            "stopped": sorted(desired.stopped),
        }

    async def resurrect(self) -> list[dict[str, Any]]:
        """Start what should run and does not; return an outcome for each.

        That are projects that are not there, and what has failed for good.
        """
        rows = self._tree.status()
        failed = [row.address for row in rows if row.state == "failed"]
        there = {row.address for row in rows}
        missing = [
            f"/{it}"
            for it in self._keeper.desired.projects
            if f"/{it}" not in there and it not in self._begins
        ]
        back = await each(missing, "resurrect", self._come_back, None)
        return back + await each(failed, "resurrect", self._start_again, None)

    async def _come_back(self, address: str) -> Outcome:
        project = address.strip("/")
        with self._beginning(project):
            try:
                spec = await read_tree(project, self._keeper.desired.projects[project].tree)
                with command(self._tree, address, "resurrect"):
                    await self._tree.supervisor().start_child(spec)
            except SupctlError as error:
                _log.error("%s does not come back: %s", project, error)
                raise
        return Outcome(address, "is back")

    async def _start_again(self, address: str) -> Outcome:
        with command(self._tree, address, "resurrect"):
            await self._tree[address].start()
        return Outcome(address, "started")

    @contextmanager
    def _beginning(self, project: str) -> Iterator[None]:
        """Let nobody else start a project for the first time."""
        self._begins.add(project)
        try:
            yield
        finally:
            self._begins.discard(project)


def _added(did: str, project: str, failed: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    return {"did": did, "address": f"/{project}", "failed": [*failed]}


def _table(tree: dict[str, Any], path: str) -> dict[str, Any] | None:
    """Return the table of the child at ``path`` (``web/api``), if there is one."""
    table: Any = tree
    for name in path.split("/"):
        table = table.get("apps", {}).get(name)
        if table is None:
            return None
    found: dict[str, Any] = table
    return found


def _groups(spec: Supervisor, address: str) -> dict[str, set[str]]:
    """Return the addresses of all that is below a supervisor, by those of the apps that they are
    instances of."""
    found: dict[str, set[str]] = {}
    for child in spec.children:
        below = {join(address, name) for name in names_of(child)}
        found[join(address, child.name)] = below
        if isinstance(child, Supervisor):
            found |= _groups(child, join(address, child.name))
    return found


def _stops(
    before: dict[str, set[str]], after: dict[str, set[str]], stopped: set[str]
) -> tuple[set[str], set[str]]:
    """Return what counts as stopped by an operator from now on, and what no more does.

    Instances that are new are stopped if all the old ones are; what is gone is forgotten.
    """
    new: set[str] = set()
    old: set[str] = set()
    for address, instances in before.items():
        now = after.get(address, set())
        old |= (instances - now) & stopped
        if instances <= stopped:
            new |= now - instances
    return new, old
