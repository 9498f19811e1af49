"""Files that commands are given, as the daemon takes them in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from supctl.config.plugins import Enhancement

profile_option = click.option(
    "--profile", metavar="NAME", help="Have [profiles.NAME] and env_NAME of FILE override it."
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
    """

    name: str
    tree: dict[str, Any]
    source: str
    profile: str
    plugins: dict[str, list[str]]


def load_project(path: Path, profile: str, *, is_known: bool = False) -> Loaded:
    """Return what a file describes, with all that it inherits from here.

    What has to be said of the file is; if it ``is_known``, only what has gone wrong now.
    """
    from supctl.config import load
    from supctl.config.document import as_native

    loaded = load(path, profile=profile)
    tell(loaded.failures if is_known else loaded.advice)
    source, plugins = str(loaded.source.absolute()), by_app(loaded.enhancements)
    return Loaded(loaded.root.name, as_native(loaded.root), source, profile, plugins)


def tell(notes: Iterable[str]) -> None:
    """Say what is to be said of what is going to be started."""
    for note in notes:
        click.echo(f"supctl: {note}", err=True)


def by_app(enhancements: Sequence[Enhancement]) -> dict[str, list[str]]:
    """Return what plugins changed of each app, by its path."""
    found: dict[str, list[str]] = {}
    for path, told in chain.from_iterable(it.by_app for it in enhancements):
        found.setdefault(path, []).append(told)
    return found
