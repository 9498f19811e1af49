"""What changes something: the methods of the control protocol that an operator's commands call."""

from __future__ import annotations

import logging
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from signal import NSIG
from typing import Any, Final

import trio

from supctl.config.document import read_native
from supctl.config.mistakes import ConfigErrors
from supctl.errors import (
    AlreadyPresent,
    InvalidConfig,
    InvalidState,
    StorageFailed,
    SupctlError,
    Unsupported,
)
from supctl.exits import ExitReason
from supctl.specs import Supervisor
from supctl.supervision.tree import Tree

from .desired import Project
from .keeper import Keeper
from .naming import above, below, is_below, resolve, topmost
from .outcome import Outcome, each

_log = logging.getLogger("supctl.daemon")

_ALIVE: Final = frozenset({"starting", "running", "ready", "paused", "detached", "stopping"})


class Control:
    """Changes what runs. Every method raises what :func:`~.naming.resolve` raises.

    Commands for different children do not wait for each other. What should run is saved before
    it is done, so a command that was answered is not forgotten.

    Args:
        tree: that everything is in.
        keeper: of what should run.
    """

    def __init__(self, tree: Tree, keeper: Keeper) -> None:
        self._tree, self._keeper = tree, keeper
        self._begins: set[str] = set()  # projects that are being started for the first time

    async def add(self, *, project: str, tree: dict[str, Any], source: str = "") -> dict[str, Any]:
        """Take in what a file describes, and start it.

        Args:
            project: the name under which its children will be: ``/shop/...``.
            tree: as a ``supctl.json`` holds it, with absolute paths and exact environments.
            source: the file.

        Returns:
            ``did``: ``"added"``, or ``"was there"`` if it was, as it is; ``address``.

        Raises:
            InvalidConfig: the tree cannot work, or the name cannot be one.
            AlreadyPresent: another tree of that name is there.
            StorageFailed: it cannot be saved; nothing was started.
            StartFailed: it did not start, and is forgotten again.
        """
        spec, new = _read(project, tree), Project(tree, source)
        projects = self._keeper.desired.projects
        if (known := projects.get(project)) is not None:
            if known.tree != tree:
                raise AlreadyPresent(f"/{project}", "there, as another version of its file says")
            await self._keeper.keep()  # whoever has brought it may still be about to
            return {"did": "was there", "address": f"/{project}"}
        projects[project] = new
        with self._beginning(project):
            try:
                await self._keeper.keep()
                await self._tree.supervisor().start_child(spec)
            except InvalidState:
                raise  # it was stopped or deleted meanwhile, or the daemon ends: that is known
            except Exception:
                if projects.get(project) is new:  # else somebody has deleted it meanwhile
                    del projects[project]
                    await self._keeper.keep()
                raise
        return {"did": "added", "address": f"/{project}"}

    async def start(
        self, *, names: Sequence[str], timeout: float | None = None
    ) -> list[dict[str, Any]]:
        """Start what does not run, and return when it does: one outcome for each."""
        chosen = self._choose(names)
        await self._remember(chosen, stopped=False)
        return await each(chosen, "start", self._start, timeout)

    async def stop(
        self, *, names: Sequence[str], force: bool = False, timeout: float | None = None
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
        return await each(chosen, "stop", stop, timeout)

    async def restart(
        self, *, names: Sequence[str], rolling: bool = False, timeout: float | None = None
    ) -> list[dict[str, Any]]:
        """Stop and start: all at once, or each when the one before it is up again."""
        chosen = self._choose(names)
        await self._remember(chosen, stopped=False)
        if not rolling:
            return await each(chosen, "restart", self._restart, timeout)
        outcomes = []
        for address in chosen:
            outcomes += await each([address], "restart", self._restart, timeout)
            if outcomes[-1]["error"] is not None:
                break  # one that fails is enough
        return outcomes

    async def delete(
        self, *, names: Sequence[str], timeout: float | None = None
    ) -> list[dict[str, Any]]:
        """Stop projects and forget them."""
        chosen = self._choose(names)
        for address in chosen:
            if address.strip("/") not in self._keeper.desired.projects:
                raise Unsupported("delete", f"{address}, a part of a file", "stop it, or reload")
        return await each(chosen, "delete", self._delete, timeout)

    async def signal(self, *, names: Sequence[str], number: int) -> list[dict[str, Any]]:
        """Send a signal to the process groups of programs."""
        if not 0 < number < NSIG:
            raise InvalidConfig("number", number, f"a signal, 1 to {NSIG - 1}")

        async def send(address: str) -> Outcome:
            await trio.lowlevel.checkpoint()
            self._tree[address].signal(number)
            return Outcome(address, "signalled")

        return await each(resolve(names, self._tree.status()), "signal", send, None)

    async def pause(self, *, names: Sequence[str]) -> list[dict[str, Any]]:
        """Have programs stand still: those that are meant, and those that run below supervisors."""

        async def pause(address: str) -> Outcome:
            await trio.lowlevel.checkpoint()
            if self._tree[address].state == "paused":
                return Outcome(address, "was paused")
            self._tree[address].pause()
            return Outcome(address, "paused")

        return await each(self._apps(names, _ALIVE), "pause", pause, None)

    async def resume(self, *, names: Sequence[str]) -> list[dict[str, Any]]:
        """Let programs go on: those that are meant, and those paused below supervisors."""

        async def resume(address: str) -> Outcome:
            await trio.lowlevel.checkpoint()
            self._tree[address].resume()
            return Outcome(address, "goes on")

        return await each(self._apps(names, frozenset({"paused"})), "resume", resume, None)

    async def reset(self, *, names: Sequence[str]) -> list[dict[str, Any]]:
        """Count automatic restarts from 0 again, of all that is meant and all below it."""

        async def reset(address: str) -> Outcome:
            await trio.lowlevel.checkpoint()
            self._tree[address].reset()
            return Outcome(address, "counts from 0")

        rows = self._tree.status()
        chosen = [row.address for row in below(resolve(names, rows), rows)]
        return await each(chosen, "reset", reset, None)

    async def shutdown(self) -> None:
        """Stop everything in order; then the daemon ends. What should run is kept."""
        self._tree.stop()
        await self._tree.ended.wait()

    async def save(self) -> dict[str, Any]:
        """Save what should run, as every change does; return ``path``, the names of ``projects``
        and the addresses of what was ``stopped``.

        Raises:
            StorageFailed: it cannot be saved.
        """
        await self._keeper.keep()
        desired = self._keeper.desired
        return {
            "path": str(self._keeper.path),
            "projects": list(desired.projects),
            "stopped": sorted(desired.stopped),
        }

    async def resurrect(self) -> list[dict[str, Any]]:
        """Start what should run and does not; return an outcome for each.

        That are projects that are not there, and what has failed for good.
        """
        rows = self._tree.status()
        failed = [row.address for row in rows if row.state == "failed"]
        there = {row.address for row in rows}
        missing = [
            f"/{it}"
            for it in self._keeper.desired.projects
            if f"/{it}" not in there and it not in self._begins
        ]
        back = await each(missing, "resurrect", self._come_back, None)
        return back + await each(failed, "resurrect", self._start, None)

    async def _come_back(self, address: str) -> Outcome:
        project = address.strip("/")
        with self._beginning(project):
            try:
                spec = _read(project, self._keeper.desired.projects[project].tree)
                await self._tree.supervisor().start_child(spec)
            except SupctlError as error:
                _log.error("%s does not come back: %s", project, error)
                raise
        return Outcome(address, "is back")

    @contextmanager
    def _beginning(self, project: str) -> Iterator[None]:
        """Let nobody else start a project for the first time."""
        self._begins.add(project)
        try:
            yield
        finally:
            self._begins.discard(project)

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

    async def _start(self, address: str) -> Outcome:
        handle = self._tree[address]
        if handle.state == "paused":
            handle.resume()
            return Outcome(address, "goes on")
        if handle.state in _ALIVE:
            return Outcome(address, "was running")
        await handle.start()
        return Outcome(address, "started")

    async def _stop(self, address: str, *, force: bool) -> Outcome:
        handle = self._tree[address]
        was = handle.state
        await handle.stop(force=force)
        did = "killed" if force else "stopped"
        return Outcome(address, did if was in _ALIVE else f"was {was}", _status(handle.reason))

    async def _restart(self, address: str) -> Outcome:
        handle = self._tree[address]
        if handle.state not in _ALIVE:
            await handle.start()
            return Outcome(address, "started")
        await handle.restart()
        return Outcome(address, "restarted", _status(handle.reason))

    async def _delete(self, address: str) -> Outcome:
        desired, name = self._keeper.desired, address.strip("/")
        project = desired.projects.pop(name, None)
        stopped = {it for it in desired.stopped if is_below(it, {address})}
        desired.stopped -= stopped
        try:
            await self._keeper.keep()
        except StorageFailed:
            desired.stopped |= stopped
            if project is not None:
                desired.projects[name] = project
            raise
        await self._tree[address].delete()
        return Outcome(address, "deleted")


def _read(project: str, tree: dict[str, Any]) -> Supervisor:
    try:
        return read_native(tree, project, Path("/"), {})
    except ConfigErrors as errors:
        raise InvalidConfig("tree", project, "a tree that can work", str(errors)) from None


def _status(reason: ExitReason | None) -> int | None:
    return reason.status.shell_code if reason is not None and reason.status is not None else None
