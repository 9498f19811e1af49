"""Processes on POSIX systems, held by a reaper.

This side decides nothing either: it turns the calls of :class:`~supctl.backends.base.Backend`
into messages to the reaper and the reaper's messages into notices.
"""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

import trio

from supctl.errors import ProtocolError, ReaperLost, SpawnFailed
from supctl.exits import ExitStatus

from .base import (
    Backend,
    Capabilities,
    Exited,
    Gone,
    Left,
    Lost,
    Notify,
    OnReaperRestarted,
    Process,
    ProcessSpec,
    PythonSpec,
)
from .estate import Estate
from .orphans import end_orphans
from .posix_process import PosixProcess
from .pythons import Pythons
from .reaper import cgroups
from .reaper.marks import new_marks
from .reaper.program import Program
from .reaper.protocol import Kept, Launch, Passing, Terms
from .reaper_link import Heirs, ReaperLink
from .reaper_program import OWN_DESCRIPTOR_LIMIT
from .will import Will

_CLOSE_PATIENCE = 10.0
"""Seconds that leaving the backend waits for killed processes. Only a process stuck in the
kernel (state D) outlasts a SIGKILL; the reaper stays with it, we need not."""


class PosixBackend(Backend):
    """Spawns through a reaper and starts a new one when that is lost.

    Args:
        capabilities: what this system can do.
        on_reaper_restarted: called when the reaper was lost and replaced.
        link: to the reaper that has started us; without it one is started that ends with us.
        heirs: who supervises after us. With them, a new reaper holds what is kept as the lost one
            did; without, it is ended and counts as lost.
    """

    def __init__(
        self,
        capabilities: Capabilities,
        on_reaper_restarted: OnReaperRestarted | None = None,
        link: ReaperLink | None = None,
        heirs: Heirs | None = None,
    ) -> None:
        self.capabilities = capabilities
        self._inherited_link, self._heirs, self._will = link, heirs, Will()
        self.on_reaper_restarted = on_reaper_restarted
        self._runs: dict[int, PosixProcess] = {}
        self._numbers = itertools.count(1)
        self.origin = int.from_bytes(os.urandom(4), "big")
        self._marks = new_marks(self.origin)
        self._with_output: set[PosixProcess] = set()
        self._emptied: trio.Event | None = None
        # Our own tasks work on while the user's block is cancelled, until we are done.
        self._service_scope = trio.CancelScope(shield=True)

    @property
    def reaper_pid(self) -> int:  # type: ignore[override]
        return self._link.pid

    async def __aenter__(self) -> Self:
        if self._inherited_link is not None:
            self._link = self._inherited_link
            self.estate = await self._inherit(self._link)
        else:
            self._link = self._start_reaper()
        self._nursery_manager = trio.open_nursery()
        self._nursery = await self._nursery_manager.__aenter__()
        self._nursery.start_soon(self._serve)
        self._pythons = Pythons(self.spawn, self.adopt, self._nursery)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        with trio.CancelScope(shield=True):
            self._link.send("bye")
            with trio.move_on_after(_CLOSE_PATIENCE):
                await self._end_all()
                await self._link.wait_sent()
            self._service_scope.cancel()
            self._pythons.close()
            for process in list(self._with_output):
                process.close_output()
            with trio.move_on_after(_CLOSE_PATIENCE):
                self._link.close()
                await self._link.wait()
            self._will.close()
            if self.estate is not None:
                self.estate.close()
        # Not told of the body's error, the nursery leaves it as it is instead of in a group.
        await self._nursery_manager.__aexit__(None, None, None)
        return None

    def _start_reaper(self) -> ReaperLink:
        """Start a reaper; a system may have more to tell it."""
        limit = self._link.limit if self._heirs is not None else OWN_DESCRIPTOR_LIMIT
        return ReaperLink.start(self._heirs, limit)

    async def _inherit(self, link: ReaperLink) -> Estate:
        """Return what the reaper tells of those before us.

        Raises:
            EOFError, ProtocolError: the reaper is lost at once.
        """
        estate = Estate()
        is_all = False
        while not is_all:
            for message in await link.receive():
                if is_all:
                    self._handle(link, message)
                elif message == ["that_is_all"]:
                    is_all = True
                else:
                    self._take_over(link, message, estate)
        return estate

    def _take_over(self, link: ReaperLink, message: list[Any], estate: Estate) -> None:
        match message:
            case ["hello", version, int(), int(limit)]:
                link.greet(version, limit)
            case ["left_you", list(names), int(last), dict(fields)]:
                fds = link.take_descriptors(len(names))
                estate.passing = Passing(**fields)
                estate.descriptors = dict(zip(names, fds, strict=True))
                self._numbers = itertools.count(last + 1)
                self._use_subtree(estate.passing.subtree)
            case ["noted", dict(notes)]:
                estate.notes |= notes
            case ["kept", int(number), dict(fields), list(names)]:
                kept = Kept(**fields)
                fds = link.take_descriptors(len(names))
                terms = Terms(**kept.terms)
                process = PosixProcess(number, "", terms, link, self._with_output)
                process.survived(kept, dict(zip(names, fds, strict=True)))
                if not kept.gone:
                    self._runs[number] = process
                estate.survivors[number] = process
            case other:
                raise ProtocolError(repr(other)[:200], "what a daemon has left")

    def _use_subtree(self, path: str | None) -> None:
        """Use on the cgroup of an earlier process, if there is one."""

    def note(self, key: str, text: str | None) -> None:
        self._will.note(self._link, key, text)

    def hold(self, name: str, fd: int) -> None:
        self._will.hold(self._link, name, fd)

    def forget(self, token: int) -> None:
        self._link.forget(token)

    def serves(self) -> None:
        """Tell the reaper that it is of use by now to be told signals that are meant for us."""
        self._will.serves(self._link)

    def upgrade(self, program: Program, within: float) -> None:
        self._link.send("upgrade", asdict(program), within)

    async def _end_all(self) -> None:
        for process in list(self._runs.values()):
            process.kill()
        if self._runs:
            self._emptied = trio.Event()
            await self._emptied.wait()

    async def spawn(self, spec: ProcessSpec, notify: Notify | None = None) -> Process:
        cgroup, unenforced = self.prepare_limits(spec)
        launch = _launch(spec, next(self._marks), cgroup)
        stdin = [] if spec.stdin is None else [spec.stdin]
        held = {} if spec.notify is None else {"notify": spec.notify}
        process = await self._begin("spawn", launch, notify, stdin=stdin, held=held)
        process.unenforced = unenforced
        return process

    async def spawn_python(
        self, spec: PythonSpec, notify: Notify | None = None
    ) -> tuple[Process, tuple[int, ...]]:
        return await self._pythons.spawn(spec, notify)

    async def adopt(
        self, pid: int, spec: PythonSpec, held: Mapping[str, int], notify: Notify | None
    ) -> Process:
        """Hold a process that a zygote of ours has forked as if it had been spawned.

        Args:
            held: descriptors that the next who supervises is to find with it, by name.

        Raises:
            SpawnFailed: it has ended already.
            ReaperLost: as :meth:`spawn`.
        """
        launch = Launch(["python"], {}, next(self._marks), grace=spec.grace, kept=spec.kept)
        return await self._begin("adopt", launch, notify, pid, [*held], held=held)

    async def _begin(
        self,
        word: str,
        launch: Launch,
        notify: Notify | None,
        *more: Any,
        stdin: Sequence[int] = (),
        held: Mapping[str, int] | None = None,
    ) -> PosixProcess:
        """Have the reaper hold a new run, and return once it does.

        Descriptors that are ``held`` go to every next reaper, too.
        """
        number = next(self._numbers)
        program, terms = launch.command[0], launch.terms
        process = PosixProcess(number, program, terms, self._link, self._with_output)
        self._runs[number] = process
        try:
            held = held or {}
            descriptors = [*stdin, *held.values()]
            self._link.send(word, number, launch.as_dict(), *more, descriptors=descriptors)
            if launch.kept:
                process.hold(held)
            await process.wait_answer()
        except trio.Cancelled:
            self._abandon(process)
            raise
        except ProtocolError as error:  # longer than any message may be
            self._forget(number)
            raise SpawnFailed(launch.command[0], "program", errno.E2BIG, str(error)) from None
        # Not from here: a notice must not come before this call has returned.
        trio.lowlevel.current_trio_token().run_sync_soon(process.listen, notify)
        return process

    def prepare_limits(self, spec: ProcessSpec) -> tuple[str | None, tuple[str, ...]]:
        """Return a cgroup with the limits of ``spec``, and phrases for what cannot be enforced."""
        reason = self.capabilities.cgroup_reason or "this system has no cgroups"
        wanted = spec.limits().values()
        return None, tuple(f"{limit} is not enforced: {reason}" for limit in wanted)

    def change(self, process: Process, spec: ProcessSpec) -> None:
        assert isinstance(process, PosixProcess)
        process.change_terms(spec.stop_signal, spec.grace)
        process.unenforced = self.change_limits(process.terms.cgroup, spec)

    def change_limits(self, cgroup: str | None, spec: ProcessSpec) -> tuple[str, ...]:
        """Limit what is in a cgroup as ``spec`` says, and return phrases for what it lacks."""
        return self.prepare_limits(spec)[1]

    def _abandon(self, process: PosixProcess) -> None:
        """Kill what was asked for but is not wanted any more; it may not even have started."""
        process.kill()  # sent behind the spawn, so it finds the run
        process.listen(lambda _: process.close_output())

    async def _serve(self) -> None:
        """Hear the reaper; when it is lost, end what it held and start another."""
        with self._service_scope:
            async with trio.open_nursery() as nursery:
                while True:
                    detail = await self._listen(self._link)
                    await self._replace_reaper(nursery, detail)

    async def _replace_reaper(self, nursery: trio.Nursery, detail: str) -> None:
        lost, orphans = self._link, dict(self._runs)
        lost.kill()
        self._link = self._start_reaper()
        kept = [it for it in orphans.values() if self._heirs is not None and it.can_be_handed_on]
        for process in kept:
            process.hand_on(self._link)
        self._will.tell_again(self._link)
        if self.on_reaper_restarted is not None:
            self.on_reaper_restarted(detail, self._link.pid, len(kept))
        for number, process in orphans.items():
            if process not in kept:
                process.cut_loose()
                nursery.start_soon(self._end_lost, number, process, detail)
        lost.close()
        await lost.wait()

    async def _listen(self, link: ReaperLink) -> str:
        """Handle what the reaper tells until it is lost; return how that showed."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(link.flush_forever)
            try:
                while True:
                    for message in await link.receive():
                        self._handle(link, message)
            except EOFError:
                nursery.cancel_scope.cancel()
                return "it was killed, or has crashed"
            except ProtocolError as error:
                nursery.cancel_scope.cancel()
                return str(error)

    def _handle(self, link: ReaperLink, message: list[Any]) -> None:
        match message:
            case ["hello", version, int(), int(limit)]:
                link.greet(version, limit)
            case ["started", int(number), int(pid), list(names)]:
                fds = dict(zip(names, link.take_descriptors(len(names)), strict=True))
                self._runs[number].started(pid, fds)
            case ["failed", int(number), str(stage), int(code), str(detail)]:
                process = self._runs[number]
                self._forget(number)
                process.failed(SpawnFailed(process.program, stage, code, detail))
            case ["signalled", int(number)]:
                self._runs[number].signalled()
            case ["exited", int(number), dict(status)]:
                self._runs[number].notice(Exited(ExitStatus(**status)))
            case ["left", int(number), list(pids)]:
                self._runs[number].notice(Left(tuple(pids)))
            case ["gone", int(number)]:
                process = self._runs[number]
                self._forget(number)
                process.notice(Gone())
            case other:
                raise ProtocolError(repr(other)[:200], "a message of the reaper protocol")

    def _forget(self, number: int) -> None:
        cgroup = self._runs.pop(number).terms.cgroup
        if cgroup is not None:  # the reaper removes those of what it saw start and end only
            cgroups.remove(cgroup)
        if not self._runs and self._emptied is not None:
            self._emptied.set()

    async def _end_lost(self, number: int, process: PosixProcess, detail: str) -> None:
        """See the tree of one lost process to its end, then tell."""
        terms = process.terms
        grace = 0.0 if self._emptied is not None else terms.grace
        await end_orphans(terms.mark, terms.stop_signal, grace)
        self._forget(number)
        if process.pid == 0:
            process.failed(ReaperLost(detail))
            return
        if process.status is None:
            process.notice(Lost(detail))
        process.notice(Gone())


def _launch(spec: ProcessSpec, mark: int, cgroup: str | None) -> Launch:
    return Launch(
        command=list(spec.command),
        env=dict(spec.env),
        mark=mark,
        cwd=spec.cwd,
        stdin=spec.stdin is not None,
        stdout=spec.stdout,
        stderr=spec.stderr,
        umask=spec.umask,
        user=spec.user,
        group=spec.group,
        nice=spec.nice,
        rlimits={name: list(pair) for name, pair in spec.rlimits.items()},
        death_signal=spec.death_signal,
        stop_signal=spec.stop_signal,
        grace=spec.grace,
        cgroup=cgroup,
        pid_in=spec.pid_in,
        kept=spec.kept,
        notify=spec.notify is not None,
    )
