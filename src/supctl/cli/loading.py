"""Files that commands are given, as the daemon takes them in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

profile_option = click.option(
    "--profile", metavar="NAME", help="Have [profiles.NAME] and env_NAME of FILE override it."
)


def is_file(name: str) -> bool:
    """Return whether a word means a file or a directory, and not something that runs."""
    path = Path(name)
    return (
        path.exists() or path.suffix in (".toml", ".yaml", ".yml", ".json") or name in (".", "..")
    )


def load_project(
    path: Path, profile: str, *, is_known: bool = False
) -> tuple[str, dict[str, Any], str]:
    """Return name, document and place of a file, with all that it inherits from here.

    What has to be said of the file is, unless it ``is_known``.
    """
    from supctl.config import load
    from supctl.config.document import as_native

    loaded = load(path, profile=profile)
    for note in () if is_known else loaded.advice:
        click.echo(f"supctl: {note}", err=True)
    return loaded.root.name, as_native(loaded.root), str(loaded.source.absolute())
