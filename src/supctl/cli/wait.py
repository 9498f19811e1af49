"""``supctl wait``."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from .errors import FAILED
from .naming import names_argument
from .patience import PATIENCE
from .reach import reached
from .words import seconds


@click.command()
@names_argument
@click.option(
    "--for", "wanted", type=click.Choice(["ready", "running", "stopped", "exit"]),
    default="ready", show_default=True, help="What to wait for.",
)  # fmt: skip
@click.option("--timeout", type=PATIENCE, metavar="SECONDS", help="Wait no longer.")
@click.option("--json", "as_json", is_flag=True, help="Print what came of it as JSON.")
def wait(names: tuple[str, ...], wanted: str, timeout: float | None, as_json: bool) -> None:
    """Wait until programs, and all below supervisors, are ready, run, or have stopped for good.

    For "exit" it waits for the end of one program's present life, and ends as that did. Exit status
    is 0 when it holds, 1 if it does not within the time.

    \b
    Examples:
      supctl wait shop --timeout 30
      supctl wait migrate --for exit && supctl start web
    """
    with reached() as client:
        answer = client.wait(*names, wanted=wanted, timeout=timeout)
    if as_json:
        click.echo(json.dumps(answer))
    elif not answer["held"]:
        _explain(answer, wanted, timeout)
    if not answer["held"]:
        sys.exit(FAILED)
    sys.exit(answer["status"] or 0)


def _explain(answer: dict[str, Any], wanted: str, timeout: float | None) -> None:
    what = "has not ended" if wanted == "exit" else f"is not {wanted}"
    after = "" if timeout is None else f" after {seconds(timeout)}"
    for address, state in answer["missing"].items():
        click.echo(f"supctl: {address.strip('/')} {what}{after}: {state}", err=True)
