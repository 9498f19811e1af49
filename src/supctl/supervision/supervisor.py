"""The supervisor actor: the trio shell around :class:`~.core.SupervisorCore`.

It turns what happens (reports of children, timers, requests) into events for the core, and the
core's commands into calls. It decides nothing.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any, TypeAlias

import trio

from supctl import events
from supctl.actors.app.actor import AppActor
from supctl.actors.incarnation import (
    NOTHING_SEEN,
    Detached,
    Down,
    Ignored,
    Incarnation,
    Killed,
    NotUp,
    Paused,
    Report,
    Resumed,
    Seen,
    Started,
    Tell,
    Up,
)
from supctl.actors.probing.liveness import HealthState
from supctl.actors.process.worker import ProcessWorker
from supctl.actors.worker import WorkerActor
from supctl.errors import FAULTS, InvalidConfig, InvalidState
from supctl.exits import ExitKind, ExitReason
from supctl.specs import App, ChildSpec, Supervisor, Worker
from supctl.specs.ignore import Ignore

from . import messages as m
from .child import Child, expand, policies
from .core import Phase, SupervisorCore
from .endings import as_meant
from .eventlog import current_cause, forget_cause
from .flags import Flags
from .isolated.life import IsolatedSupervisor
from .narrator import Narrator
from .pacer import Pacer
from .sources import SourceWatch
from .world import World

_log = logging.getLogger("supctl.supervision")


@dataclass(slots=True, eq=False)
class Request:
    """Where the core's answer to a request is put; the token of its messages.

    Args:
        child: the one to be added.
        view: makes of the core's answer, at that moment, what the request returns.
        because: number of the event for which it is made, if there is one.
    """

    child: Child | None = None
    because: int | None = field(default_factory=current_cause)
    view: Callable[[Any], Any] = lambda result: result
    done: trio.Event = field(default_factory=trio.Event)
    result: Any = None


@dataclass(frozen=True, slots=True)
class _Heard:
    """A report of one life of one child."""

    child: Child
    run: int
    report: Report


_Message: TypeAlias = "_Heard | m.Event"


class SupervisorActor(Incarnation):
    """One life of a supervisor.

    Args:
        spec: its children and policies.
        address: ``/`` for the root.
        world: shared by the whole tree.
        tell: hears the reports.
        origin: number of the event that it follows from, if there is one.

    Attributes:
        stopped_for: number of the event for which it is to stop, if there is one.
    """

    grace = math.inf

    def __init__(
        self, spec: Supervisor, address: str, world: World, tell: Tell, origin: int | None = None
    ) -> None:
        self.spec, self.address = spec, address
        if spec.start_rate is not None:
            world = replace(world, pacer=Pacer(spec.start_rate))
        self._world, self._tell = world, tell
        self._waiting: deque[_Message] = deque()
        self._changed: set[str] = set()  # children that something was done about
        self._busy = False
        self._asked: set[Request] = set()
        self._requests: dict[str, Request] = {}  # the latest about each child
        self._narrator = Narrator(world.events, address)
        self._sources = SourceWatch(self, world, self._narrator)
        self._origin = origin
        self.stopped_for: int | None = None
        self._over = trio.Event()
        self._fault: Exception | None = None
        self._past = world.watch.standing_of(address)
        self._hold(spec.children)
        self.numbers = count(1)
        """Of instances that were asked for; a name for those who have no other."""
        self.finished: m.Finished | None = None
        self._serves = False  # whether the nursery is there, in which children live
        self._is_up = False
        self._stopping = False
        self._killing = False

    def _hold(self, specs: Iterable[ChildSpec]) -> None:
        """Make a record of every child, and a core that knows them."""
        self.children = {child.name: child for child in expand(specs, self.address)}
        for child in self.children.values():
            self.recall(child)
            child.last_event = self._origin
        self.core = SupervisorCore(
            policies(self.children.values(), self._world.parked),
            self._flags(),
            random=self._world.random,
            pacer=self._world.pacer,
            past=self._past,
        )

    def _flags(self) -> Flags:
        is_root = self.address == "/"
        return Flags.of(self.spec, is_forest=self._world.is_forest and is_root)

    def recall(self, child: Child) -> None:
        """Let the restarts of before of a new child count on."""
        child.past = self._world.watch.recall(child.address)
        if child.past.state is m.ChildState.STOPPING and not isinstance(child.spec, App):
            # What is no program is not there to be stopped by us.
            child.past = replace(child.past, state=m.ChildState.STOPPED)
        child.restarts, child.reason = child.past.restarts, child.past.reason
        child.stop_asked = child.past.stop_asked
        if child.past.age is not None:
            child.started_at = trio.current_time() - child.past.age

    def respecify(self, spec: Supervisor) -> None:
        """Be made of ``spec`` from now on; nothing is started or stopped (OTP-UPG-02).

        Children that are not in it stay, behind the others (OTP-UPG-03).
        """
        others, self.children = self.children, {}
        for child in expand(spec.children, self.address):
            there = others.pop(child.name, child)
            there.spec, there.is_static = child.spec, True
            if there.life is not None:
                there.life.adopt(child.own)
            self.children[child.name] = there
        self.children |= others
        self.spec = spec
        made = policies(self.children.values(), self._world.parked)
        self.core.respecify(self._flags(), made)
        self._sources.review()
        self._world.watch.respecified(self)

    # What its own supervisor does with it.

    @property
    def last_event(self) -> int | None:
        return self._narrator.last_own

    @property
    def state(self) -> str:
        if self._stopping or self.core.phase in (Phase.ENDING, Phase.OVER):
            return "stopping"
        return "running" if self._is_up else "starting"

    def stop(self) -> None:
        self._stopping = True
        if self._serves:
            self._post(m.Shutdown(urgent=True))

    def kill(self) -> None:
        self._killing = True
        for child in self.children.values():
            if child.life is not None:
                child.life.kill()
        self.stop()

    async def run(self) -> None:
        if self.spec.factory is not None and not self._stopping:
            try:
                made = self.spec.make_children()
            except FAULTS as error:  # the user's: the start has failed, and nothing else
                _log.warning("%s: its children could not be made", self.address, exc_info=error)
                self._tell(NotUp(_not_made(error)))
                return
            if isinstance(made, Ignore):
                self._tell(Ignored())
                return
            self._hold(made)
        await self._serve()

    async def _serve(self) -> None:
        self._world.watch.opened(self)
        async with trio.open_nursery() as self._nursery:
            self._serves = True
            self._sources.begin(self._nursery)
            self._post(m.Shutdown(urgent=True) if self._stopping else m.Begin())
            await self._over.wait()
            # Timers of restarts that will not be.
            self._nursery.cancel_scope.cancel()
        self._world.watch.closed(self)
        if self._fault is not None:
            raise self._fault
        assert self.finished is not None
        reason = self.finished.reason
        stuck = any(child.stuck for child in self.children.values())
        self._tell(Down(reason, stuck) if self._is_up else NotUp(reason))

    async def ask(self, make: Callable[[Request], m.Event], **options: Any) -> Any:
        """Put a request to the core and return its answer. Raises the error it answers with.

        ``options`` are those of :class:`Request`.
        """
        request = Request(**options)
        if self._over.is_set():
            raise InvalidState(self.address, "stopped", "a supervisor that runs")
        self._asked.add(request)
        try:
            self._post(make(request))
            await request.done.wait()
        finally:
            self._asked.discard(request)
        if isinstance(request.result, Exception):
            raise request.result
        return request.result

    def signal_child(self, name: str, number: int) -> None:
        """Send a signal to the process of a child, if it has one."""
        child = self.children[name]
        if child.life is not None:
            facts = {"cause": current_cause(), "number": number}
            self._narrator.tell(child, events.ChildSignalled, **facts)
            child.life.signal(number)

    def reset(self, name: str) -> None:
        """Count the restarts of a child from 0 again, and its back-off and its limits with them.

        What waits for a back-off waits on.
        """
        self.children[name].restarts = 0
        self.core.forgive(name)
        self._world.watch.changed(self, {name})

    # What happens.

    def _post(self, message: _Message) -> None:
        """Handle a message: at once, in the task that brings it, or after those before it.

        A task switch for each step of a restart would cost more than the step.
        """
        self._waiting.append(message)
        if not self._busy:
            self._handle_waiting()

    def _handle_waiting(self) -> None:
        if self._over.is_set():
            return
        self._busy = True
        try:
            while self._waiting:
                self._take(self._waiting.popleft())
            self._world.watch.changed(self, self._changed)
            self._changed.clear()
        except Exception as error:  # ours: it ends this supervisor, not the one who told
            self._fault = error
            self._over.set()
            for request in self._asked:
                request.result = InvalidState(self.address, "broken", "a supervisor that runs")
                request.done.set()
        finally:
            self._busy = False

    def _take(self, message: _Message) -> None:
        self._narrator.because = self.stopped_for
        if isinstance(message, _Heard):
            self._hear(message.child, message.run, message.report)
            return
        if isinstance(message, m.Change):
            self._requests[message.name] = message.token
            self._narrator.because = message.token.because
        if isinstance(message, m.TerminateChild) and message.force:
            self._force(message)
            return
        if isinstance(message, m.TimerFired) and message.name in self.children:
            self._narrator.because = self.children[message.name].last_event
        self._feed(message)

    def _hear(self, child: Child, run: int, report: Report) -> None:
        self._changed.add(child.name)
        is_supervisor = isinstance(child.life, SupervisorActor)
        if is_supervisor and run == 1 and isinstance(report, Up) and child.past.outlived:
            report = replace(report, age=child.past.age)
        match report:
            case Started(pid, unenforced, age):
                self._narrator.tell_start(child, pid, unenforced, age)
                self._feed(m.ChildWarming(child.name, run))
            case Up(pid, unenforced, ready_after, age):
                if ready_after is None:
                    self._narrator.tell_start(child, pid, unenforced, age)
                else:
                    self._narrator.tell(child, events.ChildReady, after=ready_after)
                self._feed(m.ChildUp(child.name, run, age or 0.0))
            case Ignored():
                child.life = None
                self._narrator.tell(child, events.ChildIgnored)
                self._feed(m.ChildIgnored(child.name, run))
            case Seen(health, said):
                before, child.seen = child.seen.health, report
                if health not in (before, "", HealthState.UNKNOWN):
                    self._narrator.tell(child, events.HealthChanged, health=health, said=said)
            case Detached(pids, kept):
                self._narrator.tell(child, events.ChildDetached, pids=pids, kept=kept)
            case Paused():
                self._narrator.tell(child, events.ChildPaused, cause=current_cause())
            case Resumed():
                self._narrator.tell(child, events.ChildResumed, cause=current_cause())
            case Killed(grace):
                self._narrator.tell(child, events.ChildKilled, grace=grace)
            case NotUp(reason):
                child.life, child.pid, child.reason = None, 0, reason
                self._narrator.tell(child, events.ChildStartFailed, reason=reason)
                self._feed(m.ChildNotUp(child.name, run, reason))
            case Down(reason, stuck):
                child.stuck = stuck
                uptime = trio.current_time() - child.started_at
                reason = as_meant(child.spec, reason, uptime)
                self._narrator.tell_end(child, reason, uptime)
                self._feed(m.ChildDown(child.name, run, reason))

    def _feed(self, event: m.Event) -> None:
        for command in self.core.handle(event, trio.current_time()):
            self._carry_out(command)
            if (name := getattr(command, "name", None)) is not None:
                self._changed.add(name)

    # What is to be done.

    def _carry_out(self, command: m.Command) -> None:
        match command:
            case m.Start(name, run):
                self._start(self.children[name], run)
            case m.Stop(name):
                self._stop(self.children[name])
            case m.SetTimer(name, token, delay):
                self._nursery.start_soon(self._fire_after, delay, m.TimerFired(name, token))
            case m.Reply(request, result):
                request.result = result if isinstance(result, Exception) else request.view(result)
                request.done.set()
            case m.Added(name, request):
                self.children.pop(name, None)  # one that was forgotten comes last now
                self.children[name] = request.child
                because = self._narrator.because
                self._narrator.tell(request.child, events.ChildAdded, cause=because)
                self._sources.add(request.child)
            case m.Forgotten(name):
                self._requests.pop(name, None)
                if not self.children[name].is_static:
                    self.forget(name)
            case m.Finished():
                self.finished = command
                self._over.set()
            case m.Up():
                self._is_up = True
                self._tell(Up())
            case _:
                self._narrator.tell_decision(command, self.children)

    def _start(self, child: Child, run: int) -> None:
        child.run, child.stop_asked, child.seen = run, False, NOTHING_SEEN
        child.stuck = False
        child.last_event = self._command_about(child) or child.last_event
        tell = partial(self._told, child, run)
        life: Incarnation
        match child.own:
            case App() as app:
                life = AppActor(app, child.address, self._world.services, tell)
            case Worker(isolation="process") as worker:
                life = ProcessWorker(worker, child.address, self._world.services, tell)
            case Worker() as worker:
                life = WorkerActor(worker, child.address, tell, self._world.services.registry)
            case Supervisor(isolation="process") as spec:
                origin = child.last_event
                life = IsolatedSupervisor(spec, child.address, self._world, tell, origin)
            case spec:
                life = SupervisorActor(spec, child.address, self._world, tell, child.last_event)
        child.life = life
        self._nursery.start_soon(_live, life, tell)
        if self._killing or child.forced:
            life.kill()

    def _told(self, child: Child, run: int, report: Report) -> None:
        self._post(_Heard(child, run, report))

    def _stop(self, child: Child) -> None:
        if child.life is None:
            return  # its end is in the mailbox already
        child.stop_asked = True
        if self._killing or child.forced:
            self._kill(child)
            return
        if (
            child.run > 1 or child.past.state is not m.ChildState.STOPPING
        ):  # told by those before us
            self._note_stop(child, child.life.grace)
        child.life.stop()

    def _command_about(self, child: Child) -> int | None:
        """Return the number of the event for which something is asked about a child, if it is."""
        request = self._requests.get(child.name)
        return None if request is None or request.done.is_set() else request.because

    def _note_stop(self, child: Child, grace: float) -> None:
        self._narrator.because = self._command_about(child) or self._narrator.because
        self._narrator.tell_stop(child, grace if isinstance(child.spec, App | Worker) else None)
        if isinstance(child.life, SupervisorActor | IsolatedSupervisor):
            child.life.stopped_for = child.stopped_for

    def _force(self, request: m.TerminateChild) -> None:
        """Put a request to the core, and kill the child whatever the core is about."""
        child = self.children.get(request.name)
        if child is not None:
            child.forced = True
        self._feed(request)
        if child is not None:
            self._kill(child)

    def _kill(self, child: Child) -> None:
        if child.life is not None and child.killed != child.run:
            child.killed = child.run
            self._note_stop(child, 0.0)
            child.life.kill()

    def stopped(self, name: str) -> None:
        """Show that a child was stopped by somebody, be it that it had ended before."""
        if (child := self.children.get(name)) is not None:
            child.stop_asked, child.forced = True, False
            self._changed.add(name)

    def forget(self, name: str) -> None:
        """Show a child no more, if it is shown; the core has forgotten it."""
        child = self.children.pop(name, None)
        if child is not None:
            self._narrator.tell(child, events.ChildForgotten)
            self._sources.drop(child)

    async def _fire_after(self, delay: float, event: m.TimerFired) -> None:
        await trio.sleep(delay)
        self._post(event)


def _not_made(error: BaseException) -> ExitReason:
    told = str(error) if isinstance(error, InvalidConfig) else f"{type(error).__name__}: {error}"
    return ExitReason(ExitKind.START_FAILED, detail=told)


async def _live(life: Incarnation, tell: Tell) -> None:
    """Run one life; a fault of ours in it is a crash of that child and of nothing else."""
    forget_cause()
    try:
        await life.run()
    except Exception as error:
        _log.exception("internal error in %r", life)
        tell(Down(ExitReason(ExitKind.CRASHED, detail=f"internal error: {error!r}")))
