"""Run a tree in the foreground of a terminal, for ``supctl up`` and ``supctl run``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import trio

from supctl.backends.reaper_program import raise_descriptor_limit
from supctl.exits import ExitReason
from supctl.logs.display import Display
from supctl.specs import App, Supervisor, Worker
from supctl.supervision.child import expand
from supctl.supervision.foreground import serve
from supctl.supervision.tree import Tree

from .attend import Attendant
from .console import Console, JsonConsole, TextConsole
from .passing import Passing


def run_tree(
    root: Supervisor,
    log_dir: Path | None,
    *,
    as_json: bool = False,
    notes: Sequence[str] = (),
    passes_signals_on: bool = False,
    follow: Callable[[Tree], Awaitable[None]] | None = None,
) -> dict[str, ExitReason]:
    """Run ``root`` until it is stopped or nothing of it is left to supervise.

    Args:
        root: the tree.
        log_dir: as for :func:`supctl.open_tree`.
        as_json: print events as JSON lines, and no output.
        notes: sentences to begin with.
        passes_signals_on: see :mod:`.passing`.
        follow: runs beside the tree.

    Returns:
        Why each child ended that ended badly and was not started again, by address.

    Raises:
        What :func:`supctl.open_tree` raises.
    """
    raise_descriptor_limit()
    console: Console = JsonConsole() if as_json else TextConsole(Display(list(_names(root))))
    attendant = Attendant(console)
    handlers = attendant.handlers()
    if passes_signals_on:
        handlers |= Passing(console.note).handlers()
    try:
        for note in notes:
            console.note(note)
        trio.run(
            lambda: serve(
                root,
                log_directory=log_dir,
                tap=console.output,
                attend=partial(_attend, attendant, follow),
                handlers=handlers,
            )
        )
    finally:
        console.close()
    return attendant.failed


async def _attend(
    attendant: Attendant, follow: Callable[[Tree], Awaitable[None]] | None, tree: Tree
) -> None:
    async with trio.open_nursery() as nursery:
        if follow is not None:
            nursery.start_soon(follow, tree)
        await attendant.attend(tree)
        nursery.cancel_scope.cancel()


def _names(spec: Supervisor, address: str = "/") -> list[str]:
    """Return the addresses of all programs, for the width of their column."""
    names: list[str] = []
    for child in expand(spec.children, address):
        if isinstance(child.spec, App | Worker):
            names.append(child.address)
        else:
            names += _names(child.spec, child.address)
    return names
