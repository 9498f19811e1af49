"""Files that commands are given, as the daemon takes them in."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from supctl.errors import InvalidConfig

if TYPE_CHECKING:
    from supctl.config.loading import LoadedTree
    from supctl.config.plugins import Enhancement

profile_option = click.option(
    "--profile", metavar="NAME", help="Have [profiles.NAME] and env_NAME of FILE override it."
)

watch_config_option = click.option(
    "--watch-config", is_flag=True, help='Follow edits of FILE from now on, as "apply" does.'
)


def is_file(name: str) -> bool:
    """Return whether a word means a file or a directory, and not something that runs."""
    path = Path(name)
    return (
        path.exists() or path.suffix in (".toml", ".yaml", ".yml", ".json") or name in (".", "..")
    )


class Loaded(NamedTuple):
    """What the daemon is told of a project, in the order of its ``add`` and ``update``.

    Args:
        name: of the project.
        tree: its document.
        source: the file that it came from; empty if from none.
        profile: of that file which was asked for; empty for none.
        plugins: what plugins changed, by the paths of apps.
        followed: how the daemon reads the file again, if it is to follow it.
    """

    name: str
    tree: dict[str, Any]
    source: str
    profile: str
    plugins: dict[str, list[str]]
    followed: dict[str, Any] | None = None


def load_project(
    path: Path, profile: str, *, is_known: bool = False, follow: bool = False
) -> Loaded:
    """Return what a file describes, with all that it inherits from here.

    What has to be said of the file is; if it ``is_known``, only what has gone wrong now.

    Args:
        follow: whether edits of it are to be followed, whatever it says of that.
    """
    from supctl.config import load
    from supctl.config.document import as_native

    loaded = load(path, profile=profile)
    tell(loaded.failures if is_known else loaded.advice)
    source, plugins = str(loaded.source.absolute()), by_app(loaded.enhancements)
    followed = _followed(loaded, follow) if follow or loaded.watches_itself else None
    return Loaded(loaded.root.name, as_native(loaded.root), source, profile, plugins, followed)


def _followed(loaded: LoadedTree, by_option: bool) -> dict[str, Any]:
    """Return how files are read again as they were now.

    Raises:
        InvalidConfig: nobody can edit them.
    """
    if not loaded.source.is_file():
        raise InvalidConfig("watch_config", str(loaded.source), "a file that can be edited")
    return {
        "files": loaded.files,
        "environ": dict(os.environ),
        "directory": os.getcwd(),
        "by_option": by_option,
    }


def tell(notes: Iterable[str]) -> None:
    """Say what is to be said of what is going to be started."""
    for note in notes:
        click.echo(f"supctl: {note}", err=True)


def by_app(enhancements: Sequence[Enhancement]) -> dict[str, list[str]]:
    """Return what plugins changed of each app, by its path: ``web/api``."""
    found: dict[str, list[str]] = {}
    for it in enhancements:
        for path in it.paths:
            told = f"{it.plugin}: {', '.join(it.changes)}"
            found.setdefault("/".join(path), []).append(told)
    return found
