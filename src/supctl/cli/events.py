"""``supctl events``: what has happened, and happens."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import click

from .naming import some_names_argument
from .paint import painted
from .reach import reached

_INTERRUPTED = 130


@click.command()
@some_names_argument
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens, until Ctrl-C.")
@click.option("--since", type=int, metavar="SEQ", help="Only what came after that event.")
@click.option("--json", "as_json", is_flag=True, help="Print each event as a JSON object.")
def events(names: tuple[str, ...], follow: bool, since: int | None, as_json: bool) -> None:
    """Tell what has happened lately, the oldest first: to all, or to what is named.

    Each event has a number, "seq" in JSON. Where some are missing, an "events_missed" says so.

    \b
    Examples:
      supctl events shop -f
      supctl events --json -f --since 4711     go on where you left off
    """
    try:
        with reached() as client:
            for event in client.events(*names, follow=follow, since=since):
                click.echo(json.dumps(event) if as_json else _line(event))
                if follow:
                    sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _line(told: dict[str, Any]) -> str:
    from supctl.events import event_of

    from .narrate import sentence

    at = time.strftime("%b %d %H:%M:%S", time.localtime(told["at_wall"]))
    return f"{painted(at, None, dim=True)}  {sentence(event_of(told))}"
