"""Who may speak with the daemon, and what it may."""

from __future__ import annotations

import grp
import os
import stat
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

import tomli

from supctl.control.home import Home
from supctl.errors import InvalidConfig, StorageFailed

from .peer import Peer


class Access(IntEnum):
    """What somebody may: nothing, look, or change too."""

    NONE = 0
    READ = 1
    FULL = 2


_WORDS: Final = {"read": Access.READ, "full": Access.FULL}


@dataclass(frozen=True)
class Admission:
    """Our own user and root may everything; a group may what it was given, others nothing.

    Args:
        group: number of the group that is let in; None is none.
        access: what its members may.
    """

    group: int | None = None
    access: Access = Access.NONE

    def of(self, peer: Peer) -> Access:
        """Return what a peer may."""
        if peer.is_ours:
            return Access.FULL
        return self.access if self.group in peer.groups else Access.NONE

    def open_directory(self, home: Home) -> None:
        """Let the group, and nobody else, pass through the directory of the socket.

        Raises:
            InvalidConfig: the group could not come so far, or cannot be given the directory.
            OSError: the directory is gone.
        """
        if self.group is None:
            home.run.chmod(0o700)
            return
        for above in home.run.resolve().parents:
            if not _can_pass(above.stat(), self.group):
                wanted = f"a socket that the group can reach; {above} keeps it out"
                mend = "have SUPCTL_HOME name a directory that it may pass, as /srv/supctl"
                raise InvalidConfig("admit.group", _name(self.group), wanted, mend)
        self._give(home.run, 0o710)

    def open_socket(self, path: Path) -> None:
        """Let the group connect. Raises as :meth:`open_directory`."""
        if self.group is not None:
            self._give(path, 0o660)

    def _give(self, path: Path, mode: int) -> None:
        assert self.group is not None
        try:
            os.chown(path, -1, self.group)
        except PermissionError:
            wanted = "a group that the daemon's user is a member of"
            raise InvalidConfig("admit.group", _name(self.group), wanted) from None
        path.chmod(mode)


def read_admission(path: Path) -> Admission:
    """Return what a ``daemon.toml`` says; nobody is admitted if there is none.

    Raises:
        InvalidConfig: it says something else, or is not ours alone to change.
        StorageFailed: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            said = tomli.load(file)
    except FileNotFoundError:
        return Admission()
    except OSError as error:
        raise StorageFailed(str(path), error.errno or 0, "a file to read") from None
    except ValueError as error:
        raise InvalidConfig(str(path), str(error), "TOML") from None
    if found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o022:
        seen = f"uid {found.st_uid}, mode {stat.S_IMODE(found.st_mode):o}"
        raise InvalidConfig(str(path), seen, "a file that nobody else can change")
    try:
        return _read(said)
    except InvalidConfig as error:
        raise error.within(str(path)) from None


def _read(said: dict[str, Any]) -> Admission:
    admit = said.pop("admit", {})
    if said:
        raise InvalidConfig(min(said), said[min(said)], "only the table [admit]")
    if not isinstance(admit, dict) or admit.keys() - {"group", "access"}:
        raise InvalidConfig("admit", admit, 'a table of "group" and "access"')
    if not admit:
        return Admission()
    name, word = admit.get("group", ""), admit.get("access", "read")
    if word not in _WORDS:
        raise InvalidConfig("admit.access", word, "read or full")
    try:
        return Admission(grp.getgrnam(name).gr_gid, _WORDS[word])
    except (KeyError, TypeError):
        raise InvalidConfig("admit.group", name, "the name of a group of this machine") from None


def _can_pass(directory: os.stat_result, group: int) -> bool:
    wanted = stat.S_IXGRP if directory.st_gid == group else stat.S_IXOTH
    return bool(directory.st_mode & wanted)


def _name(group: int) -> str:
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return str(group)
