"""``supctl start``, ``stop``, ``restart``, ``delete``, ``signal``, ``kill``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from .adhoc import script_options, script_project
from .loading import Loaded, is_file, load_project, profile_option, watch_config_option
from .naming import NAMES, complete_names, names_argument
from .outcomes import show
from .patience import check_patience, no_wait_option, timeout_option
from .reach import daemon_gone, reached

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

C = TypeVar("C", bound=Callable[..., Any])

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print outcomes as JSON.")


_EVERYTHING: Final = frozenset({"all", "*", "**"})


def ask_for_all(names: tuple[str, ...], what: str, yes: bool) -> None:
    """Ask on a terminal before something is done to all; end with status 1 on no."""
    means_all = any(name.strip("/") in _EVERYTHING for name in names)
    if means_all and not yes and sys.stdin.isatty():
        click.confirm(f"{what} everything?", abort=True, err=True)


yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask before doing it to all.")


def _complete_start(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Return names of children, and have the shell add files."""
    from click.shell_completion import CompletionItem

    return [*complete_names(context, parameter, begun), CompletionItem(begun, type="file")]


@click.command(epilog=NAMES)
@click.argument("names", nargs=-1, metavar="[FILE|NAME]...", shell_complete=_complete_start)
@click.option("--name", "project", help="Name of the project of FILE; by default its directory's.")
@profile_option
@watch_config_option
@script_options
@timeout_option
@no_wait_option
@as_json_option
def start(
    names: tuple[str, ...],
    project: str | None,
    profile: str | None,
    watch_config: bool,
    timeout: float | None,
    no_wait: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Start what a file describes, or what was stopped.

    A FILE (or a directory with one; by default this one's) is taken in as a project: its apps are
    called PROJECT/APP from then on, and come back with the daemon. A NAME is started again. The
    daemon is started if none runs. With --script a project NAME is made of one program, which
    inherits the environment of this shell; what comes behind the name goes to it.

    \b
    Examples:
      supctl start                  what the file of this directory describes
      supctl start shop.toml        this file, as the project "shop"
      supctl start --profile test   with what it says for this profile
      supctl start --watch-config   and follow edits of the file
      supctl start shop/web/api     what was stopped before
      supctl start api --script app.py --max-memory 512M -- --port 8080
    """
    from .progress import shown as progress

    check_patience(timeout, no_wait)
    load = partial(load_project, profile=profile or "", follow=watch_config)
    loaded, others = _meant(names, project, load, options)
    if others and not loaded and (profile or watch_config):
        raise click.UsageError(f"--{'profile' if profile else 'watch-config'} is for files")
    with reached(start=True) as client, progress(client, quiet=as_json or no_wait) as show_those:
        outcomes = []
        meant = [row["address"] for row in client.status(*others)] if others else []
        show_those([*(f"/{it.name}" for it in loaded), *meant])
        for it in loaded:
            answer = client.add(*it, timeout=timeout, wait=not no_wait)
            failed = answer.pop("failed")
            outcomes += [{**answer, "status": None, "error": None}, *failed]
        if others:
            outcomes += client.start(*others, timeout=timeout, wait=not no_wait)
    show(outcomes, as_json=as_json, last_words=True)


def _meant(
    names: tuple[str, ...],
    project: str | None,
    load: Callable[[Path], Loaded],
    options: dict[str, Any],
) -> tuple[list[Loaded], list[str]]:
    """Return the projects that words of ``start`` mean, and names of children."""
    if options["script"] is not None:
        found = script_project(names, **options)
        return [found._replace(name=project or found.name)], []
    if given := [name for name, value in options.items() if value]:
        raise click.UsageError(f"--{given[0].replace('_', '-')} is for what --script starts")
    files = [name for name in names if is_file(name)]
    if project is not None and len(files) > 1:
        raise click.UsageError("--name is for one file")
    paths = files or ([] if names else ["."])
    loaded = [load(Path(path)) for path in paths]
    if project is not None:
        loaded = [it._replace(name=project) for it in loaded]
    return loaded, [name for name in names if name not in files]


@click.command(epilog=NAMES)
@names_argument
@click.option("--force", is_flag=True, help="Kill at once, also what is being stopped in order.")
@timeout_option
@no_wait_option
@yes_option
@as_json_option
def stop(
    names: tuple[str, ...],
    force: bool,
    timeout: float | None,
    no_wait: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Stop programs in order, with everything they have started. They stay stopped until
    "supctl start"; those that are restarted "always" until the daemon starts again.

    A program is asked first, and killed if it lives on when its grace is over ("stop" in its file;
    10 s). With --force nobody is asked.

    \b
    Examples:
      supctl stop shop/web/api:2
      supctl stop 'shop/*' --timeout 5
      supctl stop shop/db --force
    """
    check_patience(timeout, no_wait)
    ask_for_all(names, "Kill" if force else "Stop", yes)
    with reached() as client:
        outcomes = client.stop(*names, graceful=not force, timeout=timeout, wait=not no_wait)
    show(outcomes, as_json=as_json)


@click.command(epilog=NAMES)
@names_argument
@click.option(
    "--rolling/--parallel",
    help="One by one, each when the one before is up again; or all at once, as by default.",
)
@timeout_option
@no_wait_option
@yes_option
@as_json_option
def restart(
    names: tuple[str, ...],
    rolling: bool,
    timeout: float | None,
    no_wait: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Stop programs and start them again.

    \b
    Example:
      supctl restart api --rolling     its instances, one after the other
    """
    check_patience(timeout, no_wait)
    ask_for_all(names, "Restart", yes)
    with reached() as client:
        outcomes = client.restart(*names, rolling=rolling, timeout=timeout, wait=not no_wait)
    show(outcomes, as_json=as_json)


@click.command(epilog=NAMES)
@names_argument
@timeout_option
@no_wait_option
@yes_option
@as_json_option
def delete(
    names: tuple[str, ...], timeout: float | None, no_wait: bool, yes: bool, as_json: bool
) -> None:
    """Stop projects and forget them; their files and logs stay.

    \b
    Example:
      supctl delete shop
    """
    check_patience(timeout, no_wait)
    ask_for_all(names, "Stop and forget", yes)
    with reached() as client:
        outcomes = client.delete(*names, timeout=timeout, wait=not no_wait)
    show(outcomes, as_json=as_json)


def _complete_signal(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Return the names of signals that begin like that."""
    import signal as signals

    from click.shell_completion import CompletionItem

    begun = begun.upper().removeprefix("SIG")
    names = (it.name.removeprefix("SIG") for it in signals.Signals)
    return [CompletionItem(name) for name in names if name.startswith(begun)]


@click.command(epilog=NAMES)
@click.argument("number", metavar="SIGNAL", shell_complete=_complete_signal)
@names_argument
@yes_option
@as_json_option
def signal(number: str, names: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Send a signal to the process groups of programs, below supervisors of all that run.

    \b
    Example:
      supctl signal HUP shop/web
    """
    from supctl.config.units import parse_signal

    wanted = int(parse_signal("SIGNAL", number))
    ask_for_all(names, f"Send signal {wanted} to", yes)
    with reached() as client:
        outcomes = client.signal(*names, number=wanted)
    show(outcomes, as_json=as_json)


@click.command(epilog=NAMES)
@names_argument
@yes_option
@as_json_option
def pause(names: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Have programs, with all that they have started, stand still until "supctl resume".

    Whoever waits for them waits. "supctl stop" lets them go on first, to end in order.

    \b
    Example:
      supctl pause shop/web
    """
    ask_for_all(names, "Pause", yes)
    with reached() as client:
        outcomes = client.pause(*names)
    show(outcomes, as_json=as_json)


@click.command(epilog=NAMES)
@names_argument
@as_json_option
def resume(names: tuple[str, ...], as_json: bool) -> None:
    """Let programs that are paused go on.

    \b
    Example:
      supctl resume all
    """
    with reached() as client:
        outcomes = client.resume(*names)
    show(outcomes, as_json=as_json)


@click.command()
@click.option("--force", is_flag=True, help="Kill at once, also what is being stopped in order.")
@timeout_option
@no_wait_option
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def kill(force: bool, timeout: float | None, no_wait: bool, yes: bool) -> None:
    """Stop everything in order, and the daemon. "supctl daemon start" brings all of it back.

    \b
    Examples:
      supctl kill
      supctl kill --force --yes     nobody is asked: neither you nor the programs
    """
    check_patience(timeout, no_wait)
    with reached() as client:
        ask_for_all(("all",), "Stop the daemon and", yes)
        client.shutdown(graceful=not force, timeout=timeout, wait=not no_wait)
    if no_wait:
        click.echo("everything is being stopped; the daemon ends then")
        return
    daemon_gone()
    click.echo("everything has stopped, and the daemon has ended")
