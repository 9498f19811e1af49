"""What changes something: the methods of the control protocol that an operator's commands call."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Container, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from signal import NSIG
from typing import Any, Final

import trio

from supctl.config.document import read_native
from supctl.config.mistakes import ConfigErrors
from supctl.errors import AlreadyPresent, InvalidConfig, StorageFailed, SupctlError, Unsupported
from supctl.exits import ExitReason
from supctl.specs import Supervisor
from supctl.supervision.tree import Tree

from .desired import Project
from .keeper import Keeper
from .naming import below, resolve
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
        self._resurrection = trio.Lock()

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
        spec = _read(project, tree)
        projects = self._keeper.desired.projects
        if (known := projects.get(project)) is not None:
            if known.tree != tree:
                raise AlreadyPresent(f"/{project}", "there, as another version of its file says")
            return {"did": "was there", "address": f"/{project}"}
        projects[project] = Project(tree, source)
        await self._keep_or(lambda: projects.pop(project))
        try:
            await self._tree.supervisor().start_child(spec)
        except Exception:
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

        It stays stopped, also when the daemon starts again.

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
        async with self._resurrection:
            missing = [f"/{it}" for it in self._keeper.desired.projects if not self._is_there(it)]
            outcomes = [await self._come_back(address) for address in missing]
            failed = [row.address for row in self._tree.status() if row.state == "failed"]
            return outcomes + await each(failed, "resurrect", self._start, None)

    def _is_there(self, project: str) -> bool:
        return any(row.address == f"/{project}" for row in self._tree.status())

    async def _come_back(self, address: str) -> dict[str, Any]:
        name = address.strip("/")
        try:
            project = self._parked(name, self._keeper.desired.projects[name].tree)
            await self._tree.supervisor().start_child(project)
        except SupctlError as error:  # the others are to come back
            _log.error("%s does not come back: %s", name, error)
            return asdict(Outcome.failed(address, error))
        return asdict(Outcome(address, "is back"))

    def _parked(self, project: str, tree: dict[str, Any]) -> Supervisor:
        """Return a project in which what an operator has stopped does not start by itself.

        What is restarted ``always`` does: that is the difference from ``unless-stopped``.
        """
        tree = copy.deepcopy(tree)
        for address in self._keeper.desired.stopped:
            owner, _, path = address[1:].partition("/")
            if owner == project:
                _park(tree, path.split("/") if path else [])
        return _read(project, tree)

    # How.

    def _choose(self, names: Sequence[str]) -> list[str]:
        """Return the addresses that are meant, without those below another of them."""
        if not names:
            raise InvalidConfig("names", list(names), "at least one")
        found = resolve(names, self._tree.status())
        return [it for it in found if not any(it.startswith(f"{above}/") for above in found)]

    def _apps(self, names: Sequence[str], states: Container[str]) -> list[str]:
        """Return what is meant, with apps in such ``states`` in place of supervisors over them."""
        rows = self._tree.status()
        chosen = resolve(names, rows)
        return [
            row.address
            for row in below(chosen, rows)
            if row.kind != "supervisor"
            and (row.address in chosen or (row.kind == "app" and row.state in states))
        ]

    async def _remember(self, addresses: Sequence[str], *, stopped: bool) -> None:
        """Save that an operator wants those stopped, or not."""
        held = self._keeper.desired.stopped
        before = set(held)
        below = {it for it in held if any(it.startswith(f"{above}/") for above in addresses)}
        held -= below
        (held.update if stopped else held.difference_update)(addresses)
        if held != before:
            added, removed = held - before, before - held
            await self._keep_or(lambda: self._take_back(added, removed))

    def _take_back(self, added: set[str], removed: set[str]) -> None:
        """Undo one change; others may have been made meanwhile."""
        desired = self._keeper.desired
        desired.stopped = desired.stopped - added | removed

    async def _keep_or(self, undo: Callable[[], Any]) -> None:
        try:
            await self._keeper.keep()
        except StorageFailed:
            undo()
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
        await self._tree[address].delete()
        desired = self._keeper.desired
        del desired.projects[address.strip("/")]
        desired.stopped = {it for it in desired.stopped if not f"{it}/".startswith(f"{address}/")}
        await self._keeper.keep()
        return Outcome(address, "deleted")


def _park(tree: dict[str, Any], path: Sequence[str]) -> None:
    """Let the child at ``path`` not start by itself, unless it always does."""
    table: Any = tree
    for name in path:
        table = table.get("apps", {}).get(name.partition(":")[0])
        if table is None:
            return
    if path and table.get("restart", "always") not in ("always", "permanent"):
        table["autostart"] = False


def _read(project: str, tree: dict[str, Any]) -> Supervisor:
    try:
        return read_native(tree, project, Path("/"), {})
    except ConfigErrors as errors:
        raise InvalidConfig("tree", project, "a tree that can work", str(errors)) from None


def _status(reason: ExitReason | None) -> int | None:
    return reason.status.shell_code if reason is not None and reason.status is not None else None
