"""What became of a command, shown: one line for each child, and an exit status."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from .errors import FAILED


def show(outcomes: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    """Show outcomes, and end with status 1 if one of them is a failure."""
    if as_json:
        click.echo(json.dumps(list(outcomes)))
    else:
        for outcome in outcomes:
            name = outcome["address"].strip("/")
            if outcome["error"] is None:
                status = outcome["status"]
                ended = "" if status is None else f" (exit status {status})"
                click.echo(f"{name} {outcome['did']}{ended}")
            else:
                told = outcome["error"]["message"]
                who = "" if name in told else f"{name}: "
                click.echo(f"supctl: {who}{told}", err=True)
    if any(outcome["error"] is not None for outcome in outcomes):
        sys.exit(FAILED)
