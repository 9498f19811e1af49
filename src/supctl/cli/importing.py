"""``supctl import``: the file of another tool as a supctl.toml, and what became of every key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from supctl.config import Mistake
    from supctl.config.imports import Remark
    from supctl.config.loading import LoadedTree

_COLOURS = {"mapped": "green", "changed": "yellow", "left out": "red"}


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "-o",
    "--output",
    metavar="TOML",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write supctl.toml there; - prints it.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def import_(file: Path | None, output: Path | None, force: bool, as_json: bool) -> None:
    """Say what became of every key of FILE, and write it as a supctl.toml.

    FILE is of PM2, supervisord, process-compose or another tool, or one of our own in YAML or
    JSON. By default it is the one that "supctl start" would take here. Without -o nothing is
    written.

    \b
    Examples:
      supctl import process-compose.yaml
      supctl import ecosystem.config.js -o supctl.toml
    """
    from supctl.config import load
    from supctl.config.translation import as_toml

    loaded = load(file, to_run_here=False)
    if output is not None and str(output) == "-":
        click.echo(as_toml(loaded, Path.cwd()), nl=False)
        return
    if output is not None:
        write_new(output, as_toml(loaded, output.absolute().parent), force=force)
    if as_json:
        click.echo(json.dumps(_facts(loaded, output)))
        return
    for line in _report(loaded):
        click.echo(line)
    if output is not None:
        click.echo(f'{output} is written: "supctl check {output}" shows what it says')


def write_new(path: Path, text: str, *, force: bool) -> None:
    """Write a file that is not there yet, or may be replaced.

    Raises:
        ConfigErrors: it is there, or cannot be written.
    """
    from supctl.config import ConfigErrors, Mistake

    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigErrors([_there(path)]) from None
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ConfigErrors([Mistake("", why, "a file to write", file=str(path))]) from None


def make_directory(path: Path) -> None:
    """Make a directory unless it is there.

    Raises:
        ConfigErrors: it cannot be made.
    """
    from supctl.config import ConfigErrors, Mistake

    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise ConfigErrors([Mistake("", why, "a directory", file=str(path))]) from None


def check_new(paths: Iterable[Path], *, force: bool) -> None:
    """Refuse to write files that are there, all of them at once, unless they may be replaced.

    Raises:
        ConfigErrors: some are.
    """
    from supctl.config import ConfigErrors

    there = [] if force else [_there(path) for path in paths if path.exists()]
    if there:
        raise ConfigErrors(there)


def _there(path: Path) -> Mistake:
    from supctl.config import Mistake

    return Mistake("", "is there already", "no such file", "--force replaces it", str(path))


def _facts(loaded: LoadedTree, output: Path | None) -> dict[str, object]:
    return {
        "file": str(loaded.source),
        "format": loaded.format,
        "written": None if output is None else str(output),
        "notes": list(loaded.notes),
        "remarks": [{**asdict(it), "fate": it.fate.value} for it in loaded.remarks],
    }


def _report(loaded: LoadedTree) -> Iterator[str]:
    from .check import summary
    from .columns import Column, table, terminal_width

    yield f"{click.style(str(loaded.source), bold=True)} ({loaded.format})"
    if loaded.remarks:
        columns = [
            Column("KEY", elastic=2),
            Column("HERE", elastic=3),
            Column("IS", paint=_painted),
            Column("WHY", elastic=1),
        ]
        rows = [(it.place, it.became, it.fate.value, it.detail) for it in loaded.remarks]
        yield from table(columns, rows, terminal_width())
    for note in loaded.notes:
        yield f"{click.style('note:', fg='yellow')} {note}"
    yield f"{click.style('ok:', fg='green')} {summary(loaded.root)}{counts(loaded.remarks)}"


def counts(remarks: tuple[Remark, ...]) -> str:
    """Return how many keys had which fate, to end a line; empty if there are none."""
    fates = [it.fate.value for it in remarks]
    told = [f"{fates.count(word)} {word}" for word in _COLOURS if word in fates]
    return f"; keys: {', '.join(told)}" if told else ""


def _painted(cell: str) -> str:
    return click.style(cell, fg=_COLOURS.get(cell.rstrip()))
