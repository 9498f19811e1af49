"""``supctl status``, ``tree``, ``ping``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import click

from .columns import Column, fitted, table, terminal_width
from .naming import some_names_argument
from .paint import is_painted, painted
from .reach import reached
from .why import refused, why
from .words import counted, seconds, size

_COLOURS: Final = {
    "running": "green", "ready": "green", "starting": "cyan", "stopping": "yellow",
    "paused": "yellow", "detached": "yellow", "backoff": "red", "failed": "red",
}  # fmt: skip
"""By state; what has ended in order is dim."""

_NOTHING: Final = 'nothing is kept alive yet; "supctl start FILE" begins'

Row = dict[str, Any]


def paint_state(cell: str) -> str:
    """Return a state in its colour, where colours may be."""
    colour = _COLOURS.get(cell.strip())
    return painted(cell, colour, dim=colour is None)


@click.command()
@some_names_argument
@click.option("--usage", is_flag=True, help="With --json: tell CPU and memory too (takes 0.1 s).")
@click.option("--json", "as_json", is_flag=True, help="Print rows as JSON.")
def status(names: tuple[str, ...], usage: bool, as_json: bool) -> None:
    """Show everything that the daemon keeps alive, and how it is.

    CPU (100% is one processor, over the last tenth of a second) and memory are those of a program
    with all that it has started. The table fits the terminal; colours are off with NO_COLOR.

    \b
    Examples:
      supctl status
      supctl status shop 'blog/*'
      supctl status --json --usage
    """
    with reached() as client:
        rows = client.status(*names, usage=usage or not as_json)
    if as_json:
        click.echo(json.dumps(rows))
    elif not rows:
        click.echo(_NOTHING)
    else:
        for line in (*_table(rows), *_refusals(rows)):
            click.echo(line)


def _refusals(rows: Sequence[Row]) -> Iterator[str]:
    """Yield a line for each file that is followed and cannot be used as it is now."""
    for row in rows:
        if (known := row.get("refused")) is not None:
            source, mistakes = known["source"], known["mistakes"]
            since = time.strftime("%H:%M", time.localtime(known["since"]))
            mend = f' ("supctl check {source}" tells them)' if len(mistakes) > 1 else ""
            told = f"{refused(source, mistakes)}, since {since}{mend}"
            yield f"{row['address'].strip('/')}: {told}; what runs goes on as it was"


def _table(rows: Sequence[Row]) -> Iterator[str]:
    columns = [
        Column("name", elastic=1),
        Column("state", paint=paint_state),
        Column("pid", right=True),
        Column("uptime", right=True),
        Column("restarts", right=True),
        Column("cpu", right=True),
        Column("memory", right=True),
        Column("why", elastic=2),
    ]
    top = min(row["depth"] for row in rows)
    return table(columns, [_cells(row, row["depth"] - top) for row in rows], terminal_width())


def _cells(row: Row, depth: int) -> list[str]:
    shows_restarts = row["kind"] != "supervisor" or row["restarts"]
    return [
        "  " * depth + _name(row),
        row["state"],
        str(row["pid"] or ""),
        _or_nothing(row["uptime"], seconds),
        str(row["restarts"]) if shows_restarts else "",
        _or_nothing(row["cpu"], lambda cpu: f"{cpu * 100:.0f}%"),
        _or_nothing(row["memory"], size),
        why(row),
    ]


def _or_nothing(value: float | None, words: Callable[[float], str]) -> str:
    return "" if value is None else words(value)


def _name(row: Row) -> str:
    name: str = row["address"].rpartition("/")[2]
    return name


@click.command()
@some_names_argument
def tree(names: tuple[str, ...]) -> None:
    """Draw the tree of supervisors and programs. "supctl status --json" has it as data.

    \b
    Example:
      supctl tree shop
    """
    with reached() as client:
        rows = client.status(*names)
    if not rows:
        click.echo(_NOTHING)
    for line in _picture(rows):
        click.echo(line)


def _picture(rows: Sequence[Row]) -> Iterator[str]:
    """Yield a line for each row; what is not below another row is a root."""
    width = terminal_width()
    roots: list[str] = []
    for place, row in enumerate(rows):
        address = row["address"]
        if not roots or not address.startswith(f"{roots[-1]}/"):
            roots.append(address)
            yield _limb("", address.strip("/"), row, width)
            continue
        depth = address.count("/") - roots[-1].count("/")
        stems = "".join(
            "│  " if _goes_on(rows[place + 1 :], address, above) else "   "
            for above in range(depth - 1, 0, -1)
        )
        branch = "├─ " if _goes_on(rows[place + 1 :], address, 0) else "└─ "
        yield _limb(stems + branch, _name(row), row, width)


def _goes_on(rest: Sequence[Row], address: str, above: int) -> bool:
    """Return whether what is ``above`` so many levels over ``address`` has a sibling behind it."""
    place = "/".join(address.split("/")[: -above - 1])
    branch = "/".join(address.split("/")[:-above]) if above else address
    for row in rest:
        if not row["address"].startswith(f"{place}/"):
            return False
        if not f"{row['address']}/".startswith(f"{branch}/"):
            return True
    return False


def _limb(stem: str, name: str, row: Row, width: int | None) -> str:
    facts = [f"pid {row['pid']}"] if row["pid"] else []
    if row["restarts"]:
        facts.append(counted(row["restarts"], "restart"))
    if because := why(row):
        facts.append(because)
    begin, state, rest = f"{stem}{name} ", row["state"], ", ".join(["", *facts])
    if width is not None:
        rest = fitted(rest, width - len(begin) - len(state))
    stem_shown = painted(stem, None, dim=True) if is_painted() else stem
    return f"{stem_shown}{name} {paint_state(state)}{rest}"


@click.command()
def ping() -> None:
    """Ask the daemon for a sign of life."""
    with reached() as client:
        click.echo(client.ping())
