"""``supctl why``: the story of one child, or of everything."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from supctl.errors import NoDaemon

from .naming import NAMES, some_names_argument
from .paint import painted
from .reach import reached
from .why import end
from .why import why as why_unwell
from .words import counted, seconds

if TYPE_CHECKING:
    from .story import Line

Facts = dict[str, Any]

_LATEST: Final = 12
"""Lines of one story that are shown, and events of all, where no time is given."""
_LATEST_OF_ALL: Final = 100
_MOST: Final = 10_000
_SAID: Final = 5
"""Last lines of output that are shown; there are ten in JSON."""
_DAY: Final = 20 * 3600.0


@click.command(epilog=NAMES)
@some_names_argument
@click.option("--all", "everything", is_flag=True, help="Tell of everything, in order of time.")
@click.option("--since", metavar="TIME", help="Of that time, and all of it: 90s, 10m, 1h, 7d.")
@click.option("--json", "as_json", is_flag=True, help="Print stories as JSON.")
def why(names: tuple[str, ...], everything: bool, since: str | None, as_json: bool) -> None:
    """Tell why something is as it is: who started, stopped or changed it, how it ended and what it
    wrote last, what that led to, and what comes next.

    The story is kept in a journal, over the end of the daemon and of what it is about. It is told
    whether a daemon runs or not. The latest events are told; --since tells more.

    \b
    Examples:
      supctl why api:2
      supctl why --all --since 1h
    """
    if bool(names) is everything:
        mend = "leave out one of them" if everything else "name something, or say --all"
        raise click.UsageError(f"wanted names or --all: {mend}")
    period = None if since is None else _period(since)
    most = _LATEST_OF_ALL if period is None else _MOST
    try:
        with reached() as client:
            stories = client.why(*names, since=period, most=most)
        runs = True
    except NoDaemon as error:
        stories, runs = _from_files(error, names, period, most), False
    if as_json:
        click.echo(json.dumps(stories))
        return
    for place, story in enumerate(stories):
        if place:
            click.echo()
        _show(story, runs=runs, is_short=since is None and not everything)


def _period(text: str) -> float:
    from supctl.config.units import parse_duration

    return parse_duration("--since", text)


def _from_files(
    error: NoDaemon, names: Sequence[str], since: float | None, most: int
) -> list[Facts]:
    """Return what the journal on the disk tells, as the daemon would.

    Raises:
        NoDaemon: there is no journal.
        ProcessNotFound, Ambiguous: as the daemon does.
    """
    from dataclasses import asdict

    from supctl.control.home import Home
    from supctl.daemon.naming import Gone, resolve
    from supctl.journal.reading import read_addresses, read_story

    directory = Home.of().journal
    try:
        known = read_addresses(directory)
    except OSError:
        known = []
    if not known:
        raise error
    since_wall = 0.0 if since is None else time.time() - since
    meant = [[it] for it in resolve(names, [Gone(it) for it in known])] if names else [[]]
    return [
        {"address": "".join(it) or "/", "row": None, "above": None, "unwell": []}
        | asdict(read_story(directory, it, since_wall=since_wall, most=most))
        for it in meant
    ]


def _show(story: Facts, *, runs: bool, is_short: bool) -> None:
    from supctl.events import event_of

    from .story import Teller, folded

    address = story["address"]
    click.echo(_headline(story, runs=runs))
    lines = Teller([event_of(it) for it in story["events"]]).lines(address)
    shown = list(folded(lines)) if address != "/" else [(line, 0, 0.0) for line in lines]
    latest = shown[-_LATEST:] if is_short else shown
    if len(latest) < len(shown) or story["is_cut"]:
        click.echo(painted("  (there is more before that: --since 7d)", None, dim=True))
    for line, times, since_wall in latest:
        if times:
            often = "once" if times == 1 else f"{times} times"
            before = f"what follows has happened {often} before, since {_clock(since_wall)}"
            click.echo(painted(f"  ({before})", None, dim=True))
        _show_line(line, whose=address == "/")
    if not lines:
        click.echo("  nothing is known of the time asked for")
    if story["damaged"]:
        click.echo(f"  {counted(story['damaged'], 'record')} of the journal cannot be read")
    for row in story["unwell"]:
        name = row["address"].strip("/")
        state = "" if row["state"] == "backoff" else row["state"]  # that is in the why
        facts = ", ".join(filter(None, [name, state, why_unwell(row)]))
        click.echo(f"  not well: {facts} (supctl why {name})")


def _show_line(line: Line, *, whose: bool) -> None:
    address = line.event.address.strip("/")
    who = f"{address}: " if whose and address else ""
    click.echo(f"  {_when(line.at_wall)}  {who}{_printable(line.text)}")
    for said in line.said[-_SAID:]:
        click.echo(f"  {'':{len(_clock(line.at_wall))}}    | {_printable(said)}")


def _when(at_wall: float) -> str:
    return painted(_clock(at_wall), None, dim=True)


def _clock(at_wall: float) -> str:
    """Return a time of the day, with the date if that was not just now."""
    is_today = time.time() - at_wall < _DAY
    return time.strftime("%H:%M:%S" if is_today else "%b %d %H:%M:%S", time.localtime(at_wall))


def _printable(text: str) -> str:
    """Return what a terminal cannot take for orders."""
    return "".join(it if it.isprintable() else " " if it == "\t" else "�" for it in text)


def _headline(story: Facts, *, runs: bool) -> str:
    address, row = story["address"], story["row"]
    if address == "/":
        return "everything" if runs else "everything; the daemon does not run"
    name = painted(address, "white")
    if not runs:
        return f"{name}: the daemon does not run; this is what its journal tells."
    if row is None and (above := story["above"]) is not None:
        return f"{name} is not there: {above['address'].strip('/')} {_state(above)}."
    if row is None:
        return f"{name} is not there any more."
    return f"{name} {_state(row)}."


def _is_by_request(facts: Facts) -> bool:
    return facts["kind"] == "shutdown" and not facts["detail"]


def _state(row: Facts) -> str:
    """Return how something is, as the rest of a sentence."""
    state, ended = row["state"], "" if row["end"] is None else f": {end(row['end'])}"
    match state:
        case "running" | "ready":
            facts = [f"runs, {seconds(row['uptime'])}" if row["uptime"] is not None else "runs"]
            facts += [f"pid {row['pid']}"] if row["pid"] else []
            facts += [counted(row["restarts"], "restart")] if row["restarts"] else []
            return ", ".join(filter(None, [*facts, why_unwell(row)]))
        case "backoff":
            due = "" if row["due_in"] is None else f"; next attempt in {seconds(row['due_in'])}"
            if row["end"] is not None and _is_by_request(row["end"]):
                ended = " with its group"
            return f"is in back-off{ended}{due}"
        case "failed":
            return f"has failed for good{ended}"
        case "exited":
            return f"has ended{ended}"
        case "waiting":
            return "waits for what it depends on"
        case "starting":
            return ", ".join(filter(None, ["is starting", why_unwell(row)]))
    return f"is {state}"
