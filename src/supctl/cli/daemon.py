"""``supctl daemon``: the process that keeps everything alive."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

import click

from supctl._version import __version__
from supctl.errors import StorageFailed

from .words import seconds

_INTERRUPTED: Final = 130
"""Exit status of a program that Ctrl-C has ended, as shells say it."""

_BACK_WITHIN: Final = 30.0
"""Seconds in which a daemon of the old code serves again."""


@click.group()
def daemon() -> None:
    """Run, start, stop and look at the daemon itself.

    It starts by itself with the first "supctl start". There is one for each user, and for each
    SUPCTL_HOME.
    """


@daemon.command()
@click.option("--ready-fd", type=int, hidden=True)
def run(ready_fd: int | None) -> None:
    """Run the daemon in the foreground, for systemd and the like, until SIGTERM."""
    from supctl.control.home import Home
    from supctl.daemon.keep import keep_daemon

    keep_daemon(Home.of(), ready_fd)


@daemon.command(hidden=True)
@click.option("--link", type=int, required=True)
@click.option("--lock", type=int, required=True)
@click.option("--ready-fd", type=int)
def serve(link: int, lock: int, ready_fd: int | None) -> None:
    """Be the daemon that a reaper has started."""
    from supctl.control.home import Home
    from supctl.daemon.run import run_daemon

    run_daemon(Home.of(), link, lock, ready_fd)


@daemon.command(hidden=True)
def program() -> None:
    """Load all that a daemon and its reaper may need, and tell how they are started, as JSON."""
    from dataclasses import asdict

    import supctl.backends.reaper.main
    import supctl.daemon.run  # noqa: F401
    from supctl.daemon.code import own_program

    click.echo(json.dumps(asdict(own_program())))


@daemon.command(hidden=True)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--profile", default="")
def load(paths: tuple[Path, ...], profile: str) -> None:
    """Tell what files say, or what is wrong with them, as JSON: for who follows them."""
    from supctl.config import as_native
    from supctl.config import load as load_files
    from supctl.config.files_read import files_read
    from supctl.daemon.loader import Loaded
    from supctl.errors import SupctlError

    from .loading import by_app

    first, *over = paths
    with files_read() as files:
        try:
            tree = load_files(first, over=over, profile=profile)
            plugins = by_app(tree.enhancements)
            told = Loaded(as_native(tree.root), files, tree.watches_itself, plugins)
        except SupctlError as error:
            told = Loaded(files=files, mistakes=tuple(str(error).splitlines()))
    click.echo(told.as_json())


@daemon.command()
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), default=10.0, show_default=True,
    help="Seconds in which the new daemon must serve; else the old code is started again.",
)  # fmt: skip
def upgrade(timeout: float) -> None:
    """Have this version of supctl take over from the daemon that runs. What that keeps alive is not
    touched.

    \b
    Example:
      pip install -U supctl && supctl daemon upgrade
    """
    import supctl

    from .reach import reached

    with reached(greeting=timeout + _BACK_WITHIN) as client:
        was = client.about()
        package = str(Path(supctl.__file__).parent)
        about = client.upgrade(python=sys.executable, package=package, within=timeout)
    click.echo(
        f"the daemon is supctl {about['version']} now, pid {about['pid']}; "
        f"it was {was['version']}, pid {was['pid']}\n"
        f"what ran was not touched; {about['running']} of {about['children']} children run"
    )


@daemon.command()
def start() -> None:
    """Start the daemon, if none runs, and with it all that should run."""
    from .reach import reached

    with reached(start=True) as client:
        click.echo(f"the daemon runs, pid {client.daemon['pid']}")


@daemon.command()
def stop() -> None:
    """Stop everything in order, and the daemon. What should run comes back with the next start."""
    from .reach import daemon_gone, reached

    with reached() as client:
        pid = client.daemon["pid"]
        client.shutdown()
    daemon_gone()
    click.echo(f"the daemon, pid {pid}, has stopped everything and ended")


@daemon.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(as_json: bool) -> None:
    """Tell whether the daemon runs, and how it does. Exit status 3 if none runs."""
    from supctl.control.home import Home
    from supctl.errors import NoDaemon

    from .reach import reached

    try:
        with reached() as client:
            about = client.about()
    except NoDaemon as error:
        click.echo(json.dumps({"running": False}) if as_json else f"not running: {error}")
        sys.exit(3)
    if as_json:
        click.echo(json.dumps({"running": True, **about}))
        return
    click.echo(f"running, pid {about['pid']}, for {seconds(about['uptime'])}, {about['version']}")
    click.echo(f"{about['running']} of {about['children']} children run")
    if (before := about["before"]) is not None:
        ago = seconds(before["ago"])
        click.echo(_told_before(before["how"], ago, about["upgrade"]))
        if before["crash"]:
            click.echo(before["crash"].rstrip())
    if about["version"] != __version__:
        click.echo(f'this is supctl {__version__}: "supctl daemon upgrade" has it take over')
    home = Home.of()
    click.echo(f"socket {home.socket}\nlogs   {home.logs}\nstate  {home.state}")


def _told_before(how: str, ago: str, upgrade: dict[str, str | None] | None) -> str:
    """Return what became of the daemon before."""
    if upgrade is None:
        return f"the daemon before it was lost {ago} ago ({how}); nothing else was"
    if upgrade["failed"] is None:
        return f"it took over from supctl {upgrade['before']} {ago} ago, in an upgrade"
    return f"an upgrade to supctl {upgrade['to']} failed {ago} ago: {upgrade['failed']}"


@daemon.command()
@click.option(
    "-n", "--lines", "count", type=click.IntRange(min=0), default=20, show_default=True,
    help="How many of the last lines.",
)  # fmt: skip
@click.option("-f", "--follow", "follows", is_flag=True, help="Go on with what it says.")
def logs(count: int, follows: bool) -> None:
    """Show what the daemon has said of itself, also when none runs; with -f until Ctrl-C.

    \b
    Examples:
      supctl daemon logs -n 100
      supctl daemon logs -f
    """
    from supctl.control.home import Home
    from supctl.logs.reading.follower import Follower
    from supctl.logs.reading.place import Place
    from supctl.logs.reading.trail import Trail
    from supctl.logs.reading.window import Window

    from .entries import as_stored, show_on, write

    path = str(Home.of().log)
    trail = Trail(Place(path, "raw", False, (("/", "stderr"),)), Window())
    try:
        with Follower([trail]) as follower:
            write(trail.history(count, goes_on=follows), as_stored)
            while follows and show_on(follower, as_stored):
                pass
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StorageFailed(path, error.errno or 0, "the daemon's log") from None
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
