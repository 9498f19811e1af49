"""``supctl export``: a tree as the files of another tool."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from supctl.config.exports import Export

KINDS: Final = (*("systemd", "launchd", "supervisord", "procfile", "pm2", "compose", "kubernetes"),)


@click.command("export")
@click.argument("tool", type=click.Choice(KINDS))
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "-o",
    "--output",
    metavar="DIRECTORY",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the files there; it is made if it is not there.",
)
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.option("--json", "as_json", is_flag=True, help="Print files and remarks as JSON.")
def export(tool: str, file: Path | None, output: Path | None, force: bool, as_json: bool) -> None:
    """Print what FILE says as files of another TOOL.

    compose is process-compose. What the tool cannot say, or means otherwise, is told on standard
    error, one line for each key. Without FILE it is the one that "supctl start" would take here.

    \b
    Examples:
      supctl export systemd -o units
      supctl export pm2 > ecosystem.config.js
    """
    from supctl.config import load
    from supctl.config.exports import export_tree

    loaded = load(file, to_run_here=False)
    made = export_tree(loaded.root, tool, loaded.source.absolute().parent, os.environ)
    if output is not None:
        _write(made, output, force=force)
    if as_json:
        remarks = [{**asdict(it), "fate": it.fate.value} for it in made.remarks]
        click.echo(json.dumps({"tool": made.tool, "files": made.files, "remarks": remarks}))
        return
    if output is None:
        click.echo(_printed(made), nl=False)
    for remark in made.remarks:
        click.echo(f"supctl: {remark}", err=True)


def _printed(made: Export) -> str:
    """Return one file as it is, and several with the name of each above it."""
    if len(made.files) == 1:
        return next(iter(made.files.values()))
    return "\n".join(f"# {name}\n{text}" for name, text in made.files.items())


def _write(made: Export, directory: Path, *, force: bool) -> None:
    from .importing import check_new, make_directory, write_new

    make_directory(directory)
    paths = {directory / name: text for name, text in made.files.items()}
    check_new(paths, force=force)
    for path, text in paths.items():
        write_new(path, text, force=force)
        click.echo(path, err=True)
