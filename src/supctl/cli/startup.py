"""``supctl startup`` and ``unstartup``: the daemon at boot."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from supctl.control.home import VARIABLE
from supctl.daemon.boot import KINDS, Account, BootFile, boot_file
from supctl.errors import InvalidConfig, StorageFailed

C = TypeVar("C", bound=Callable[..., Any])


def _options(command: C) -> C:
    for option in (
        click.option(
            "--kind", type=click.Choice(KINDS), help="Of service; by default, this system's."
        ),
        click.option(
            "--system", "for_system", is_flag=True, help="From boot on, for all; as root."
        ),
        click.option("--name", default="supctl", show_default=True, help="Of the service."),
    ):
        command = option(command)
    return command


@click.command()
@_options
@click.option("--print", "only_print", is_flag=True, help="Show the file, and write nothing.")
def startup(kind: str | None, for_system: bool, name: str, only_print: bool) -> None:
    """Have the daemon started at boot, and with it all that should run.

    Writes a unit of systemd (of the user; with --system, of the system), a plist of launchd or a
    task of Windows, and says which commands have it used.

    \b
    Examples:
      supctl startup                                   for this user
      supctl startup --print
      SUPCTL_HOME=/srv/supctl supctl startup --system
    """
    file = _file(kind, for_system, name)
    if only_print:
        click.echo(
            file.content.decode("utf-16" if file.path.suffix == ".xml" else "utf-8"), nl=False
        )
        return
    click.echo(f"{file.path} {_write(file)}")
    if _is_running():
        click.echo('a daemon runs already; end it first: "supctl kill"')
    _tell_next(file.use)


@click.command()
@_options
def unstartup(kind: str | None, for_system: bool, name: str) -> None:
    """Have the daemon started at boot no more.

    Removes the file that "supctl startup" has written. What runs is not touched.
    """
    file = _file(kind, for_system, name)
    _tell_next(file.drop)
    try:
        file.path.unlink()
    except FileNotFoundError:
        click.echo(f"{file.path} was not there")
    except OSError as error:
        raise StorageFailed(str(file.path), error.errno or 0, "to remove it") from None
    else:
        click.echo(f"{file.path} removed")


def _file(kind: str | None, for_system: bool, name: str) -> BootFile:
    home = os.environ.get(VARIABLE, "")
    if for_system and not home:
        mend = "a log-in has a runtime directory that is not there at boot; name one for both"
        raise InvalidConfig(VARIABLE, home, "an absolute path, as /srv/supctl", mend)
    if not name.replace("-", "").replace("_", "").isalnum():
        raise InvalidConfig("--name", name, "letters, digits, - and _")
    user = getpass.getuser()
    account = Account(user, Path.home(), sys.executable, home, for_system, name)
    return boot_file(kind or _kind_of_this_system(), account)


def _kind_of_this_system() -> str:
    from supctl.backends.platform import service_manager

    return service_manager()


def _write(file: BootFile) -> str:
    try:
        if file.path.exists() and file.path.read_bytes() == file.content:
            return "is there already"
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.write_bytes(file.content)
    except OSError as error:
        wanted = "to write it; with --print you can put it there yourself"
        raise StorageFailed(str(file.path), error.errno or 0, wanted) from None
    return "written"


def _is_running() -> bool:
    from supctl.control.home import Home
    from supctl.control.reaching import living_holder

    return living_holder(Home.of().lock) is not None


def _tell_next(commands: tuple[str, ...]) -> None:
    click.echo("next:")
    for command in commands:
        click.echo(f"  {command}")
