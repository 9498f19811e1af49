"""``supctl run``: supervise one command."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

_RESTARTS = {"always": "permanent", "on-failure": "transient", "never": "temporary"}


@click.command(context_settings={"ignore_unknown_options": False})
@click.option("--name", help="Name of the program; by default the file name of COMMAND.")
@click.option(
    "--restart",
    type=click.Choice(list(_RESTARTS)),
    default="always",
    show_default=True,
    help="When to start it again after it has ended.",
)
@click.option(
    "--max-restarts",
    type=click.IntRange(min=0),
    help="Give up after so many restarts without a minute of stable running.",
)
@click.option("--memory", metavar="SIZE", help="Memory it may use, such as 256M.")
@click.option("--cpu", metavar="SHARE", help="Processor time it may use: 50% or 1.5 (processors).")
@click.option("--env", metavar="K=V", multiple=True, help="Variable to add or change; repeatable.")
@click.option("--cwd", metavar="DIR", help="Directory to run it in.")
@click.option("--log-dir", type=click.Path(path_type=Path), help="Directory for its output.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True)
def run(command: tuple[str, ...], log_dir: Path | None, **options: Any) -> None:
    """Keep one COMMAND alive.

    Write -- before it if it has options: supctl run -- python3 -m http.server 8081

    Exit status: that of COMMAND when it is not started again, 0 after Ctrl-C or SIGTERM, 2 if
    COMMAND or an option cannot work.
    """
    from supctl.config import preflight
    from supctl.specs import Supervisor

    app = _app(command, **options)
    root = Supervisor(app.name, [app], max_restarts=None)
    preflight(app)
    from .foreground import run_tree

    failed = run_tree(root, log_dir)
    for reason in failed.values():
        sys.exit(1 if reason.status is None else reason.status.shell_code)


def _app(
    command: tuple[str, ...],
    *,
    name: str | None,
    restart: str,
    max_restarts: int | None,
    memory: str | None,
    cpu: str | None,
    env: tuple[str, ...],
    cwd: str | None,
) -> Any:
    from supctl.config.units import parse_cpu
    from supctl.config.values import parse_memory
    from supctl.specs import App, Limits
    from supctl.specs.names import as_name

    return App(
        name or as_name(Path(command[0]).name) or "app",
        command,
        cwd=cwd,
        env={**os.environ, **variables(env)},
        restart=_RESTARTS[restart],
        give_up_after=max_restarts,
        limits=Limits(
            memory=None if memory is None else parse_memory("--memory", memory),
            cpu=None if cpu is None else parse_cpu("--cpu", cpu),
        ),
    )


def variables(pairs: tuple[str, ...]) -> dict[str, str]:
    """Return what ``--env NAME=VALUE`` says. Raises InvalidConfig."""
    from supctl.errors import InvalidConfig

    found: dict[str, str] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not key or not separator:
            raise InvalidConfig("--env", pair, "NAME=VALUE")
        found[key] = value
    return found
