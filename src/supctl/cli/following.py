"""A tree in the foreground follows the edits of its files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import trio

from supctl.config.loading import LoadedTree
from supctl.daemon.followed import Followed
from supctl.daemon.follower import Follower
from supctl.daemon.loader import Loaded
from supctl.daemon.trees import read_tree
from supctl.events import ConfigChanged, ConfigRefused
from supctl.supervision.eventlog import because_of
from supctl.supervision.tree import Tree
from supctl.watching.lookout import Lookout, words


@dataclass(slots=True)
class Following:
    """Has one tree be what its files say, whenever they change.

    Args:
        loaded: the files, as the tree is now.
        paths: of them as they were given, the first one first.
        profile: of them.
    """

    loaded: LoadedTree
    paths: Sequence[Path]
    profile: str

    async def follow(self, tree: Tree) -> None:
        """Do that until cancelled."""
        followed = Followed(self.loaded.files, dict(os.environ), os.getcwd())
        paths = tuple(str(it) for it in (self.loaded.source, *self.paths[1:]))
        host = _Host(tree, self.loaded.root.name, str(self.loaded.source))
        try:
            lookout = Lookout()
        except OSError as error:
            host.refuse((f"its edits are not seen: {words(error)}",))
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lookout.run)
            await Follower(paths, self.profile, followed, host, lookout).follow()


@dataclass(slots=True)
class _Host:
    """The tree, as what follows its files sees it."""

    tree: Tree
    name: str
    source: str
    refused: tuple[str, ...] = ()

    async def become(self, loaded: Loaded) -> None:
        spec = await read_tree(self.name, loaded.tree)
        with because_of(self.tree.tell(ConfigChanged, source=self.source)):
            await self.tree.update(spec)

    def refuse(self, mistakes: tuple[str, ...]) -> None:
        if mistakes != self.refused:
            self.refused = mistakes
            self.tree.tell(ConfigRefused, source=self.source, mistakes=mistakes)
