"""What became of a command, shown: one line for each child, and an exit status."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, Final

import click

from supctl.errors import StartFailed

from .errors import FAILED

_LAST_WORDS: Final = 5
"""Lines of output of what has not come up."""


def show(outcomes: Sequence[dict[str, Any]], *, as_json: bool, last_words: bool = False) -> None:
    """Show outcomes, and end with status 1 if one of them is a failure.

    Args:
        last_words: also show what was written last by those that have not come up.
    """
    if as_json:
        click.echo(json.dumps(list(outcomes)))
    else:
        for outcome in outcomes:
            name = outcome["address"].strip("/")
            if outcome["error"] is None:
                status = outcome["status"]
                ended = "" if status is None else f" (exit status {status})"
                keys = outcome.get("because") or outcome.get("keys") or ()
                why = f" ({', '.join(keys)})" if keys else ""
                click.echo(f"{name} {outcome['did']}{why}{ended}")
            else:
                told = outcome["error"]["message"]
                who = "" if name in told else f"{name}: "
                click.echo(f"supctl: {who}{told}", err=True)
                if last_words and outcome["error"]["code"] == StartFailed.code:
                    _show_last_words(outcome["address"])
    if any(outcome["error"] is not None for outcome in outcomes):
        sys.exit(FAILED)


def _show_last_words(address: str) -> None:
    """Show the last lines that a program has written, indented below why it has failed."""
    from supctl.logs.display import harmless
    from supctl.logs.reading.trail import Trail
    from supctl.logs.reading.window import Window

    from .outputs import all_outputs, chosen_by

    for place, window in chosen_by([address], all_outputs()).places(Window()):
        trail = Trail(place, window)
        for entry in trail.history(_LAST_WORDS):
            click.echo(f"    {harmless(entry.text)}", err=True)
        trail.close()
