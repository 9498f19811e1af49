"""What changes something: the methods of the control protocol that an operator's commands call."""

from __future__ import annotations

import logging
from collections.abc import Container, Sequence
from functools import partial
from signal import NSIG
from typing import Any, Final

import trio

from supctl.errors import (
    InvalidConfig,
    StorageFailed,
)
from supctl.exits import ExitReason, signal_name
from supctl.supervision.handle import Handle
from supctl.supervision.tree import Tree

from .asking import command
from .errands import Errands
from .keeper import Keeper
from .naming import above, below, is_below, resolve, topmost
from .outcome import Outcome, each, in_time
from .starts import came_up, not_up

_log = logging.getLogger("supctl.daemon")

_ALIVE: Final = frozenset({"starting", "running", "ready", "paused", "detached", "stopping"})
_OVER: Final = frozenset({"stopped", "exited", "failed"})


class Control:
    """Changes what runs. Every method raises what :func:`~.naming.resolve` raises.

    Commands for different children do not wait for each other. What should run is saved before
    it is done, so a command that was answered is not forgotten.

    Methods with a ``wait`` return, if that is not set, when what is asked for is accepted and
    saved; the outcomes then say ``"asked"``. A ``timeout`` is in seconds, for each child; what
    was asked for goes on.

    Args:
        tree: that everything is in.
        keeper: of what should run.
        errands: carries commands out.
    """

    def __init__(self, tree: Tree, keeper: Keeper, errands: Errands) -> None:
        self._tree, self._keeper, self._errands = tree, keeper, errands

    async def start(
        self, *, names: Sequence[str], timeout: float | None = None, wait: bool = True
    ) -> list[dict[str, Any]]:
        """Start what does not run, and return when it does: one outcome for each, and one for
        each below a supervisor that has not come up."""
        chosen = self._choose(names)
        meant = [*chosen, *self._down_below(chosen)]
        await self._remember(chosen, stopped=False)
        done = await self._errands.each(meant, "start", self._start, timeout, wait=wait)
        return done + not_up(chosen if wait else [], self._tree.status())

    async def stop(
        self,
        *,
        names: Sequence[str],
        force: bool = False,
        timeout: float | None = None,
        wait: bool = True,
    ) -> list[dict[str, Any]]:
        """Stop in order, and return when nothing is left: one outcome for each.

        It stays stopped until somebody starts it; what is restarted ``always`` until its
        supervisor, or the daemon, starts again.

        Args:
            force: kill at once, also what is being stopped in order.
        """
        chosen = self._choose(names)
        await self._remember(chosen, stopped=True)
        stop = partial(self._stop, force=force)
        return await self._errands.each(chosen, "stop", stop, timeout, wait=wait)

    async def restart(
        self,
        *,
        names: Sequence[str],
        rolling: bool = False,
        timeout: float | None = None,
        wait: bool = True,
    ) -> list[dict[str, Any]]:
        """Stop and start: all at once, or each when the one before it is up again. Returns as
        :meth:`start`."""
        chosen = self._choose(names)
        await self._remember(chosen, stopped=False)
        done = await self._errands.each(
            chosen, "restart", self._restart, timeout, wait=wait, one_by_one=rolling
        )
        return done + not_up(chosen if wait else [], self._tree.status())

    async def signal(self, *, names: Sequence[str], number: int) -> list[dict[str, Any]]:
        """Send a signal to the process groups of what is meant, in place of supervisors of the
        programs that run below them."""
        if not 0 < number < NSIG:
            raise InvalidConfig("number", number, f"a signal, 1 to {NSIG - 1}")

        async def send(address: str) -> Outcome:
            await trio.lowlevel.checkpoint()
            with command(self._tree, address, "signal", signal_name(number)):
                self._tree[address].signal(number)
            return Outcome(address, "signalled")

        return await each(self._apps(names, _ALIVE), "signal", send, None)

    async def pause(self, *, names: Sequence[str]) -> list[dict[str, Any]]:
        """Have programs stand still: those that are meant, and those that run below supervisors."""

        async def pause(address: str) -> Outcome:
            await trio.lowlevel.checkpoint()
            if self._tree[address].state == "paused":
                return Outcome(address, "was paused")
            with command(self._tree, address, "pause"):
                self._tree[address].pause()
            return Outcome(address, "paused")

        return await each(self._apps(names, _ALIVE), "pause", pause, None)

    async def resume(self, *, names: Sequence[str]) -> list[dict[str, Any]]:
        """Let programs go on: those that are meant, and those paused below supervisors."""

        async def resume(address: str) -> Outcome:
            await trio.lowlevel.checkpoint()
            with command(self._tree, address, "resume"):
                self._tree[address].resume()
            return Outcome(address, "goes on")

        return await each(self._apps(names, frozenset({"paused"})), "resume", resume, None)

    async def reset(self, *, names: Sequence[str]) -> list[dict[str, Any]]:
        """Count automatic restarts from 0 again, of all that is meant and all below it."""

        async def reset(address: str) -> Outcome:
            await trio.lowlevel.checkpoint()
            with command(self._tree, address, "reset"):
                self._tree[address].reset()
            return Outcome(address, "counts from 0")

        rows = self._tree.status()
        chosen = [row.address for row in below(resolve(names, rows), rows)]
        return await each(chosen, "reset", reset, None)

    async def shutdown(
        self, *, force: bool = False, timeout: float | None = None, wait: bool = True
    ) -> None:
        """Stop everything in order; then the daemon ends. What should run is kept.

        Args:
            force: kill all at once, also what is being stopped in order.

        Raises:
            ActorTimeout: something lives after ``timeout``; it goes on.
        """
        with command(self._tree, "/", "shutdown"):
            (self._tree.kill if force else self._tree.stop)()
        if wait:
            await in_time("the daemon", "shutdown", self._tree.ended.wait, timeout)

    # How.

    def _choose(self, names: Sequence[str]) -> list[str]:
        """Return the addresses that are meant, without those below another of them."""
        if not names:
            raise InvalidConfig("names", list(names), "at least one")
        return topmost(resolve(names, self._tree.status()))

    def _apps(self, names: Sequence[str], states: Container[str]) -> list[str]:
        """Return what is meant, with apps in such ``states`` in place of supervisors over them."""
        rows = self._tree.status()
        chosen = frozenset(resolve(names, rows))
        return [
            row.address
            for row in below(chosen, rows)
            if row.kind != "supervisor"
            and (row.address in chosen or (row.kind == "app" and row.state in states))
        ]

    async def _remember(self, addresses: Sequence[str], *, stopped: bool) -> None:
        """Save that an operator wants those stopped, with all below them, or not."""
        held, chosen = self._keeper.desired.stopped, frozenset(addresses)
        new: set[str] = set()
        old: set[str] = set()
        if stopped:
            new = {row.address for row in below(chosen, self._tree.status())} - held
        else:
            old = {it for it in held if is_below(it, chosen)}
            old |= {it for address in addresses for it in above(address)} & held
        if not new and not old:
            return
        held |= new
        held -= old
        try:
            await self._keeper.keep()
        except StorageFailed:  # only this change: others may have been made meanwhile
            held -= new
            held |= old
            raise

    def _down_below(self, chosen: Sequence[str]) -> list[str]:
        """Return what somebody has stopped below supervisors, or what has failed there."""
        held = self._keeper.desired.stopped
        rows = below(chosen, self._tree.status())
        down = [
            row.address
            for row in rows
            if row.state == "failed" or (row.state == "stopped" and row.address in held)
        ]
        return topmost([address for address in down if address not in chosen])

    async def _start(self, address: str) -> Outcome:
        handle, did = self._tree[address], "started"
        match handle.state:
            case "paused":
                with command(self._tree, address, "start"):
                    handle.resume()
                return Outcome(address, "goes on")
            case "starting":
                did = "was starting"
                await self._has_left("starting", handle)
            case "stopping" | "backoff":
                if self._errands.is_under_way(address, "restart"):
                    did = "joined the restart under way"
                with command(self._tree, address, "start"):
                    await handle.restart()
            case "stopped" | "exited" | "failed" | "waiting":
                with command(self._tree, address, "start"):
                    await handle.start()
            case _:
                return Outcome(address, "was running")
        return came_up(handle, did)

    async def _has_left(self, state: str, handle: Handle) -> None:
        """Return when a child is in another state, or the tree has ended."""
        with self._tree.subscribe() as subscription:
            async for _ in subscription:
                if handle.state != state:
                    return

    async def _stop(self, address: str, *, force: bool) -> Outcome:
        handle = self._tree[address]
        was, did = handle.state, "killed" if force else "stopped"
        if was == "stopping" and not force and not self._errands.is_under_way(address, "restart"):
            did = "was being stopped"
        if was in _OVER:
            await handle.stop(force=force)
        else:
            with command(self._tree, address, "stop", "force" * force):
                await handle.stop(force=force)
        return Outcome(address, did if was in _ALIVE else f"was {was}", _status(handle.reason))

    async def _restart(self, address: str) -> Outcome:
        handle = self._tree[address]
        did = "restarted" if handle.state in _ALIVE else "started"
        if self._errands.is_joined(address, "restart"):
            did = "joined the restart under way"
        with command(self._tree, address, "restart"):
            await handle.restart()
        return came_up(handle, did, _status(handle.reason) if did != "started" else None)


def _status(reason: ExitReason | None) -> int | None:
    return reason.status.shell_code if reason is not None and reason.status is not None else None
