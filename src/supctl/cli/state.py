"""``supctl save`` and ``resurrect``."""

from __future__ import annotations

import json

import click

from .lifecycle import as_json_option
from .outcomes import show
from .reach import reached
from .words import counted


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print it as a JSON object.")
def save(as_json: bool) -> None:
    """Save what should run, and say where. It is saved at every change, too: nobody must do this.

    \b
    Example:
      supctl save
    """
    with reached() as client:
        told = client.save()
    if as_json:
        click.echo(json.dumps(told))
        return
    stopped = len(told["stopped"])
    click.echo(f"{told['path']}: {counted(len(told['projects']), 'project')}, {stopped} stopped")


@click.command()
@as_json_option
def resurrect(as_json: bool) -> None:
    """Start what should run and does not: all of it after a crash, else what has failed for good.

    What "supctl stop" has stopped stays so. The daemon is started if none runs, and with it all.

    \b
    Example:
      supctl resurrect
    """
    with reached(start=True) as client:
        outcomes = client.resurrect()
    show(outcomes, as_json=as_json)
    if not outcomes and not as_json:
        click.echo("all that should run does")
