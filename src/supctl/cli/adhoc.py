"""A program that ``supctl start NAME --script FILE`` describes, without a file of ours."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from .loading import Loaded, by_app, tell

C = TypeVar("C", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--script", metavar="FILE", help="Start this, called NAME; see below."),
    click.option(
        "--interpreter", help='What runs the script, "none" for nothing; by default by its suffix.'
    ),
    click.option("--max-memory", metavar="SIZE", help="Memory it may use, such as 512M."),
    click.option(
        "--max-cpu", metavar="PERCENT", help="Processor time it may use, in percent of one."
    ),
    click.option("--env", metavar="K=V", multiple=True, help="Variable to add; repeatable."),
    click.option("--instances", type=click.IntRange(1, 10_000), help="How many run."),
)


def script_options(command: C) -> C:
    """Give a command the options that describe a program."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def script_project(
    names: Sequence[str],
    *,
    script: str,
    interpreter: str | None,
    max_memory: str | None,
    max_cpu: str | None,
    env: tuple[str, ...],
    instances: int | None,
) -> Loaded:
    """Return a project with one program.

    Args:
        names: what it is called, and its arguments; it may be called as its script is.

    Raises:
        ConfigErrors, InvalidConfig: it cannot work.
    """
    from supctl.config import as_native, preflight
    from supctl.config.document import read_native
    from supctl.config.entry import command_of
    from supctl.config.plugins.fitting import fitted
    from supctl.config.surroundings import Look
    from supctl.specs.names import as_name

    from .run import variables

    here = Path.cwd()
    name, arguments = (names[0], names[1:]) if names else (as_name(Path(script).stem) or "app", ())
    path = script if os.sep in script or not (here / script).is_file() else f".{os.sep}{script}"
    share = None if max_cpu is None else f"{max_cpu.removesuffix('%')}%"
    limits = {"memory": max_memory, "cpu": share}
    app = {
        "command": [*command_of(path, here, interpreter or ""), *arguments],
        "cwd": str(here),
        "inherit_env": True,
        "env": variables(env),
        "limits": {key: value for key, value in limits.items() if value is not None},
        "instances": instances or 1,
    }
    root = read_native({"apps": {name: app}}, name, here, os.environ)
    fit = fitted(root, os.environ, Look())
    preflight(fit.root)
    tell([*fit.failures, *map(str, fit.enhancements)])
    return Loaded(name, as_native(fit.root), "", "", by_app(fit.enhancements))
