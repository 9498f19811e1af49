"""``supctl call``."""

from __future__ import annotations

import json
from typing import Any

import click

from .naming import name_argument
from .patience import PATIENCE
from .reach import reached


@click.command(context_settings={"ignore_unknown_options": True})  # -1 is an argument
@name_argument
@click.argument("method")
@click.argument("args", nargs=-1)
@click.option(
    "--timeout", type=PATIENCE, default=30.0, show_default=True, metavar="SECONDS",
    help="Wait no longer.",
)  # fmt: skip
def call(name: str, method: str, args: tuple[str, ...], timeout: float) -> None:
    """Call a method of an actor, and print what it returns as JSON.

    Arguments are JSON where they can be read so, else text.

    \b
    Examples:
      supctl call shop/counter add 5
      supctl call mailer send ada@example.org '{"subject": "Hello"}'
    """
    with reached() as client:
        result = client.call(name, method, *map(_value, args), timeout=timeout)
    click.echo(json.dumps(result, ensure_ascii=False))


def _value(word: str) -> Any:
    try:
        return json.loads(word)
    except ValueError:
        return word
