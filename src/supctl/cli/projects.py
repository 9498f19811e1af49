"""``supctl reload``, ``scale``: what runs follows what is wanted, and the rest is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from supctl.errors import InvalidConfig, ProcessNotFound

from .lifecycle import as_json_option
from .loading import is_file, load_project, profile_option
from .naming import complete_names
from .outcomes import show
from .patience import check_patience, no_wait_option, timeout_option
from .reach import reached

if TYPE_CHECKING:
    from supctl.control.client import Client


@click.command()
@click.argument("names", nargs=-1, metavar="[FILE|PROJECT]...", shell_complete=complete_names)
@click.option("--name", "project", help="Name of the project of FILE; by default its directory's.")
@profile_option
@timeout_option
@no_wait_option
@as_json_option
def reload(
    names: tuple[str, ...],
    project: str | None,
    profile: str | None,
    timeout: float | None,
    no_wait: bool,
    as_json: bool,
) -> None:
    """Read the file of a project again, and change what has changed in it.

    What is new is started, what is gone is stopped, and what cannot go on as it now is (its
    command, environment, limits...) is restarted. All others run on, also with another restart
    policy or number of instances. What was stopped by hand stays stopped. A file with mistakes
    changes nothing. The profile stays what it was, unless another is asked for (--profile "" for
    none).

    \b
    Examples:
      supctl reload                 the supctl.toml of this directory
      supctl reload shop            the file that the project "shop" came from
    """
    check_patience(timeout, no_wait)
    with reached() as client:
        outcomes: list[dict[str, Any]] = []
        loaded = list(
            _loaded(client, names or (".",), project, profile)
        )  # all of them, before any is done
        for name, tree, source, of_it in loaded:
            changes = client.update(name, tree, source, of_it, timeout=timeout, wait=not no_wait)
            if not changes and not as_json:
                click.echo(f"{name} is what its file says")
            outcomes += changes
    show(outcomes, as_json=as_json)


def _loaded(
    client: Client, names: tuple[str, ...], project: str | None, profile: str | None
) -> Iterator[tuple[str, dict[str, Any], str, str]]:
    """Yield name, document, file and profile of each project that is meant."""
    if project is not None and len(names) > 1:
        raise click.UsageError("--name is for one file")
    projects = client.projects()
    sources = {it["name"]: it["source"] for it in projects}
    profiles = {it["name"]: it["profile"] if profile is None else profile for it in projects}
    for given in names:
        name = given.strip("/")
        if name in sources:
            if not sources[name]:
                raise InvalidConfig("PROJECT", name, "one that came from a file")
            path = Path(sources[name])
            yield name, *load_project(path, profiles[name])[1:], profiles[name]
        elif is_file(given):
            from supctl.config import find_file

            source = str(find_file(given).absolute())
            known = next((it for it in sources if sources[it] == source), "")
            wanted = profiles.get(known, profile or "")
            found, tree, source = load_project(Path(given), wanted)
            yield project or known or found, tree, source, wanted
        else:
            raise ProcessNotFound(name, tuple(f"/{it}" for it in sources))


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
    api:1 then, and not api. "supctl reload" goes back to the number in the file.

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
