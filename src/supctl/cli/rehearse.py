"""``supctl rehearse``: a tree through thousands of hours of faults, in seconds."""

from __future__ import annotations

import importlib
import json
import math
import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from .loading import profile_option

if TYPE_CHECKING:
    from supctl.specs import Supervisor
    from supctl.testing.rehearsal import Report

_LONGEST: Final = 1_000_000.0
"""Hours, 114 years: more would be a slip of the finger."""

_MODULE: Final = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_][\w.]*)")


@click.command()
@click.argument("tree", metavar="FILE_OR_MODULE", required=False)
@profile_option
@click.option(
    "--hours", type=float, default=1000.0, show_default=True, help="How long, in virtual hours."
)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Of chance: the same seed, the same run."
)
@click.option(
    "--faults",
    multiple=True,
    metavar="LIST",
    help="[APP:]FAULT[=RATE], with commas: crash=0.5/h,hang,api:crash=2/day. "
    "FAULT is crash, hang, slow-start or spawn-failure. By default all: crash=1/day, "
    "the others 1/week.",
)
@click.option(
    "--runtime",
    "runtimes",
    multiple=True,
    metavar="APP=TIME",
    help="APP ends by itself after TIME (10m), or never (forever). By default what is not "
    "restarted always is a job of one minute.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--svg", "svg_path", type=click.Path(path_type=Path), help="Write a picture, too.")
def rehearse(
    tree: str | None,
    profile: str | None,
    hours: float,
    seed: int,
    faults: tuple[str, ...],
    runtimes: tuple[str, ...],
    as_json: bool,
    svg_path: Path | None,
) -> None:
    """Rehearse a tree: is its restart policy any good?

    FILE_OR_MODULE is a file as for "supctl up", or module:attribute of a supctl.Supervisor in
    Python code. Every program and worker of it is played by a stand-in, in virtual time: no
    process is started and nothing is written; the programs need not be here. The same arguments
    give the same output.

    Exit status: 0 if the tree lived through it, 1 if it gave up or something in it failed for
    good, 2 if something in the file or on the command line cannot work.
    """
    spec = find_tree(tree, profile)
    _check_hours(hours)
    from supctl.testing.rehearsal import parse_faults
    from supctl.testing.rehearsal import rehearse as perform

    plan = parse_faults(faults)
    report = perform(spec, hours=hours, seed=seed, faults=plan, runtimes=parse_runtimes(runtimes))
    if as_json:
        _print_json(report)
    else:
        _draw(report)
        words = ["--hours", f"{hours:g}", "--seed", str(seed)]
        words += ["--profile", profile] if profile else []
        words += [word for text in faults for word in ("--faults", text)]
        words += [word for text in runtimes for word in ("--runtime", text)]
        again = shlex.join(["supctl", "rehearse", *([tree] if tree else []), *words])
        click.echo(f"The same again: {again}")
    if svg_path is not None:
        _write_svg(report, svg_path)
    sys.exit(0 if report.is_good else 1)


def find_tree(given: str | None, profile: str | None) -> Supervisor:
    """Return the tree that the user names.

    Args:
        given: a file, a directory, or ``module:attribute``; the current directory if ``None``.
        profile: of a file, if one is wanted.

    Raises:
        ConfigErrors: the file cannot be used.
        InvalidConfig: there is no such module or attribute, or it is no Supervisor; or it is to
            have a profile.
    """
    found = _MODULE.fullmatch(given or "")
    if given is None or found is None or Path(given).exists():
        from supctl.config import load

        return load(given, profile=profile or "", to_run_here=False).root
    if profile:
        from supctl.errors import InvalidConfig

        raise InvalidConfig("--profile", profile, "none, as only files have profiles")
    return _import_tree(given, found[1], found[2])


def _import_tree(given: str, module: str, attribute: str) -> Supervisor:
    from supctl.errors import InvalidConfig
    from supctl.specs import Supervisor

    field = "FILE_OR_MODULE"
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as for python -m: what lies here can be named
    try:
        found: Any = importlib.import_module(module)
    except Exception as error:  # whatever their code raises; it is theirs to mend
        why = f"{type(error).__name__}: {error}"
        raise InvalidConfig(field, given, "a module that can be imported", why) from error
    for name in attribute.split("."):
        found = getattr(found, name, None)
    if not isinstance(found, Supervisor):
        seen = "there is none" if found is None else f"it is of type {type(found).__name__}"
        raise InvalidConfig(field, given, "the place of a supctl.Supervisor", seen)
    return found


def _check_hours(hours: float) -> None:
    from supctl.errors import InvalidConfig

    if not 0 < hours <= _LONGEST:  # this way round, NaN is refused too
        raise InvalidConfig("--hours", hours, f"more than 0 and at most {_LONGEST:,.0f}")


def parse_runtimes(texts: tuple[str, ...]) -> dict[str, float]:
    """Return seconds by app, from ``APP=TIME``; infinity is for ever.

    Raises:
        InvalidConfig: naming the option and what it wanted.
    """
    from supctl.config.units import parse_duration
    from supctl.errors import InvalidConfig

    found: dict[str, float] = {}
    for text in texts:
        app, separator, time = text.rpartition("=")
        if not separator or not app:
            raise InvalidConfig("--runtime", text, "APP=TIME, such as api=10m or api=forever")
        forever = time == "forever"
        found[app] = math.inf if forever else parse_duration(f"--runtime {app}", time)
    return found


def _print_json(report: Report) -> None:
    from supctl.testing.rehearsal.verdict import verdict

    click.echo(json.dumps(report.as_dict() | {"verdict": verdict(report)}))


def _draw(report: Report) -> None:
    from rich.console import Console

    from supctl.testing.rehearsal.terminal import draw

    width = shutil.get_terminal_size((100, 24)).columns
    draw(report, Console(width=width, file=sys.stdout))


def _write_svg(report: Report, path: Path) -> None:
    from supctl.errors import StorageFailed
    from supctl.testing.rehearsal.svg import svg

    try:
        path.write_text(svg(report), encoding="utf-8")
    except OSError as error:
        raise StorageFailed(str(path), error.errno or 0, "a file that can be written") from None
