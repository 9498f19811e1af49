"""``supctl status``, ``describe``, ``events``, ``ping``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import click

from .reach import reached
from .words import seconds


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--json", "as_json", is_flag=True, help="Print rows as JSON.")
def status(names: tuple[str, ...], as_json: bool) -> None:
    """Show everything that the daemon keeps alive, and how it is.

    \b
    Examples:
      supctl status
      supctl status shop 'blog/*'
    """
    with reached() as client:
        rows = client.status(*names)
    if as_json:
        click.echo(json.dumps(rows))
    elif not rows:
        click.echo('nothing is kept alive yet; "supctl start FILE" begins')
    else:
        for line in _table(rows):
            click.echo(line)


def _table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of a table, as wide as its words."""
    cells = [("name", "state", "pid", "uptime", "restarts", "why")]
    cells += [
        (
            "  " * row["depth"] + row["address"].rpartition("/")[2],
            row["state"],
            str(row["pid"] or "-"),
            "-" if row["uptime"] is None else seconds(row["uptime"]),
            str(row["restarts"]) if row["kind"] != "supervisor" or row["restarts"] else "-",
            _why(row),
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    for line in cells:
        fixed = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=False))
        yield f"{fixed}  {line[5]}".rstrip()


def _why(row: dict[str, Any]) -> str:
    """Return, for whatever is not well, why; of the rest what it says of itself, if anything."""
    if row["state"] == "starting":
        return row["probed"] or ""
    if row["state"] in ("running", "ready"):
        is_ill = row["health"] in ("unhealthy", "unresponsive")
        return f"{row['health']}: {row['probed']}" if is_ill else row["status_text"] or ""
    told = []
    if row["due_in"] is not None:
        told.append(f"starts in {seconds(row['due_in'])}")
    if row["reason"] is not None:
        told.append(row["reason"])
    return ", ".join(told)


@click.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def describe(name: str, as_json: bool) -> None:
    """Show all that is known of one child."""
    with reached() as client:
        told = client.describe(name)
    if as_json:
        click.echo(json.dumps(told))
        return
    events, spec = told.pop("events"), told.pop("spec")
    for key, value in {**told, **spec}.items():
        if value is not None:
            click.echo(f"{key:<9} {value}")
    click.echo("latest events")
    for event in events:
        click.echo(f"  {event['event']}")


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens.")
def events(names: tuple[str, ...], follow: bool) -> None:
    """Print the latest events as JSON lines, the oldest first."""
    with reached() as client:
        for event in client.events(*names, follow=follow):
            click.echo(json.dumps(event))


@click.command()
def ping() -> None:
    """Ask the daemon for a sign of life."""
    with reached() as client:
        click.echo(client.ping())
