"""``supctl daemon``: the process that keeps everything alive."""

from __future__ import annotations

import json
import sys

import click

from supctl.errors import StorageFailed

from .words import seconds

_INTERRUPTED = 130
"""Exit status of a program that Ctrl-C has ended, as shells say it."""


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


@daemon.command()
def start() -> None:
    """Start the daemon, if none runs, and with it all that should run."""
    from supctl.control.home import Home
    from supctl.control.launch import reach_or_start

    line = reach_or_start(Home.of())
    click.echo(f"the daemon runs, pid {line.daemon['pid']}")
    line.close()


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
        click.echo(f"the daemon before it was lost {ago} ago ({before['how']}); nothing else was")
        if before["crash"]:
            click.echo(before["crash"].rstrip())
    home = Home.of()
    click.echo(f"socket {home.socket}\nlogs   {home.logs}\nstate  {home.state}")


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
