"""``supctl plan``, ``apply``: what runs follows what its file says, and the rest is left alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from supctl.errors import InvalidConfig, ProcessNotFound

from .columns import Column, table, terminal_width
from .differences import differences, number_of_instances
from .lifecycle import as_json_option
from .loading import Loaded, is_file, load_project, profile_option
from .naming import complete_names
from .outcomes import show
from .patience import check_patience, no_wait_option, timeout_option
from .reach import reached
from .words import counted

if TYPE_CHECKING:
    from supctl.control.client import Client

_DIFFERS: Final = 3
"""Exit status of ``plan --exit-code`` if something would be done."""

_COLUMNS: Final = (Column("WILL BE"), Column("NAME"), Column("WHY", elastic=1))

_names_argument = click.argument(
    "names", nargs=-1, metavar="[FILE|PROJECT]...", shell_complete=complete_names
)
_name_option = click.option(
    "--name", "project", help="Name of the project of FILE; by default its directory's."
)


@click.command()
@_names_argument
@_name_option
@profile_option
@click.option("--exit-code", is_flag=True, help="End with status 3 if something would be done.")
@as_json_option
def plan(
    names: tuple[str, ...],
    project: str | None,
    profile: str | None,
    exit_code: bool,
    as_json: bool,
) -> None:
    """Show what "supctl apply" would do, in its order, and why. Nothing is done.

    What is "changed" runs on with the same pid. What does not run although its file says so,
    because it was stopped by hand or has failed, is shown too; "apply" leaves it so.

    \b
    Examples:
      supctl plan                   the supctl.toml of this directory
      supctl plan shop              the file that the project "shop" came from
      supctl plan --exit-code       for scripts: status 0 if nothing would be done, else 3
    """
    with reached() as client:
        loaded = [*_loaded(client, names or (".",), project, profile)]
        plans = {it.name: client.plan(it.name, it.tree) for it in loaded}
    if as_json:
        click.echo(json.dumps([row for rows in plans.values() for row in rows]))
    else:
        for it in loaded:
            _show(it, plans[it.name])
    if exit_code and any(row["will"] for rows in plans.values() for row in rows):
        sys.exit(_DIFFERS)


def _show(loaded: Loaded, rows: Sequence[dict[str, Any]]) -> None:
    """Show a plan: a line for each child that would change, and for each that is not as its file
    says and would stay so."""
    numbers = _numbers(rows)
    shown = [row for row in rows if row["will"] and not _only_counts(row)]
    if not shown:
        click.echo(f"{loaded.name} is what its file says")
    else:
        lines = [line for row in shown for line in _lines(row, numbers, loaded.plugins)]
        for line in table(_COLUMNS, lines, terminal_width()):
            click.echo(line)
        if kept := sum(row not in shown for row in rows[1:]):  # the first is the project itself
            click.echo(f"{counted(kept, 'other')} {'stays' if kept == 1 else 'stay'} as now")
    for row in rows:
        if row["drift"]:
            child = row["address"].strip("/")
            mend = f'"supctl start {child}"'
            click.echo(f"{child} stays {row['drift']}, although its file has it run ({mend})")


def _only_counts(row: dict[str, Any]) -> bool:
    """Return whether nothing is about a child but how many there are of its kind."""
    return bool(row["will"] == "changed" and row["keys"] == ["instances"])


def _numbers(rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return how many instances there are and will be, in words, by the address without number."""
    return {
        row["address"].rpartition(":")[0]: number_of_instances(row["values"]["instances"])
        for row in rows
        if "instances" in row["keys"]
    }


def _lines(
    row: dict[str, Any], numbers: dict[str, str], plugins: dict[str, list[str]]
) -> Iterator[tuple[str, str, str]]:
    """Yield the lines of a child that would change: what differs, one below the other, and if its
    environment does, what plugins do to that."""
    address = row["address"]
    whys = [*differences(row)] or [numbers.get(address.rpartition(":")[0], "")]
    if any(key.startswith("env.") for key in row["keys"]):
        path = address.strip("/").partition("/")[2].partition(":")[0]
        whys += [f"plugin {it}" for it in plugins.get(path, [])]
    yield row["will"], address.strip("/"), whys[0]
    yield from (("", "", why) for why in whys[1:])


@click.command()
@_names_argument
@_name_option
@profile_option
@timeout_option
@no_wait_option
@as_json_option
def apply(
    names: tuple[str, ...],
    project: str | None,
    profile: str | None,
    timeout: float | None,
    no_wait: bool,
    as_json: bool,
) -> None:
    """Read the file of a project again, and change what has changed in it (also: reload).

    What is new is started, what is gone is stopped, and what cannot go on as it now is (its
    command, environment, user...) is restarted. All others run on, also with another restart
    policy, health check, stop, log, number of instances, or other limits. What was stopped by hand
    stays stopped. A file with mistakes changes nothing. The profile stays what it was, unless
    another is asked for (--profile "" for none). "supctl plan" shows all this before. A project
    that is not there is started.

    \b
    Examples:
      supctl apply                  the supctl.toml of this directory
      supctl apply shop             the file that the project "shop" came from
    """
    check_patience(timeout, no_wait)
    with reached() as client:
        outcomes: list[dict[str, Any]] = []
        loaded = [*_loaded(client, names or (".",), project, profile)]  # all, before any is done
        for it in loaded:
            known = any(project["name"] == it.name for project in client.projects())
            become = client.update if known else partial(_add, client)
            changes = become(*it, timeout=timeout, wait=not no_wait)
            if not changes and not as_json:
                click.echo(f"{it.name} is what its file says")
            outcomes += changes
    show(outcomes, as_json=as_json)


def _add(client: Client, *told: Any, **patience: Any) -> list[dict[str, Any]]:
    """Take in a project that is new; return outcomes as of those that are not."""
    added = client.add(*told, **patience)
    whole = {"address": added["address"], "did": added["did"], "status": None, "error": None}
    return [whole, *added["failed"]]


def _loaded(
    client: Client, names: tuple[str, ...], project: str | None, profile: str | None
) -> Iterator[Loaded]:
    """Yield each project that is meant, as its file is now."""
    if project is not None and len(names) > 1:
        raise click.UsageError("--name is for one file")
    projects = {it["name"]: it for it in client.projects()}

    def load(path: Path, known: str) -> Loaded:
        there = projects.get(known, {"profile": "", "watch_config": ""})
        wanted = there["profile"] if profile is None else profile
        follow = there["watch_config"] == "option"
        return load_project(path, wanted, is_known=known in projects, follow=follow)

    for given in names:
        name = given.strip("/")
        if name in projects:
            if not projects[name]["source"]:
                raise InvalidConfig("PROJECT", name, "one that came from a file")
            yield load(Path(projects[name]["source"]), name)._replace(name=name)
        elif is_file(given):
            from supctl.config import find_file

            source = str(find_file(given).absolute())
            known = next((it for it in projects if projects[it]["source"] == source), "")
            found = load(Path(given), known)
            yield found._replace(name=project or known or found.name)
        else:
            raise ProcessNotFound(name, tuple(f"/{it}" for it in projects))
