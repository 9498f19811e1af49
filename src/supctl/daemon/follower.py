"""Follows the edits of the files that a tree was made from."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Protocol

import trio

from supctl.config.content import digests
from supctl.config.files_read import Files
from supctl.errors import SupctlError
from supctl.watching.area import Area
from supctl.watching.lookout import Lookout, Sight

from .followed import Followed
from .loader import Loaded, load

_DEBOUNCE: Final = 0.3
"""Seconds without a change, after which files are read: editors and tools write several times."""


class Host(Protocol):
    """Has the tree."""

    async def become(self, loaded: Loaded) -> None:
        """Make the tree be what its files say now; raises what is wrong with that."""
        ...

    def refuse(self, mistakes: tuple[str, ...]) -> None:
        """Know what is wrong with the files now, which changes nothing; none: they are well."""
        ...


@dataclass(slots=True)
class Follower:
    """Has a tree be what its files say, whenever they change. Is told of each content once.

    Args:
        paths: of the file, and of those that override it.
        profile: of them.
        followed: how they are read; its files are as the tree is now.
        host: has the tree.
        lookout: watches.
    """

    paths: tuple[str, ...]
    profile: str
    followed: Followed
    host: Host
    lookout: Lookout

    async def follow(self) -> None:
        """Do that until cancelled."""
        files, refused = self.followed.files, Files()
        while True:
            await self._wait(files, refused)
            loaded = await load(self.paths, self.profile, self.followed)
            files, mistakes = loaded.files, loaded.mistakes or await self._become(loaded)
            refused = files if mistakes else Files()
            self.host.refuse(mistakes)

    async def _wait(self, files: Files, refused: Files) -> None:
        """Return when files are neither as the tree is nor as they were refused last."""
        with self.lookout.watching(Area(files), _DEBOUNCE) as watch:
            sight = await watch.begin(math.inf)
            while True:
                now = await trio.to_thread.run_sync(digests, files)
                if now == self.followed.files:
                    refused = Files()
                    self.host.refuse(_unseen(sight))
                elif now != refused:
                    return
                sight = await watch.next()

    async def _become(self, loaded: Loaded) -> tuple[str, ...]:
        before = self.followed
        self.followed = replace(before, files=loaded.files)
        try:
            await self.host.become(loaded)
        except SupctlError as error:
            self.followed = before
            return (str(error),)
        return ()


def _unseen(sight: Sight) -> tuple[str, ...]:
    """Return what is wrong where not every edit would be seen."""
    return (f"its edits are not all seen: {sight.problem}",) if sight.problem else ()
