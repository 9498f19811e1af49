"""What should run: kept in a file, so that it runs again after the daemon, or all, was gone."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from supctl.errors import InvalidConfig, StorageFailed
from supctl.logs.directory import sync_directory

from .followed import Followed

VERSION: Final = 1


@dataclass(slots=True, init=False)
class Project:
    """What was started together: a file, or a single command.

    The tree is kept as the text that is saved: in memory that is a quarter of it, and to save a
    thousand apps because one of them was stopped takes no longer than to write.

    Args:
        tree: as a ``supctl.json`` would hold it, with absolute paths and exact environments.
        source: the file that it came from; empty if from none.
        profile: of that file; empty for none.
        plugins: what plugins changed in the tree, a phrase for each, by the paths of apps:
            ``{"web/api": ["venv: sets VIRTUAL_ENV"]}``. It is for people.
        followed: how edits of that file are followed, if they are.
    """

    text: str
    source: str
    profile: str
    plugins: Mapping[str, Sequence[str]]
    followed: Followed | None

    def __init__(
        self,
        tree: dict[str, Any],
        source: str = "",
        profile: str = "",
        plugins: Mapping[str, Sequence[str]] | None = None,
        followed: Mapping[str, Any] | None = None,
    ) -> None:
        self.text, self.source, self.profile = json.dumps(tree), source, profile
        self.plugins = plugins or {}
        self.followed = None if followed is None else Followed.of(followed)

    @property
    def tree(self) -> dict[str, Any]:
        """A copy of the tree."""
        tree: dict[str, Any] = json.loads(self.text)
        return tree

    @property
    def watch_config(self) -> str:
        """Who wants edits of the file to be followed: ``option``, ``file``, or nobody."""
        if self.followed is None:
            return ""
        return "option" if self.followed.by_option else "file"

    def with_tree(
        self, tree: dict[str, Any], plugins: Mapping[str, Sequence[str]] | None
    ) -> Project:
        """Return the project with another tree, in which plugins changed that."""
        made = copy(self)
        made.text, made.plugins = json.dumps(tree), plugins or {}
        return made

    def as_json(self) -> str:
        """Return what is saved of it."""
        told: dict[str, Any] = {"source": self.source, "profile": self.profile}
        if self.plugins:  # left out it can be read by versions that know none
            told["plugins"] = self.plugins
        if self.followed is not None:
            told["followed"] = asdict(self.followed)
        return f'{{"tree": {self.text}, {json.dumps(told)[1:]}'


@dataclass(slots=True)
class Desired:
    """What should run.

    Args:
        projects: by name.
        stopped: addresses of what an operator has stopped, with all that was below; always the
            same set, as the tree looks into it.
    """

    projects: dict[str, Project] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)

    def plugins_of(self, address: str) -> Sequence[str]:
        """Return what plugins changed of the app at an address without the number of an instance;
        nothing if there is none."""
        project, _, path = address.strip("/").partition("/")
        known = self.projects.get(project)
        return known.plugins.get(path, ()) if known is not None else ()

    def snapshot(self) -> Desired:
        """Return what it is now, whatever changes meanwhile; trees never do."""
        return Desired(dict(self.projects), set(self.stopped))


class DesiredFile:
    """A file that holds it. What is there is always whole: the old, or the new.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Desired:
        """Return what it holds; nothing if it is not there.

        Raises:
            StorageFailed: it cannot be read.
            InvalidConfig: it is of another version, or damaged; it is left as it is.
        """
        try:
            held = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return Desired()
        except OSError as error:
            raise StorageFailed(str(self.path), error.errno or 0, "a file to read") from None
        except ValueError as error:
            raise self._wrong(f"no JSON ({error})") from None
        if not isinstance(held, dict) or held.get("version") != VERSION:
            seen = held.get("version") if isinstance(held, dict) else held
            raise self._wrong(f"version {seen!r}")
        try:
            projects = {name: Project(**it) for name, it in held["projects"].items()}
            return Desired(projects, set(held["stopped"]))
        except (LookupError, TypeError, AttributeError) as error:
            raise self._wrong(f"damaged ({error!r})") from None

    def _wrong(self, seen: str) -> InvalidConfig:
        mend = "move it away to begin with nothing; what runs is not touched"
        return InvalidConfig(str(self.path), seen, f"version {VERSION} of what should run", mend)

    def save(self, desired: Desired) -> None:
        """Put ``desired`` into it. Blocks until it is on the disk.

        Raises:
            StorageFailed: it is not saved; what was there still is.
        """
        projects = [f"{json.dumps(name)}: {it.as_json()}" for name, it in desired.projects.items()]
        stopped = json.dumps(sorted(desired.stopped))
        held = (
            f'{{"version": {VERSION}, "projects": {{{", ".join(projects)}}}, "stopped": {stopped}}}'
        )
        new = self.path.with_suffix(".new")
        try:
            with open(new, "wb", opener=_private) as file:
                file.write(held.encode())
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
            sync_directory(self.path.parent)
        except OSError as error:
            wanted = "a file to write what should run; nothing was changed"
            raise StorageFailed(str(self.path), error.errno or 0, wanted) from None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
