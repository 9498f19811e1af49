"""The arguments that name children, and what a shell may complete them to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from supctl.errors import SupctlError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


NAMES: Final = """\b
A name is an address (shop/web/api:2), its end (api:2, web/api; api is all
instances), a pattern ('api*', 'shop/*'; quote it), a tag (@web), or all.
"""
"""The last words of the help of commands that take names."""


def complete_names(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Return the names of children that begin like that; none if no daemon runs."""
    from click.shell_completion import CompletionItem

    from .reach import reached

    try:
        with reached() as client:
            rows = client.status()
    except SupctlError:
        return []
    if begun.startswith("@"):
        tags = sorted({f"@{tag}" for row in rows for tag in row["tags"]})
        return [CompletionItem(tag) for tag in tags if tag.startswith(begun)]
    begun = begun.lstrip("/")
    whole = {row["address"].strip("/"): row["state"] for row in rows}
    ends = {address.rpartition("/")[2]: state for address, state in whole.items()}
    found = {name: state for name, state in whole.items() if name.startswith(begun)}
    found = found or {name: state for name, state in ends.items() if name.startswith(begun)}
    return [CompletionItem(name, help=state) for name, state in found.items()]


names_argument: Final = click.argument(
    "names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete_names
)
some_names_argument: Final = click.argument(
    "names", nargs=-1, metavar="[NAME]...", shell_complete=complete_names
)
name_argument: Final = click.argument("name", shell_complete=complete_names)
