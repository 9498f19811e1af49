"""``supctl health``: what programs are asked, and what they answer."""

from __future__ import annotations

import json
import sys
from typing import Any, Final

import click

from .columns import Column, table, terminal_width
from .errors import FAILED
from .naming import some_names_argument
from .paint import painted
from .reach import reached
from .status import paint_state
from .words import seconds

_COLOURS: Final = {"healthy": "green", "unhealthy": "red", "unresponsive": "red"}
_ILL: Final = frozenset({"unhealthy", "unresponsive", "backoff", "failed"})

Row = dict[str, Any]


@click.command()
@some_names_argument
@click.option("--json", "as_json", is_flag=True, help="Print rows as JSON.")
def health(names: tuple[str, ...], as_json: bool) -> None:
    """Show how programs are: what they are asked, how often, and what they have answered.

    Exit status is 1 if one is unhealthy or unresponsive, has failed, or waits for its restart;
    what has not been asked yet, and what was stopped, is not held to be ill.

    \b
    Examples:
      supctl health
      supctl health shop || supctl logs shop
    """
    with reached() as client:
        rows = client.health(*names)
    if as_json:
        click.echo(json.dumps(rows))
    elif not rows:
        click.echo("there are no programs")
    else:
        for line in table(_COLUMNS, [_cells(row) for row in rows], terminal_width()):
            click.echo(line)
    if any({row["is"], row["state"]} & _ILL for row in rows):
        sys.exit(FAILED)


def _paint_health(cell: str) -> str:
    word = cell.strip()
    return painted(cell, _COLOURS.get(word), dim=word not in _COLOURS)


_COLUMNS: Final = (
    Column("name", elastic=1),
    Column("state", paint=paint_state),
    Column("ready"),
    Column("health", paint=_paint_health),
    Column("failures", right=True),
    Column("every", right=True),
    Column("asked", elastic=3),
    Column("ago", right=True),
    Column("answer", elastic=2),
)


def _cells(row: Row) -> list[str]:
    asked = row["health"] or row["ready"]
    interval = None if row["health"] is None else row["health"]["interval"]
    return [
        row["address"].strip("/"),
        row["state"],
        "" if row["ready"] is None else ("yes" if row["is_ready"] else "no"),
        row["is"] or "",
        str(row["failures"]) if row["health"] else "",
        "" if interval is None else seconds(interval),
        "nothing" if asked is None else f"{asked['kind']}: {asked['what']}",
        "" if row["age"] is None else seconds(row["age"]),
        row["said"] or "",
    ]
