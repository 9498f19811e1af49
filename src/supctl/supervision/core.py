"""The supervisor as a state machine: events in, commands out.

It never waits, reads a clock or touches anything; chance comes in as an argument. The rules are
those of OTP's ``supervisor``, named by their numbers; docs/otp.md says where we differ.

OTP's supervisor *blocks* while it starts or stops children, and its mailbox keeps what arrives.
Here that is a *plan*: children to be started or stopped in an order, each awaited, while all other
events wait in an inbox. A concurrent supervisor has the same plans, but a plan of one child does
not hold up the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto

from supctl.errors import InvalidState, ProcessNotFound, StartFailed
from supctl.exits import SHUTDOWN, ExitKind, ExitReason
from supctl.specs import AutoShutdown, Intensity, Restart, Strategy

from . import messages as m
from .children import ChildRecord, Children
from .messages import ChildPolicy, ChildState, Context
from .pacer import Pacer
from .plan import Retry, Stage, StageKind
from .plans import Answer, Impossible, Plans
from .requests import DYNAMIC, TABLE, Verdict, refusal
from .window import RestartWindow


class Phase(Enum):
    """Where the supervisor is in its own life."""

    NEW = auto()
    STARTING = auto()
    RUNNING = auto()
    ENDING = auto()
    OVER = auto()


class SupervisorCore:
    """Decides for one life of one supervisor.

    Args:
        children: in start order, names unique.
        strategy, intensity, auto_shutdown: as in :class:`supctl.Supervisor`.
        concurrent: ``start="concurrent"``.
        random: returns floats in [0, 1), for the jitter.
        pacer: the start rate, if there is one.
    """

    def __init__(
        self,
        children: Iterable[ChildPolicy],
        *,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        intensity: Intensity | None = None,
        auto_shutdown: AutoShutdown = AutoShutdown.NEVER,
        concurrent: bool = False,
        random: Callable[[], float],
        pacer: Pacer | None = None,
    ) -> None:
        self._dynamic = strategy is Strategy.SIMPLE_ONE_FOR_ONE
        self._children = Children(children, dynamic=self._dynamic)
        self._strategy = strategy
        self._intensity = intensity or Intensity()
        self._window = RestartWindow(self._intensity)
        self._auto_shutdown = auto_shutdown
        self._concurrent = concurrent
        self._random = random
        self._pacer = pacer
        self._phase = Phase.NEW
        self._plans = Plans(self._say, self._is_down)
        self._inbox: deque[m.Event | Retry] = deque()
        self._commands: list[m.Command] = []
        self._outcome = m.Finished(SHUTDOWN)
        self._ill_ends: dict[str, tuple[ExitReason, int]] = {}
        self._leader: ChildRecord | None = None  # for whom a group waits, if it still does
        self._timers = 0
        self._now = 0.0

    def _say(self, command: m.Command) -> None:
        self._commands.append(command)

    # What is to be seen.

    @property
    def phase(self) -> Phase:
        """Where the supervisor is in its own life."""
        return self._phase

    def state_of(self, name: str) -> ChildState | None:
        """Return the state of a child; ``None`` if it is not known (any more)."""
        child = self._children.get(name)
        return None if child is None else child.state

    def due_at(self, name: str) -> float | None:
        """Return when a child is to be started (again), be it with its group; ``None``: never."""
        child = self._children.get(name)
        if child is None or child.state not in (ChildState.WAITING, ChildState.STOPPED):
            return None
        leader = child if child.state is ChildState.WAITING else self._leader
        if leader is None or leader.state is not ChildState.WAITING:
            return None
        return leader.due_at if child in self._revived(self._group(leader)) else None

    def restarts_in_window(self, now: float) -> int:
        """Return how many restarts still count against the intensity."""
        return self._window.count(now)

    # The one way in, and the inbox.

    def handle(self, event: m.Event, now: float) -> list[m.Command]:
        """Take an event that came about at ``now`` and return what is to be done, in order."""
        self._commands, self._now = [], now
        if self._phase is Phase.OVER:
            self._refuse(event)
        else:
            self._post(event)
            while (waiting := self._next()) is not None:
                self._dispatch(waiting)
        return self._commands

    def _post(self, event: m.Event) -> None:
        """Put an event into the inbox; an answer, and an urgent stop, take effect at once."""
        match event:
            case m.ChildDown():
                child = self._current(event)
                if child.state is ChildState.RUNNING and child.exit_waits is None:
                    # Until its turn comes it counts as running, as for OTP's supervisor.
                    child.exit_waits = event
                    self._inbox.append(event)
                else:
                    self._plans.answer(child, event, self._now)
            case m.ChildWarming():
                self._current(event).is_warming = True
            case m.ChildUp() | m.ChildNotUp() | m.ChildIgnored():
                self._plans.answer(self._current(event), event, self._now)
            case m.Shutdown(urgent=True):
                if self._phase is not Phase.ENDING:  # an operator does not wait for a plan to end
                    self._end(m.Finished(SHUTDOWN))
            case _:
                self._inbox.append(event)

    def _current(self, event: Answer | m.ChildWarming) -> ChildRecord:
        child = self._children.get(event.name)
        if child is None or child.run != event.run:
            raise Impossible(f"{event} is not of the child's present life")
        return child

    def _next(self) -> m.Event | Retry | None:
        """Take the first event out of the inbox that need not wait for a plan."""
        if not self._inbox:
            return None
        if not self._plans:
            return self._inbox.popleft()
        if self._plans.concern_all or not (self._concurrent or self._is_free()):
            return None
        for place, event in enumerate(self._inbox):
            if self._need_not_wait(event):
                del self._inbox[place]
                return event
        return None

    def _is_free(self) -> bool:
        """Return whether children go their own ways while one of them takes its time to get ready.

        OTP knows no such thing: there a start is over as soon as the child runs.
        """
        on_its_own = (Strategy.ONE_FOR_ONE, Strategy.SIMPLE_ONE_FOR_ONE)
        return self._strategy in on_its_own and self._plans.only_warm

    def _need_not_wait(self, event: m.Event | Retry) -> bool:
        """Return whether the plans that are under way are of no concern to ``event``."""
        if isinstance(event, m.Query):
            return True
        if isinstance(event, m.Begin | m.Shutdown):
            return False
        child = self._children.get(event.name)
        if child is None or child.plan is None:
            return True
        # What does not come up can be called off.
        return isinstance(event, m.TerminateChild) and child.plan.is_start

    def _dispatch(self, event: m.Event | Retry) -> None:
        match event:
            case m.Begin():
                self._begin()
            case m.ChildDown():
                self._on_exit(event)
            case Retry(name, reason):
                self._on_retry(self._children.get(name), reason)
            case m.TimerFired(name, token):
                self._on_timer(self._children.get(name), token)
            case m.StartChild() | m.TerminateChild() | m.RestartChild() | m.DeleteChild():
                self._on_request(event)
            case m.WhichChildren(token):
                rows = [(child.name, child.state) for child in self._children]
                self._say(m.Reply(token, rows[::-1]))
            case m.CountChildren(token):
                self._say(m.Reply(token, self._children.counts()))
            case m.GetChildSpec(name, token):
                known = self._children.get(name) is not None
                self._say(m.Reply(token, name if known else ProcessNotFound(name)))
            case m.Shutdown():
                self._end(m.Finished(SHUTDOWN))
            case other:
                raise Impossible(f"{other} does not wait in the inbox")

    # Plans.

    def _carry_out(
        self,
        *stages: Stage,
        then: Callable[[], None] = lambda: None,
        request: m.Change | None = None,
    ) -> None:
        self._plans.carry_out(*stages, then=then, failed=self._try_again, request=request)

    def _stage(self, kind: StageKind, children: Sequence[ChildRecord]) -> Stage:
        """Return a stage for ``children``: in turn, or at once where order means nothing."""
        at_once = self._concurrent or (self._dynamic and kind is StageKind.STOP)  # OTP-SOFO-06
        return (Stage.at_once if at_once else Stage.in_turn)(kind, children)

    def _is_down(self, child: ChildRecord, reason: ExitReason | None) -> None:
        """A plan has seen a child's end, or found that it has no process."""
        if reason is not None and not child.policy.bears(reason):
            self._report_ill_end(child, reason)
        if self._children.lets_go(child):
            self._forget(child)

    def _report_ill_end(self, child: ChildRecord, reason: ExitReason) -> None:
        """Report a child that we stopped and that has ended otherwise than by that."""
        if self._dynamic and self._phase is Phase.ENDING:  # told together (OTP-SOFO-06)
            first, number = self._ill_ends.get(str(reason), (reason, 0))
            self._ill_ends[str(reason)] = first, number + 1
        else:
            self._report(Context.SHUTDOWN_ERROR, child, reason)

    def _report(self, context: Context, child: ChildRecord, reason: ExitReason) -> None:
        self._say(m.Report(context, child.policy.name, reason))

    def _forget(self, child: ChildRecord) -> None:
        self._children.remove(child)
        self._say(m.Forgotten(child.name))

    # The start phase and the end.

    def _begin(self) -> None:
        if self._phase is not Phase.NEW:
            raise Impossible("a supervisor begins once")
        self._phase = Phase.STARTING
        stage = self._stage(StageKind.START, list(self._children))
        self._plans.carry_out(stage, then=self._all_up, failed=self._roll_back, whole=True)

    def _all_up(self) -> None:
        self._phase = Phase.RUNNING
        self._say(m.Up())

    def _roll_back(self, child: ChildRecord, reason: ExitReason) -> None:
        """A child has not started in the start phase: what has is stopped (OTP-START-04)."""
        self._report(Context.START_ERROR, child, reason)
        detail = f"{child.name}: {reason.detail or reason}"
        told = ExitReason(ExitKind.START_FAILED, reason.status, detail)
        self._end(m.Finished(told, not_started=child.name))

    def _end(self, outcome: m.Finished) -> None:
        """Stop all children in reverse order, then be over."""
        self._phase, self._outcome = Phase.ENDING, outcome
        self._plans.drop_all(_stopping())
        self._refuse_all()
        stage = self._stage(StageKind.STOP, list(self._children)[::-1])
        self._plans.carry_out(stage, then=self._over, failed=self._try_again, whole=True)

    def _over(self) -> None:
        self._phase = Phase.OVER
        self._refuse_all()
        for _, (reason, number) in sorted(self._ill_ends.items()):  # in OTP by term order
            self._say(m.Report(Context.SHUTDOWN_ERROR, "", reason, number))
        self._say(self._outcome)

    def _refuse_all(self) -> None:
        for event in self._inbox:
            self._refuse(event)
        self._inbox.clear()

    def _refuse(self, event: m.Event | Retry) -> None:
        """Answer a request that nobody will carry out any more; other events mean nothing now."""
        if isinstance(event, m.Request):
            self._say(m.Reply(event.token, _stopping()))

    # Ends of children, and restarts.

    def _on_exit(self, event: m.ChildDown) -> None:
        child = self._children.get(event.name)
        if child is None or child.exit_waits is not event:
            return  # a group restart has used it up
        child.exit_waits, child.state = None, ChildState.STOPPED
        policy, reason = child.policy, event.reason
        if policy.restart is Restart.PERMANENT or not reason.is_normal:
            self._report(Context.CHILD_TERMINATED, child, reason)
        if self._now - child.started_at >= policy.backoff.reset_after:
            child.streak = 0
        if policy.restart.applies(normal=reason.is_normal):
            self._restart(child, reason)
        else:
            self._has_ended(child)

    def _has_ended(self, child: ChildRecord) -> None:
        """A child has ended by itself, for good: perhaps that is our end too (OTP-SIG-01 to 03)."""
        if self._children.lets_go(child):
            self._forget(child)
        if not child.policy.significant or self._auto_shutdown is AutoShutdown.NEVER:
            return
        all_of_them = self._auto_shutdown is AutoShutdown.ALL_SIGNIFICANT
        if all_of_them and any(
            other.policy.significant and other.state not in (ChildState.STOPPED, ChildState.FAILED)
            for other in self._children
        ):
            return
        self._say(m.AutoShutdown(child.name))
        self._end(m.Finished(ExitReason(ExitKind.SHUTDOWN, detail=f"{child.name} has ended")))

    def _restart(self, child: ChildRecord, reason: ExitReason) -> None:
        """Restart ``child`` and its group, unless one of the two limits forbids it."""
        policy = child.policy
        if policy.give_up_after is not None and child.streak >= policy.give_up_after:
            child.state = ChildState.FAILED
            self._say(m.ChildFailed(policy.name, child.streak, reason))
            self._has_ended(child)
            return
        if not self._window.add(self._now):
            self._give_up(child, reason)
            return
        child.delay = policy.backoff.delay(child.streak, child.delay, self._random)
        child.streak += 1
        self._say(m.RestartScheduled(policy.name, child.delay, child.streak))
        if child.delay == 0:
            self._restart_in_turn(child)
        else:
            self._wait(child, child.delay)

    def _wait(self, child: ChildRecord, delay: float) -> None:
        """Stop the rest of the group now, and start all of it when the delay is over."""
        self._timers += 1
        child.state, child.due_at, child.timer = ChildState.WAITING, self._now + delay, self._timers
        self._say(m.SetTimer(child.name, child.timer, delay))
        others = [other for other in self._group(child) if other is not child]
        if others:
            self._leader = child
            self._carry_out(self._stage(StageKind.STOP, others[::-1]))

    def _on_timer(self, child: ChildRecord | None, token: int) -> None:
        if child is not None and child.state is ChildState.WAITING and child.timer == token:
            self._restart_in_turn(child)

    def _on_retry(self, child: ChildRecord | None, reason: ExitReason) -> None:
        """Act if the child still waits, whichever attempt queued the retry (OTP-AGAIN-05)."""
        if child is None or child.state is not ChildState.WAITING or child.due_at is not None:
            return
        self._restart(child, reason)
        if self.state_of(child.name) is ChildState.FAILED and self._phase is Phase.RUNNING:
            # The rest of the group must not wait for what has failed for good.
            self._carry_out(self._stage(StageKind.START, self._revived(self._group(child))))

    def _restart_in_turn(self, child: ChildRecord) -> None:
        """Restart the group now, or when the start rate lets it."""
        if self._pacer is not None and not child.admitted:
            starts = len(self._revived(self._group(child)))
            delay = self._pacer.reserve(self._now, starts)
            if delay > 0:
                child.admitted = True
                self._say(m.RestartPaced(child.name, delay))
                self._wait(child, delay)
                return
        self._restart_group(child)

    def _group(self, child: ChildRecord) -> list[ChildRecord]:
        return self._children.group(child, self._strategy)

    def _revived(self, group: Iterable[ChildRecord]) -> list[ChildRecord]:
        """Return who of a group is started: also what was stopped before (OTP-OFA-02, -03)."""
        return [
            child
            for child in group
            if child.policy.restart is not Restart.TEMPORARY
            and child.state is not ChildState.FAILED
        ]

    def _restart_group(self, child: ChildRecord) -> None:
        """Stop what runs of the group in reverse order, then start it in order."""
        group = self._group(child)
        child.state = ChildState.STOPPED  # it waits no more: retries still queued are void
        start = self._stage(StageKind.START, self._revived(group))
        if len(group) == 1:
            self._carry_out(start)
        else:
            others = [other for other in group[::-1] if other is not child]
            self._carry_out(self._stage(StageKind.STOP, others), start)

    def _try_again(self, child: ChildRecord, reason: ExitReason) -> None:
        """A restart has failed; the next waits its turn, and is counted then (OTP-AGAIN-01)."""
        self._report(Context.START_ERROR, child, reason)
        child.state, child.due_at = ChildState.WAITING, None
        self._inbox.append(Retry(child.name, reason))

    def _give_up(self, child: ChildRecord, reason: ExitReason) -> None:
        gave_up = m.GaveUp(child.name, len(self._window), self._intensity.within, reason)
        child.state = ChildState.STOPPED
        self._say(gave_up)
        self._report(Context.SHUTDOWN, child, reason)
        self._end(m.Finished(ExitReason(ExitKind.SHUTDOWN, detail="gave up"), gave_up=gave_up))

    # Requests.

    def _on_request(self, request: m.Change) -> None:
        name = request.name
        child = self._children.get(name)
        state = None if child is None else child.state
        if child is not None and child.plan is not None:
            state = ChildState.STARTING
        verdict = (DYNAMIC if self._dynamic else TABLE)[type(request), state]
        match request, verdict:
            case m.StartChild(), Verdict.ADD:
                self._start_new(request)
            case _, Verdict.STOP if child is not None:
                self._stop_for(request, child)
            case _, Verdict.START if child is not None:
                child.streak = 0
                self._start_for(request, child)
            case _, Verdict.DELETE if child is not None:
                self._forget(child)
                self._say(m.Reply(request.token, None))
            case _:
                self._say(m.Reply(request.token, refusal(verdict, name, state)))

    def _start_new(self, request: m.StartChild) -> None:
        child = self._children.add(request.policy)
        self._say(m.Added(child.name, request.token))
        self._start_for(request, child)

    def _start_for(self, request: m.Change, child: ChildRecord) -> None:
        """Start a child and answer. A failure is answered, and nothing else (OTP-AGAIN-06)."""
        token = request.token

        def done() -> None:
            up = child.state is not ChildState.STOPPED
            self._say(m.Reply(token, child.run if up else None))

        def failed(child: ChildRecord, reason: ExitReason) -> None:
            if isinstance(request, m.StartChild):
                self._forget(child)
            error = StartFailed(child.name, reason.detail or str(reason))
            self._say(m.Reply(token, error))

        stage = self._stage(StageKind.START, [child])
        self._plans.carry_out(stage, then=done, failed=failed, request=request)

    def _stop_for(self, request: m.Change, child: ChildRecord) -> None:
        if child.plan is not None:
            self._plans.drop(
                child.plan, InvalidState(child.name, "stopping", "left alone while it starts")
            )
        child.streak = 0
        self._carry_out(
            self._stage(StageKind.STOP, [child]),
            then=lambda: self._say(m.Reply(request.token, None)),
            request=request,
        )


def _stopping() -> InvalidState:
    return InvalidState("the supervisor", "stopping", "one that runs")
