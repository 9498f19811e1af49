"""Follows the files of all projects that are to follow theirs."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import trio

from supctl.errors import FAULTS
from supctl.events import ConfigChanged, ConfigRefused
from supctl.supervision.eventlog import because_of
from supctl.supervision.tree import Tree
from supctl.watching.lookout import Lookout, words

from .desired import Project
from .followed import Followed
from .follower import Follower
from .keeper import Keeper
from .loader import Loaded
from .projects import Projects

_log = logging.getLogger("supctl.daemon")


@dataclass(frozen=True, slots=True)
class Refusal:
    """That the files of a project cannot be used as they are.

    Args:
        source: the file.
        mistakes: what is wrong, a sentence each.
        since: when that was seen; seconds since 1970.
    """

    source: str
    mistakes: tuple[str, ...]
    since: float


class Followers:
    """One follower for each project that is to follow its file.

    Args:
        tree: that everything is in.
        keeper: of what should run.
        projects: change it.
    """

    def __init__(self, tree: Tree, keeper: Keeper, projects: Projects) -> None:
        self._tree, self._keeper, self._projects = tree, keeper, projects
        self._refusals: dict[str, Refusal] = {}
        self._lookout: Lookout | None = None
        self._running: dict[str, tuple[Follower, trio.CancelScope]] = {}

    def refusal_of(self, address: str) -> dict[str, Any] | None:
        """Return what is wrong with the file of the project at an address, if that is known."""
        refusal = self._refusals.get(address.strip("/"))
        return None if refusal is None else {**asdict(refusal), "mistakes": [*refusal.mistakes]}

    async def run(self) -> None:
        """Follow until cancelled."""
        async with trio.open_nursery() as nursery:
            while True:
                changed = self._keeper.changed
                self._review(nursery)
                await changed.wait()

    def _review(self, nursery: trio.Nursery) -> None:
        """Follow what is to be followed now, and nothing else."""
        projects = self._keeper.desired.projects
        for name, (follower, scope) in list(self._running.items()):
            project = projects.get(name)
            if project is None or not _follows(follower, project):
                del self._running[name]
                self._refusals.pop(name, None)
                scope.cancel()
        for name, project in projects.items():
            if project.followed is not None and name not in self._running:
                self._begin(name, project, project.followed, nursery)

    def _begin(
        self, name: str, project: Project, followed: Followed, nursery: trio.Nursery
    ) -> None:
        host = Host(self._tree, self._keeper, self._projects, self._refusals, name)
        try:
            if self._lookout is None:
                self._lookout = Lookout()
                nursery.start_soon(self._lookout.run)
        except OSError as error:
            host.refuse((f"its edits are not seen: {words(error)}",))
            return
        follower = Follower((project.source,), project.profile, followed, host, self._lookout)
        self._running[name] = follower, (scope := trio.CancelScope())
        nursery.start_soon(_follow, name, follower, scope)


def _follows(follower: Follower, project: Project) -> bool:
    """Return whether a follower reads what a project is made of now."""
    now = (project.source,), project.profile, project.followed
    return (follower.paths, follower.profile, follower.followed) == now


async def _follow(name: str, follower: Follower, scope: trio.CancelScope) -> None:
    with scope:
        try:
            await follower.follow()
        except FAULTS:  # ours: it must not end the daemon
            _log.exception("the file of %s is not followed any more", name)


@dataclass(frozen=True, slots=True)
class Host:
    """One project, as what follows its file sees it.

    Args:
        tree, keeper, projects: of the daemon.
        refusals: known ones, by project.
        name: of this one.
    """

    tree: Tree
    keeper: Keeper
    projects: Projects
    refusals: dict[str, Refusal]
    name: str

    async def become(self, loaded: Loaded) -> None:
        """Make the project be what its file says now.

        Raises:
            SupctlError: as :meth:`.projects.Projects.update`.
        """
        await self._has_begun()
        project = self.keeper.desired.projects.get(self.name)
        if project is None or project.followed is None:
            return  # somebody has deleted it meanwhile
        goes_on = loaded.watches_itself or project.followed.by_option
        followed = replace(project.followed, files=loaded.files) if goes_on else None
        changed = self.tree.tell(ConfigChanged, f"/{self.name}", source=project.source)
        with because_of(changed):
            await self.projects.update(
                project=self.name,
                tree=loaded.tree,
                source=project.source,
                profile=project.profile,
                plugins=loaded.plugins,
                followed=None if followed is None else asdict(followed),
            )

    def refuse(self, mistakes: tuple[str, ...]) -> None:
        """Show and tell what is wrong with the file, or that it is well again, once."""
        project, known = self.keeper.desired.projects.get(self.name), self.refusals.get(self.name)
        if project is None or mistakes == (() if known is None else known.mistakes):
            return
        if mistakes:
            since = time.time() if known is None else known.since
            self.refusals[self.name] = Refusal(project.source, mistakes, since)
        else:
            del self.refusals[self.name]
        self.tree.tell(ConfigRefused, f"/{self.name}", source=project.source, mistakes=mistakes)

    async def _has_begun(self) -> None:
        """Return when the project is there: until then there is nothing to be changed."""
        with self.tree.subscribe() as told:
            if not self.projects.is_there(self.name):
                async for _ in told:
                    if self.projects.is_there(self.name):
                        return
