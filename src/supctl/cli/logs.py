"""``supctl logs``: what programs have written, and what they write."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import click

from supctl.control.client import Client
from supctl.logs.last import last_lines

from .naming import some_names_argument
from .paint import is_painted
from .reach import reached

_STREAMS: Final = ("stdout", "stderr")
_BARS: Final = {"stdout": "|", "stderr": "!"}
_INTERRUPTED: Final = 130
"""Exit status of a program that Ctrl-C has ended, as shells say it."""

Item = dict[str, Any]


@click.command()
@some_names_argument
@click.option(
    "-n", "--lines", "count", type=click.IntRange(min=0), default=20, show_default=True,
    help="How many of the last lines, of each output.",
)  # fmt: skip
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written, until Ctrl-C.")
@click.option("--stdout", "only", flag_value="stdout", help="Standard output only.")
@click.option("--stderr", "only", flag_value="stderr", help="Standard error only.")
@click.option("--json", "as_json", is_flag=True, help="Print each line as a JSON object.")
def logs(names: tuple[str, ...], count: int, follow: bool, only: str | None, as_json: bool) -> None:
    """Show the last lines that programs have written, of all if none is named.

    Lines of several programs come behind their names; "!" marks standard error there. While
    following, a line that says how many were missed stands for those that came too fast.

    \b
    Examples:
      supctl logs api -n 100
      supctl logs 'shop/*' -f --stderr
    """
    streams = (only,) if only else _STREAMS
    with reached() as client:
        rows = [row for row in client.status(*names) if row["kind"] != "supervisor"]
        addresses = [row["address"] for row in rows]
        show = _as_json if as_json else _Lines(addresses)
        coming = _following(client, names, streams) if follow else None
        for item in _last(client.outputs(*names), streams, count):
            show(item)
        if coming is not None:
            _follow(coming, show)


def _following(client: Client, names: Sequence[str], streams: Sequence[str]) -> Iterator[Item]:
    """Return lines that come from now on; what is read from a file after this misses none."""
    items = client.lines(*names, streams=streams)
    next(items)
    return items


def _last(outputs: Sequence[Item], streams: Sequence[str], count: int) -> Iterator[Item]:
    """Yield the last lines of every output, from the files that they are kept in; what several
    share comes once."""
    shown = {""}
    for output in outputs:
        if output["stream"] not in streams or output["path"] in shown:
            continue
        shown.add(output["path"])
        for line in last_lines(Path(output["path"]), count):
            text = line.decode("utf-8", "backslashreplace")
            told = {"address": output["address"], "stream": output["stream"], "line": text}
            yield {"event": "line", **told}


def _follow(items: Iterator[Item], show: Any) -> None:
    try:
        for item in items:
            show(item)
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _as_json(item: Item) -> None:
    click.echo(json.dumps(item))


class _Lines:
    """Prints lines, each behind a name if there are several names.

    Args:
        addresses: whose lines there will be.
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        names = [address.strip("/") for address in addresses]
        self._width = max(map(len, names), default=0) if len(names) > 1 else 0
        self._names = names

    def __call__(self, item: Item) -> None:
        if item["event"] == "lines_missed":
            click.echo(f"... {item['count']} lines missed: they came too fast", err=True)
            return
        click.echo(self._prefix(item) + _shown(item["line"]))

    def _prefix(self, item: Item) -> str:
        from supctl.logs.display import COLOURS

        if not self._width:
            return ""
        name = item["address"].strip("/")
        place = self._names.index(name) if name in self._names else 0  # added meanwhile
        told = f"{name:<{self._width}} {_BARS[item['stream']]} "
        return f"\x1b[{COLOURS[place % len(COLOURS)]}m{told}\x1b[0m" if is_painted() else told


def _shown(line: str) -> str:
    """Return a line as it is; on a terminal, without what would wreck that."""
    from supctl.logs.display import harmless

    return harmless(line.encode()) if sys.stdout.isatty() else line
