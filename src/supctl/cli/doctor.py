"""``supctl doctor``: what this machine offers, and how to get what is missing."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

from supctl._version import __version__
from supctl.backends.checkup import Finding, Verdict, examine
from supctl.control.home import Home
from supctl.errors import NoDaemon, SupctlError

from .errors import FAILED

_MARKS: Final = {
    Verdict.GOOD: ("ok", "green"),
    Verdict.LIMITED: ("limited", "yellow"),
    Verdict.BAD: ("missing", "red"),
}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print findings as JSON.")
def doctor(as_json: bool) -> None:
    """Tell what this machine offers: cgroups, pidfd, namespaces, permissions, limits, directories.

    For whatever is missing it says what that means and how to get it. The exit status is 1 if
    something is missing that supctl cannot do without, else 0.
    """
    findings = [*examine(), *_ours()]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        for finding in findings:
            _show(finding)
    if any(finding.verdict is Verdict.BAD for finding in findings):
        sys.exit(FAILED)


def _show(finding: Finding) -> None:
    word, colour = _MARKS[finding.verdict]
    coloured = colour if "NO_COLOR" not in os.environ else None
    click.echo(f"{click.style(f'{word:<8}', fg=coloured)}{finding.what:<16} {finding.seen}")
    if finding.mend:
        click.echo(f"{'':<24} {finding.mend}")


def _ours() -> Iterator[Finding]:
    """Yield what there is to say of the directories and the daemon."""
    try:
        home = Home.of()
    except SupctlError as error:
        yield Finding("SUPCTL_HOME", Verdict.BAD, str(error), "unset it, or name a directory")
        return
    for what, path in (("state", home.state), ("socket", home.run), ("logs", home.logs)):
        yield _directory(what, path)
    yield _daemon(home)


def _directory(what: str, path: Path) -> Finding:
    there = next(it for it in (path, *path.parents) if it.exists())
    if os.access(there, os.W_OK | os.X_OK) and there.is_dir():
        seen = str(path) if there == path else f"{path}, which will be made"
        return Finding(what, Verdict.GOOD, seen)
    mend = f"make {there} ours to write, or export SUPCTL_HOME with another place"
    return Finding(what, Verdict.BAD, f"{path}: we may not write {there}", mend)


def _daemon(home: Home) -> Finding:
    from supctl.control.reaching import reach

    try:
        line = reach(home)
    except NoDaemon as error:
        if error.pid is not None:
            return Finding("daemon", Verdict.BAD, str(error), f"kill -HUP {error.pid}")
        return Finding("daemon", Verdict.GOOD, "none runs; the first command starts it")
    except SupctlError as error:
        return Finding("daemon", Verdict.BAD, str(error), "restart it with this supctl")
    told = line.daemon
    line.close()
    seen = f"pid {told['pid']}, version {told['version']}"
    if told["version"] == __version__:
        return Finding("daemon", Verdict.GOOD, seen)
    mend = f'this is version {__version__}; "supctl daemon upgrade" makes the daemon that, too'
    return Finding("daemon", Verdict.LIMITED, seen, mend)
