"""Opening trees: :func:`open_tree`, with logs and a backend around them."""

from __future__ import annotations

import errno
import random as random_module
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from os import PathLike
from typing import Final

import trio

from supctl import events
from supctl.actors.inheritance import Claim, nothing
from supctl.actors.services import CheckLog, Services, handed_to
from supctl.backends.base import Backend, OnReaperRestarted
from supctl.backends.platform import open_backend
from supctl.backends.zygote.child import check_guard
from supctl.errors import (
    GaveUp,
    InvalidConfig,
    StorageFailed,
    TreeEnded,
)
from supctl.logs.capture import Capture, Tap
from supctl.logs.directory import LogDirectory, default_log_directory
from supctl.logs.problem import OnProblem
from supctl.specs import Log, Supervisor

from .eventlog import EventLog
from .tree import Tree
from .watch import Watch
from .world import World

_CHECK_PATIENCE: Final = 5.0
"""Seconds that a disk may take to open a log without which an app must not start."""


@asynccontextmanager
async def open_tree(
    spec: Supervisor,
    *,
    log_directory: str | PathLike[str] | None = None,
    log: Log | None = None,
    tap: Tap | None = None,
    on_event: Callable[[events.Event], None] = lambda _: None,
    backend: Backend | None = None,
    random: Callable[[], float] = random_module.random,
    wait_up: bool = True,
    preload: Sequence[str] = (),
    start_method: str = "fork",
    parked: Collection[str] = frozenset(),
    watch: Watch | None = None,
    claim: Claim | None = None,
    events_after: int = 0,
    private: Sequence[str] = (),
    is_forest: bool = False,
) -> AsyncIterator[Tree]:
    """Start a tree; leaving the block stops it and leaves nothing behind.

    Args:
        spec: the root. Its ``restart`` and ``backoff`` mean nothing, having no supervisor.
        log_directory: where the output of its apps goes; by default a directory of the tree's
            name below the user's directory for logs.
        log: what becomes of the output of apps that say nothing about it, and of workers that
            have processes; ``Log()`` by default.
        tap: sees all output too, in the capture's own thread.
        on_event: called with every event at once, in the trio thread; must not block. What it
            raises is logged and harms nobody.
        backend: what runs programs; this system's by default.
        random: returns floats in [0, 1); the source of all jitter.
        wait_up: whether to enter the block only when all children have been started. Without
            it, who is inside minds the end too: the block is not cancelled when the root gives up.
        preload: modules that workers with processes of their own find imported.
        start_method: how such a process begins. ``fork``: as a copy of one that has imported all
            that already; ``spawn``: as a fresh interpreter, for what a fork does not become.
        parked: addresses of what somebody has stopped and what is to stay so when its supervisor
            starts (again), unless its ``restart`` is ``always``. May change meanwhile.
        watch: is told what changes, and remembers restarts from an earlier life of the tree.
        claim: gives programs that have outlived an earlier life of the tree to who goes on with
            them. With it, programs outlive this life too, if its process is killed.
        events_after: number of the last event of that.
        private: absolute paths of what the caller writes itself: no program is restarted for it.
        is_forest: whether each child of the root is a tree of its own: an ``essential`` child, or
            one that shuts all down, ends that one, and not the root.

    Raises:
        StartFailed: a child of the root did not start.
        GaveUp: the root saw more restarts than its intensity allows; the block is cancelled.
        TreeEnded: as :meth:`Tree.wait`; the block is cancelled.
        AlreadyRunning: another tree writes to the log directory.
        StorageFailed: the log directory cannot be used.
        PlatformNotSupported: there is no backend for this system.
        InvalidConfig: ``preload`` or ``start_method`` cannot work.
        ScriptNotGuarded: this is a script that is imported for an actor's process.
    """
    check_guard()
    if isinstance(preload, str):
        raise InvalidConfig("preload", preload, f"a list of modules, such as [{preload!r}]")
    if spec.isolation != "task":
        wanted = "'task' for the root, which lives in the program that opens the tree"
        raise InvalidConfig("isolation", spec.isolation, wanted)
    feed = EventLog(handler=on_event, after=events_after)
    with LogDirectory(log_directory or default_log_directory(spec.name)) as directory:
        capture = Capture(directory, tap=tap, on_problem=_problem_listener(feed), log=log)
        try:
            backend = backend or open_backend()
            backend.on_reaper_restarted = backend.on_reaper_restarted or _reaper_listener(feed)
            async with backend as opened:
                services = Services(
                    opened,
                    handed_to(capture.attach),
                    tuple(preload),
                    start_method,
                    check_log=_checked_by(capture),
                    redirect=capture.redirect,
                    claim=claim or nothing,
                    keeps=claim is not None,
                    private=(str(directory.path.absolute()), *private),
                )
                watch = watch or Watch()
                world = World(
                    services,
                    feed,
                    random,
                    watch=watch,
                    parked=parked,
                    logs=capture,
                    is_forest=is_forest,
                )
                async with running(Tree(spec, world), wait_up=wait_up) as tree:
                    yield tree
        finally:
            # A slow disk must not block the loop, nor a cancellation lose the last lines.
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(capture.close)
            feed.close()


@asynccontextmanager
async def running(tree: Tree, *, wait_up: bool) -> AsyncIterator[Tree]:
    """Run ``tree`` beside the block, in a world that the caller has made.

    Everything else is as in :func:`open_tree`, which makes a world with logs around it.
    """
    error: BaseException | None = None
    block = trio.CancelScope()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tree.live, nursery)
        try:
            if wait_up:
                await tree.wait_up()
                nursery.start_soon(_cancel_on_give_up, tree, block)
            with block:
                yield tree
        except BaseException as raised:
            error = raised  # carried past the nursery, which would put it in a group
        tree.stop()
        with trio.CancelScope(shield=True):
            await tree.ended.wait()
        nursery.cancel_scope.cancel()  # who waits for ends of actors elsewhere has been told
    if error is not None:
        raise error
    tree.check_end()


async def _cancel_on_give_up(tree: Tree, block: trio.CancelScope) -> None:
    try:
        await tree.wait()
    except (GaveUp, TreeEnded):
        block.cancel()


def _problem_listener(log: EventLog) -> OnProblem:
    """Return what turns the capture's problems, told in its own thread, into events."""
    token = trio.lowlevel.current_trio_token()

    def emit(address: str, number: int, lost: int) -> None:
        log.emit(events.OutputLost, address=address, errno=number, lost=lost)

    return lambda *problem: token.run_sync_soon(emit, *problem)


def _checked_by(capture: Capture) -> CheckLog:
    """Return what sees whether a log can be written, without waiting for a stuck disk."""

    async def check(address: str, log: Log) -> None:
        with trio.move_on_after(_CHECK_PATIENCE) as patience:
            await trio.to_thread.run_sync(capture.check, address, log, abandon_on_cancel=True)
        if patience.cancelled_caught:
            raise StorageFailed(f"the log of {address}", errno.ETIMEDOUT, "a disk that answers")

    return check


def _reaper_listener(log: EventLog) -> OnReaperRestarted:
    def listener(detail: str, pid: int, kept: int) -> None:
        log.emit(events.ReaperRestarted, address="/", detail=detail, pid=pid, kept=kept)

    return listener
