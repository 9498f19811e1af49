"""What changes something: the methods of the control protocol that an operator's commands call."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Container, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict
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
    StartFailed,
    StorageFailed,
    SupctlError,
    Unsupported,
)
from supctl.exits import ExitKind, ExitReason
from supctl.specs import Supervisor
from supctl.supervision.handle import Handle
from supctl.supervision.tree import Tree

from .desired import Project
from .errands import Errands
from .keeper import Keeper
from .naming import above, below, is_below, resolve, topmost
from .outcome import Outcome, each, in_time

_log = logging.getLogger("supctl.daemon")

_DOWN: Final = frozenset({"backoff", "failed"})
"""States of what was started in vain."""

_ALIVE: Final = frozenset({"starting", "running", "ready", "paused", "detached", "stopping"})


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
        self._begins: set[str] = set()  # projects that are being started for the first time

    async def add(
        self,
        *,
        project: str,
        tree: dict[str, Any],
        source: str = "",
        timeout: float | None = None,
        wait: bool = True,
    ) -> dict[str, Any]:
        """Take in what a file describes, and start it.

        Args:
            project: the name under which its children will be: ``/shop/...``.
            tree: as a ``supctl.json`` holds it, with absolute paths and exact environments.
            source: the file.

        Returns:
            ``did``: ``"added"``, ``"was there"`` if it was, as it is, or ``"asked"``; ``address``;
            ``failed``: outcomes of those in it that have not come up.

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
            return _added("was there", project)
        projects[project] = new
        with ExitStack() as held:
            held.enter_context(self._beginning(project))
            async with self._forgotten_on_failure(project, new):
                await self._keeper.keep()
            bring_up = partial(self._bring_up, spec, new)
            if not wait:
                self._errands.begin(bring_up, held.pop_all())
                return _added("asked", project)
            return _added("added", project, await in_time(f"/{project}", "add", bring_up, timeout))

    async def _bring_up(self, spec: Supervisor, new: Project) -> list[dict[str, Any]]:
        """Start a project that is new; return outcomes of those in it that have not come up."""
        async with self._forgotten_on_failure(spec.name, new):
            await self._tree.supervisor().start_child(spec)
        return self._not_up([f"/{spec.name}"])

    @asynccontextmanager
    async def _forgotten_on_failure(self, project: str, new: Project) -> AsyncIterator[None]:
        projects = self._keeper.desired.projects
        try:
            yield
        except InvalidState:
            raise  # it was stopped or deleted meanwhile, or the daemon ends: that is known
        except Exception:
            if projects.get(project) is new:  # else somebody has deleted it meanwhile
                del projects[project]
                await self._keeper.keep()
            raise

    async def start(
        self, *, names: Sequence[str], timeout: float | None = None, wait: bool = True
    ) -> list[dict[str, Any]]:
        """Start what does not run, and return when it does: one outcome for each, and one for
        each below a supervisor that has not come up."""
        chosen = self._choose(names)
        await self._remember(chosen, stopped=False)
        done = await self._errands.each(chosen, "start", self._start, timeout, wait=wait)
        return done + self._not_up(chosen if wait else [])

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
        return done + self._not_up(chosen if wait else [])

    async def delete(
        self, *, names: Sequence[str], timeout: float | None = None, wait: bool = True
    ) -> list[dict[str, Any]]:
        """Stop projects and forget them."""
        chosen = self._choose(names)
        for address in chosen:
            if address.strip("/") not in self._keeper.desired.projects:
                raise Unsupported("delete", f"{address}, a part of a file", "stop it, or reload")
        return await self._errands.each(chosen, "delete", self._delete, timeout, wait=wait)

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

    async def shutdown(
        self, *, force: bool = False, timeout: float | None = None, wait: bool = True
    ) -> None:
        """Stop everything in order; then the daemon ends. What should run is kept.

        Args:
            force: kill all at once, also what is being stopped in order.

        Raises:
            ActorTimeout: something lives after ``timeout``; it goes on.
        """
        (self._tree.kill if force else self._tree.stop)()
        if wait:
            await in_time("the daemon", "shutdown", self._tree.ended.wait, timeout)

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

    def _not_up(self, addresses: Sequence[str]) -> list[dict[str, Any]]:
        """Return an outcome for each child below ``addresses`` that was started in vain."""
        found = []
        for row in below(addresses, self._tree.status()):
            error = _in_vain(row.address, row.state, row.reason)
            if error is not None and row.address not in addresses:
                found.append(asdict(Outcome.failed(row.address, error)))
        return found

    async def _start(self, address: str) -> Outcome:
        handle, did = self._tree[address], "started"
        match handle.state:
            case "paused":
                handle.resume()
                return Outcome(address, "goes on")
            case "starting":
                did = "was starting"
                await self._has_left("starting", handle)
            case "stopping" | "backoff":
                if self._errands.is_under_way(address, "restart"):
                    did = "joined the restart under way"
                await handle.restart()
            case "stopped" | "exited" | "failed" | "waiting":
                await handle.start()
            case _:
                return Outcome(address, "was running")
        return _up(handle, did)

    async def _has_left(self, state: str, handle: Handle) -> None:
        """Return when a child is in another state."""
        with self._tree.subscribe() as subscription:
            while handle.state == state:
                await anext(subscription)

    async def _stop(self, address: str, *, force: bool) -> Outcome:
        handle = self._tree[address]
        was, did = handle.state, "killed" if force else "stopped"
        if was == "stopping" and not force and not self._errands.is_under_way(address, "restart"):
            did = "was being stopped"
        await handle.stop(force=force)
        return Outcome(address, did if was in _ALIVE else f"was {was}", _status(handle.reason))

    async def _restart(self, address: str) -> Outcome:
        handle = self._tree[address]
        did = "restarted" if handle.state in _ALIVE else "started"
        if self._errands.is_joined(address, "restart"):
            did = "joined the restart under way"
        await handle.restart()
        return _up(handle, did, _status(handle.reason) if did != "started" else None)

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


def _added(did: str, project: str, failed: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    return {"did": did, "address": f"/{project}", "failed": [*failed]}


def _up(handle: Handle, did: str, status: int | None = None) -> Outcome:
    """Return the outcome of a start: it may be that the child waits for its next attempt."""
    if (error := _in_vain(handle.address, handle.state, handle.reason)) is not None:
        raise error
    return Outcome(handle.address, did, status)


def _in_vain(address: str, state: str, reason: ExitReason | None) -> StartFailed | None:
    """Return the error of a start that has failed, if it has: what has ended since is up to its
    policies."""
    if state not in _DOWN or reason is None or reason.kind is not ExitKind.START_FAILED:
        return None
    return StartFailed(address, reason.detail or str(reason))


def _read(project: str, tree: dict[str, Any]) -> Supervisor:
    try:
        return read_native(tree, project, Path("/"), {})
    except ConfigErrors as errors:
        raise InvalidConfig("tree", project, "a tree that can work", str(errors)) from None


def _status(reason: ExitReason | None) -> int | None:
    return reason.status.shell_code if reason is not None and reason.status is not None else None
