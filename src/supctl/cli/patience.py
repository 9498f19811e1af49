"""How long a command waits, as people say it."""

from __future__ import annotations

from typing import Final

import click


class Patience(click.ParamType[float]):
    """A number of seconds above 0."""

    name = "seconds"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds; what is none of that is a mistake of the caller's (status 2)."""
        try:
            seconds = float(str(value))
        except ValueError:
            seconds = 0.0
        if not seconds > 0:  # nor is it for NaN
            self.fail(f"{value!s} is no time to wait; wanted seconds, more than 0", param, ctx)
        return seconds


PATIENCE: Final = Patience()
timeout_option: Final = click.option(
    "--timeout", type=PATIENCE, metavar="SECONDS", help="Wait no longer; it goes on nevertheless."
)
no_wait_option: Final = click.option(
    "--no-wait", is_flag=True, help="Return when the daemon has taken it, not when it is done."
)


def check_patience(timeout: float | None, no_wait: bool) -> None:
    """Refuse a time-out of who does not wait."""
    if no_wait and timeout is not None:
        raise click.UsageError("--timeout is for those who wait; leave it or --no-wait out")
