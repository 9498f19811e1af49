"""``supctl logs``: what programs have written, and what they write."""

from __future__ import annotations

import heapq
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any, Final

import click

from supctl.control.home import Home
from supctl.errors import StorageFailed
from supctl.logs.reading.entry import Entry
from supctl.logs.reading.follower import Follower
from supctl.logs.reading.place import BOTH
from supctl.logs.reading.trail import Trail
from supctl.logs.reading.window import Window

from .entries import Prefixed, Show, as_json_line, as_stored, show_on, text_only, write
from .logfiles import VERBS
from .moments import MOMENT
from .naming import some_names_argument
from .outputs import Chosen, all_outputs, chosen_by, noted_outputs
from .reach import reached

_STREAMS: Final = {"out": ("stdout",), "err": ("stderr",), "both": BOTH}
_LINES: Final = 100
_AT_ONCE: Final = 1024
"""Entries of a long history that are shown together."""

_INTERRUPTED: Final = 130
"""Exit status of a program that Ctrl-C has ended, as shells say it."""

_ELSEWHERE: Final = {
    "nowhere": 'is stored nowhere (mode = "none")',
    "syslog": "goes to the system's logger; journalctl or its files show it",
    "journald": "goes to systemd's journal; journalctl shows it",
    "stdout": "goes to the daemon's own standard output; see supctl daemon logs",
    "stderr": "goes to the daemon's own standard error; see supctl daemon logs",
}


class _Logs(click.Command):
    """Shows logs; with ``flush`` or ``rotate`` as its first word it is another command."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Return the context of the command that is meant."""
        if args and (verb := VERBS.get(args[0])) is not None:
            return verb.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


def _pattern(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> re.Pattern[str] | None:
    try:
        return None if text is None else re.compile(text)
    except re.error as error:
        raise click.BadParameter(f"{text!r} is no regular expression: {error}") from None


@click.command(cls=_Logs)
@some_names_argument
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written, until Ctrl-C.")
@click.option(
    "-n", "--lines", "count", type=click.IntRange(min=0),
    help=f"How many of the last lines, of each file.  [default: {_LINES}, or all since --since]",
)  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="All lines that are kept.")
@click.option("--since", type=MOMENT, metavar="TIME", help="Only lines of that time or later.")
@click.option("--until", type=MOMENT, metavar="TIME", help="Only lines of that time or earlier.")
@click.option(
    "--stream", type=click.Choice(list(_STREAMS)), default="both",
    help="Standard output or standard error only.",
)  # fmt: skip
@click.option(
    "--grep", "pattern", metavar="RE", callback=_pattern,
    help="Only lines where that regular expression is found.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print each line as a JSON object.")
@click.option("--raw", is_flag=True, help="Print the bytes of the files as they are.")
@click.option("--no-prefix", "bare", is_flag=True, help="Print neither names nor times.")
def logs(
    names: tuple[str, ...],
    follow: bool,
    count: int | None,
    everything: bool,
    since: float | None,
    until: float | None,
    stream: str,
    pattern: re.Pattern[str] | None,
    as_json: bool,
    raw: bool,
    bare: bool,
) -> None:
    """Show what programs have written, and with -f what they write; of all if none is named.

    It is read from files, rotated and compressed ones too, and needs no daemon. Lines of several
    programs come behind their names, by time where that is known; "!" marks standard error.

    TIME is a duration before now (10m, 1h30m, 2d), a time of today (14:30), or a date with or
    without a time (2026-11-21T14:30; local unless it says otherwise, as with Z).

    \b
    Examples:
      supctl logs api -n 1000 --grep 'ERROR|WARN'
      supctl logs 'shop/*' -f --stream err
      supctl logs --since 10m --json
      supctl logs flush api           empties its logs
      supctl logs rotate              begins new files for all
      supctl logs -- flush            shows the logs of an app that is called flush
    """
    if as_json + raw + bare > 1:
        raise click.UsageError("--json, --raw and --no-prefix exclude each other; say one of them")
    if everything and count is not None:
        raise click.UsageError("--all is all lines and -n some; leave one of them out")
    if follow and until is not None:
        raise click.UsageError("--until would end what -f follows; leave one of them out")
    if since is not None and until is not None and until < since:
        raise click.UsageError("--until is before --since, so that nothing is between them")
    if count is None and not everything and since is None:
        count = _LINES
    window = Window(since, until, _STREAMS[stream], pattern)
    show = as_json_line if as_json else as_stored if raw else text_only if bare else None
    try:
        _Reading(names, window, show).show(count, follow=follow)
    except OSError as error:
        if error.filename is None:  # it is not the log that fails
            raise
        raise StorageFailed(str(error.filename), error.errno or 0, "a log to read") from None
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


class _Reading:
    """Shows the logs that are meant.

    Args:
        names: of what is meant; none: all.
        window: which entries are wanted.
        show: how they are shown; ``None``: behind names.
    """

    def __init__(self, names: Sequence[str], window: Window, show: Show | None) -> None:
        self._names, self._window = names, window
        self._began_at = time.time()
        chosen = Chosen.of(names, all_outputs())
        places = chosen.places(window)
        self._trails = [Trail(place, its) for place, its in places]
        self._show = show or Prefixed(it.address for it in chosen.outputs)
        self._unkept = chosen.elsewhere
        if names or not places:
            for to, addresses in self._unkept.items():
                whose = ", ".join(it.strip("/") for it in addresses)
                click.echo(f"supctl: the output of {whose} {_ELSEWHERE[to]}", err=True)

    def show(self, count: int | None, *, follow: bool) -> None:
        _allow_descriptors(len(self._trails))
        histories = [trail.history(count, goes_on=follow) for trail in self._trails]
        for entries in _in_parts(heapq.merge(*histories, key=attrgetter("order"))):
            write(entries, self._show)
        if follow and (self._trails or not self._unkept):
            self._follow()
        elif follow:
            self._listen()

    def _follow(self) -> None:
        table = str(Home.of().outputs)
        with Follower(self._trails, [table]) as follower:
            while show_on(follower, self._show):
                if follower.has_news:  # at first, too: it may have changed since we asked
                    follower.has_news = False
                    self._add_new(follower)

    def _listen(self) -> None:
        """Show what comes, as the daemon tells it: no file holds it."""
        with reached() as client:
            for it in client.lines(*self._names, streams=self._window.streams):
                if it["event"] == "line":
                    now, text = time.time(), it["line"].encode()
                    entry = Entry(now, now, it["address"], it["stream"], text, text + b"\n")
                    write(filter(self._window.wants, [entry]), self._show)
                elif it["event"] == "lines_missed":
                    click.echo(f"... {it['count']} lines missed: they came too fast", err=True)

    def _add_new(self, follower: Follower) -> None:
        """Follow those, too, that have come since; of what their files hold, what is new."""
        window = replace(self._window, since=self._began_at)
        for place, its in chosen_by(self._names, noted_outputs()).places(window):
            if place.path not in follower:
                trail = Trail(place, its)
                write(trail.history(None, goes_on=True), self._show)
                follower.add(trail)


def _allow_descriptors(files: int) -> None:
    """Let this process hold so many files open, if it may."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2 * files + 64:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _in_parts(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    part: list[Entry] = []
    for entry in entries:
        part.append(entry)
        if len(part) == _AT_ONCE:
            yield part
            part = []
    yield part
