"""Run a tree as a program of its own: until a signal, or until it gives up."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from os import PathLike
from typing import TypeAlias

import trio

from supctl.logs.capture import Tap
from supctl.specs import Supervisor

from .opening import open_tree
from .tree import Tree

SignalHandler: TypeAlias = Callable[[Tree], Awaitable[None]]


async def serve(
    spec: Supervisor,
    *,
    log_directory: str | PathLike[str] | None = None,
    tap: Tap | None = None,
    attend: Callable[[Tree], Awaitable[None]] | None = None,
    handlers: dict[signal.Signals, SignalHandler] | None = None,
) -> None:
    """Run a tree until SIGTERM or SIGINT, then stop it in order; a second SIGINT kills it.

    Args:
        spec, log_directory, tap: as for :func:`open_tree`.
        attend: runs beside the tree from before its first child starts; when it returns the
            tree is stopped.
        handlers: what to do at further signals.

    Raises:
        What :func:`open_tree` raises.
    """
    handlers = handlers or {}
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, *handlers) as received:
        async with (
            open_tree(spec, log_directory=log_directory, tap=tap, wait_up=False) as tree,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(_heed_signals, tree, received, handlers)
            if attend is not None:
                await attend(tree)
                tree.stop()
            await tree.ended.wait()
            nursery.cancel_scope.cancel()


async def _heed_signals(
    tree: Tree,
    received: AsyncIterator[int],
    handlers: dict[signal.Signals, SignalHandler],
) -> None:
    interrupts = 0
    async for number in received:
        match number:
            case signal.SIGTERM:
                tree.stop()
            case signal.SIGINT:
                interrupts += 1
                if interrupts == 1:
                    tree.stop()
                else:
                    tree.kill()
            case _:
                await handlers[signal.Signals(number)](tree)


def run(spec: Supervisor, *, log_directory: str | PathLike[str] | None = None) -> None:
    """Run a tree as this program's whole purpose; returns when it was stopped by a signal.

    SIGTERM and SIGINT stop everything in reverse order, a second SIGINT kills it.

    Args:
        log_directory: as for :func:`open_tree`.

    Raises:
        GaveUp: the root saw more restarts than its intensity allows.
        TreeEnded: it has ended with a child, and not by code 0.
        What :func:`open_tree` raises.
    """
    trio.run(lambda: serve(spec, log_directory=log_directory))
