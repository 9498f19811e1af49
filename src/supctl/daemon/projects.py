"""Projects: what was started together, from a file, and is kept over the daemon's end."""

from __future__ import annotations

import copy
import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import trio

from supctl.config.document import read_native
from supctl.config.mistakes import ConfigErrors
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

from .desired import Project
from .keeper import Keeper
from .naming import is_below, resolve, resolve_base, topmost
from .outcome import Outcome, each

_log = logging.getLogger("supctl.daemon")


class Projects:
    """Takes in, changes and forgets projects. What should run is saved before it is done.

    Args:
        tree: that everything is in.
        keeper: of what should run.
    """

    def __init__(self, tree: Tree, keeper: Keeper) -> None:
        self._tree, self._keeper = tree, keeper
        self._begins: set[str] = set()  # those that are being started for the first time
        self._updates: defaultdict[str, trio.Lock] = defaultdict(trio.Lock)

    async def add(self, *, project: str, tree: dict[str, Any], source: str = "") -> dict[str, Any]:
        """Take in what a file describes, and start it.

        Args:
            project: the name under which its children will be: ``/shop/...``.
            tree: as a ``supctl.json`` holds it, with absolute paths and exact environments.
            source: the file.

        Returns:
            ``did``: ``"added"``, or ``"was there"`` if it was, as it is; ``address``.

        Raises:
            InvalidConfig: the tree cannot work, or the name cannot be one.
            AlreadyPresent: another tree of that name is there.
            StorageFailed: it cannot be saved; nothing was started.
            StartFailed: it did not start, and is forgotten again.
        """
        spec, new = _read(project, tree), Project(tree, source)
        projects = self._keeper.desired.projects
        if (known := projects.get(project)) is not None:
            if known.tree != tree:
                raise AlreadyPresent(f"/{project}", "there, as another version of its file says")
            await self._keeper.keep()  # whoever has brought it may still be about to
            return {"did": "was there", "address": f"/{project}"}
        projects[project] = new
        with self._beginning(project):
            try:
                await self._keeper.keep()
                await self._tree.supervisor().start_child(spec)
            except InvalidState:
                raise  # it was stopped or deleted meanwhile, or the daemon ends: that is known
            except Exception:
                if projects.get(project) is new:  # else somebody has deleted it meanwhile
                    del projects[project]
                    await self._keeper.keep()
                raise
        return {"did": "added", "address": f"/{project}"}

    async def update(
        self, *, project: str, tree: dict[str, Any], source: str = ""
    ) -> list[dict[str, Any]]:
        """Make a project be what its file says now; return an outcome for each child that is not
        as it was: ``added``, ``removed``, ``restarted`` or ``changed``.

        The rest runs on, as of :meth:`~supctl.supervision.tree.Tree.update`. The arguments are
        those of :meth:`add`; without ``source`` it stays what it was.

        Raises:
            ProcessNotFound: there is no such project.
            InvalidConfig: the tree cannot work; nothing was changed.
            StorageFailed: it cannot be saved; nothing was changed.
            InvalidState: the project is still being started.
        """
        spec = _read(project, tree)
        self._known(project)
        async with self._updates[project]:
            known = self._known(project)
            if project in self._begins:
                raise InvalidState(f"/{project}", "starting", "a project that has been started")
            return await self._become(project, known, Project(tree, source or known.source), spec)

    async def scale(
        self, *, name: str, instances: int, relative: bool = False
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
        async with self._updates[project]:
            known = self._known(project)
            tree = copy.deepcopy(known.tree)
            table = _table(tree, path)
            if table is None or "command" not in table:
                raise Unsupported("scale", f"{address}, which is no program", "name an app")
            wanted = instances + (table.get("instances", 1) if relative else 0)
            if wanted < 1:
                mend = "supctl stop ends all of them"
                raise InvalidConfig("instances", wanted, "1 or more", mend)
            table["instances"] = wanted
            spec = _read(project, tree)
            return await self._become(project, known, Project(tree, known.source), spec)

    async def _become(
        self, name: str, old: Project, new: Project, spec: Supervisor
    ) -> list[dict[str, Any]]:
        desired = self._keeper.desired
        before = _groups(_read(name, old.tree), f"/{name}")
        stopped, started = _stops(before, _groups(spec, f"/{name}"), desired.stopped)
        desired.projects[name] = new
        desired.stopped |= stopped
        desired.stopped -= started
        try:
            await self._keeper.keep()
        except StorageFailed:
            desired.projects[name] = old
            desired.stopped -= stopped
            desired.stopped |= started
            raise
        changes = await self._tree.update(spec, name)
        outcomes = [
            Outcome(it.address, it.did)
            if it.error is None
            else Outcome.failed(it.address, it.error)
            for it in changes
        ]
        return [asdict(outcome) for outcome in outcomes]

    def _known(self, project: str) -> Project:
        projects = self._keeper.desired.projects
        if project not in projects:
            raise ProcessNotFound(project, tuple(f"/{name}" for name in projects))
        return projects[project]

    async def projects(self) -> list[dict[str, Any]]:
        """Return ``name`` and ``source``, a file or nothing, of each project."""
        known = self._keeper.desired.projects
        return [{"name": name, "source": it.source} for name, it in known.items()]

    async def delete(
        self, *, names: Sequence[str], timeout: float | None = None
    ) -> list[dict[str, Any]]:
        """Stop projects and forget them."""
        chosen = topmost(resolve(names, self._tree.status()))
        for address in chosen:
            if address.strip("/") not in self._keeper.desired.projects:
                raise Unsupported("delete", f"{address}, a part of a file", "stop it, or reload")
        return await each(chosen, "delete", self._delete, timeout)

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
                spec = _read(project, self._keeper.desired.projects[project].tree)
                await self._tree.supervisor().start_child(spec)
            except SupctlError as error:
                _log.error("%s does not come back: %s", project, error)
                raise
        return Outcome(address, "is back")

    async def _start_again(self, address: str) -> Outcome:
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


def _read(project: str, tree: dict[str, Any]) -> Supervisor:
    try:
        return read_native(tree, project, Path("/"), {})
    except ConfigErrors as errors:
        raise InvalidConfig("tree", project, "a tree that can work", str(errors)) from None


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
