"""``supctl scale``: another number of instances."""

from __future__ import annotations

from typing import Any, Final

import click

from .lifecycle import as_json_option
from .naming import complete_names
from .outcomes import show
from .patience import check_patience, no_wait_option, timeout_option
from .reach import reached

_MOST: Final = 10_000
"""Instances, as in files."""


class _Number(click.ParamType[tuple[int, bool]]):
    """``3``, ``+1`` or ``-1``: a number, and whether it is relative to what there is."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, bool]:
        """Return both."""
        try:
            number = int(value)
        except ValueError:
            self.fail(f"{value} is no number of instances; wanted one like 3, +1 or -1", param, ctx)
        if abs(number) > _MOST:
            self.fail(f"{value} is too many; wanted {_MOST} instances at the most", param, ctx)
        return number, value[0] in "+-"


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name", shell_complete=complete_names)
@click.argument("number", type=_Number(), metavar="N|+N|-N")
@timeout_option
@no_wait_option
@as_json_option
def scale(
    name: str,
    number: tuple[int, bool],
    timeout: float | None,
    no_wait: bool,
    as_json: bool,
) -> None:
    """Have so many instances of a program, or so many more or less.

    Those that run already run on; only between one and several is one restarted, as it is called
    api:1 then, and not api. "supctl apply" goes back to the number in the file.

    \b
    Examples:
      supctl scale shop/web/api 4
      supctl scale api +1
    """
    check_patience(timeout, no_wait)
    instances, relative = number
    with reached() as client:
        outcomes = client.scale(
            name, instances, relative=relative, timeout=timeout, wait=not no_wait
        )
    shown = [it for it in outcomes if it["did"] != "changed"]
    if not shown and not as_json:
        click.echo("there are so many already")
    show(outcomes if as_json else shown, as_json=as_json)
