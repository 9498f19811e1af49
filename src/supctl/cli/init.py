"""``supctl init``: write a first file."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from supctl.errors import InvalidConfig

from .importing import write_new

if TYPE_CHECKING:
    from supctl.config.entry import Entry


@click.command()
@click.option("--name", help="Name of the app; by default that of the directory.")
@click.option("--entry", metavar="FILE", help="Script to run; by default what the project says.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port, as PORT in its environment.")
@click.option("--memory", metavar="SIZE", help="Memory it may use, such as 256M.")
@click.option("--cpu", metavar="SHARE", help="Processor time it may use: 50% or 1.5 (processors).")
@click.option("--instances", type=click.IntRange(1, 10_000), help="How many run.")
@click.option("--pm2", "--ecosystem", "as_pm2", is_flag=True, help="Write ecosystem.config.js.")
@click.option(
    "--from",
    "other",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write what the file of another tool says.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def init(as_pm2: bool, other: Path | None, force: bool, **wishes: Any) -> None:
    """Find out how the program of this directory is started, and write supctl.toml.

    If another tool has a file here, such as ecosystem.config.js or a Procfile, that is what is
    written. Else what is looked at: package.json, pyproject.toml, manage.py, main.py, app.py,
    src/index.ts and their like, go.mod, Cargo.toml, Dockerfile.

    \b
    Examples:
      supctl init
      supctl init --from process-compose.yaml
      supctl init --entry worker.py --memory 256M --instances 2
    """
    given = [f"--{key}" for key, value in wishes.items() if value is not None]
    if as_pm2:
        given.append("--pm2")
    if other is not None and given:
        raise InvalidConfig("--from", str(other), f"no {given[0]} beside it", "its file says all")
    path = Path("ecosystem.config.js" if as_pm2 else "supctl.toml")
    if other is None and not given:
        other = _file_of_another_tool()
    if other is not None:
        _import(other, path, force=force)
    else:
        _write(path, force=force, **wishes)


def _file_of_another_tool() -> Path | None:
    """Return the file that "supctl start" would take here if there was no file of ours.

    Not a package.json: that says how one program is started, which is what we look for.
    """
    from supctl.config.discovery import NATIVE_NAMES, files_of

    theirs = (it for it in files_of(Path()) if it.name not in (*NATIVE_NAMES, "package.json"))
    return next(theirs, None)


def _import(other: Path, path: Path, *, force: bool) -> None:
    from supctl.config import load
    from supctl.config.translation import as_toml

    loaded = load(other, to_run_here=False)
    write_new(path, as_toml(loaded, Path.cwd()), force=force)
    kind = "" if other.name == loaded.format else f" ({loaded.format})"
    click.echo(f"{path}: what {other}{kind} says")
    for line in loaded.advice:
        click.echo(f"  {line}")
    _tell_how_to_go_on(path)


def _write(path: Path, *, name: str | None, entry: str | None, force: bool, **options: Any) -> None:
    from supctl.config.first_file import Wishes, first_ecosystem, first_toml
    from supctl.specs.names import as_name, check_name

    name = check_name(name) if name is not None else as_name(Path.cwd().name) or "app"
    wishes, entries = Wishes(**options), _entries(entry)
    if path.suffix == ".js":
        if not entries:
            wanted = "a directory with package.json, pyproject.toml, main.py, go.mod, ... in it"
            mend = "or name the script: --entry FILE"
            raise InvalidConfig("the directory", str(Path.cwd()), wanted, mend)
        write_new(path, first_ecosystem(name, entries[0], wishes), force=force)
    else:
        write_new(path, first_toml(name, next(iter(entries), None), wishes), force=force)
    if not entries:
        click.echo(f"{path}: an example in comments, as nothing here tells which program to run")
        click.echo(
            'write into it what is to run, or start a script: "supctl init --force --entry FILE"'
        )
        return
    click.echo(f"{path}: {shlex.join(entries[0].command)}, which {entries[0].because}")
    for it in entries[1:]:
        click.echo(f"  not taken: {shlex.join(it.command)}, which {it.because}")
    _tell_how_to_go_on(path)


def _entries(script: str | None) -> list[Entry]:
    from supctl.config.entry import Entry, command_of, find_entries

    if script is None:
        return find_entries(Path.cwd())
    if not Path(script).is_file():
        raise InvalidConfig("--entry", script, "a file of this directory")
    return [Entry(command_of(script, Path.cwd()), f"runs {script}")]


def _tell_how_to_go_on(path: Path) -> None:
    """Say what has to be done before a file can be used, or that it can be."""
    from supctl.config import ConfigErrors, load

    try:
        load(path)
    except ConfigErrors as error:
        click.echo("before it can be started:")
        for line in str(error).splitlines():
            click.echo(f"  {line}")
    else:
        click.echo('"supctl start" starts it')
