"""The supervisor as a state machine: events in, commands out.

It never waits, reads a clock or touches anything; chance comes in as an argument. The rules are
those of OTP's ``supervisor``; tests name the facts they check.

OTP's supervisor *blocks* while it starts or stops children, and its mailbox keeps what arrives.
Here that is a *plan*: steps carried out one after the other, each awaiting the answers of its
children, while all other events wait in an inbox. A concurrent supervisor has the same plans with
all children in one step, and restarts single children outside of any plan.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto
from typing import Final

from supctl.errors import InvalidState, ProcessNotFound, StartFailed
from supctl.exits import SHUTDOWN, ExitKind, ExitReason
from supctl.specs import Intensity, Restart, Strategy

from . import messages as m
from .messages import ChildPolicy, ChildState
from .plan import ChildRecord, Plan, Retry, Step, StepKind
from .window import RestartWindow

_NO_PROCESS: Final = frozenset({ChildState.STOPPED, ChildState.WAITING, ChildState.FAILED})


class Phase(Enum):
    """Where the supervisor is in its own life."""

    NEW = auto()
    STARTING = auto()
    RUNNING = auto()
    ENDING = auto()
    OVER = auto()


class Impossible(RuntimeError):
    """An event that cannot come about in this state: a bug of the shell."""


class SupervisorCore:
    """Decides for one life of one supervisor.

    Args:
        children: in start order, names unique.
        strategy, intensity, concurrent: as in :class:`supctl.Supervisor`.
        random: returns floats in [0, 1), for the jitter.
    """

    def __init__(
        self,
        children: Iterable[ChildPolicy],
        *,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        intensity: Intensity | None = None,
        concurrent: bool = False,
        random: Callable[[], float],
    ) -> None:
        self._children = {
            policy.name: ChildRecord(policy, place) for place, policy in enumerate(children)
        }
        self._strategy = strategy
        self._intensity = intensity or Intensity()
        self._window = RestartWindow(self._intensity)
        self._concurrent = concurrent
        self._random = random
        self._phase = Phase.NEW
        self._plan: Plan | None = None
        self._inbox: deque[m.Event | Retry] = deque()
        self._commands: list[m.Command] = []
        self._outcome = m.Finished(SHUTDOWN)
        self._now = 0.0

    # What is to be seen.

    @property
    def phase(self) -> Phase:
        """Where the supervisor is in its own life."""
        return self._phase

    def state_of(self, name: str) -> ChildState:
        """Return the state of a child."""
        return self._children[name].state

    def due_at(self, name: str) -> float | None:
        """Return when a child is to be started again; ``None`` if it is not."""
        child = self._children[name]
        return child.due_at if child.state is ChildState.WAITING else None

    # The one way in.

    def handle(self, event: m.Event, now: float) -> list[m.Command]:
        """Take an event that came about at ``now`` and return what is to be done, in order."""
        self._commands, self._now = [], now
        if self._phase is Phase.OVER:
            self._refuse(event)
        elif not self._answers_plan(event):
            self._post(event)
        while self._plan is None and self._inbox:
            self._dispatch(self._inbox.popleft())
        return self._commands

    def _post(self, event: m.Event) -> None:
        """Put an event into the inbox; what must not wait there takes effect at once."""
        match event:
            case m.Shutdown(urgent=True) if self._phase is not Phase.ENDING:
                # An operator does not wait for a plan to end.
                self._end(m.Finished(SHUTDOWN))
            case m.ChildUp(name, run):
                self._is_up(self._started(name, run))
            case m.ChildNotUp(name, run, reason):
                self._try_again(self._started(name, run), reason)
            case m.ChildDown(name, run):
                # Until its turn comes it counts as running, as for OTP's supervisor.
                self._current(name, run).exit_waits = event
                self._inbox.append(event)
            case _:
                self._inbox.append(event)

    def _dispatch(self, event: m.Event | Retry) -> None:
        match event:
            case m.Begin():
                self._begin()
            case m.ChildDown():
                self._on_exit(event)
            case Retry(name, reason):
                self._on_retry(self._children[name], reason)
            case m.TimerFired(name, token):
                self._on_timer(self._children[name], token)
            case m.TerminateChild():
                self._on_terminate_child(event)
            case m.RestartChild():
                self._on_restart_child(event)
            case m.Shutdown():
                self._end(m.Finished(SHUTDOWN))
            case other:
                raise Impossible(f"{other} does not wait in the inbox")

    def _current(self, name: str, run: int) -> ChildRecord:
        child = self._children[name]
        if child.run != run:
            raise Impossible(f"{name} is in run {child.run}, but something came of run {run}")
        return child

    def _started(self, name: str, run: int) -> ChildRecord:
        """Return the child that was started outside of any plan and has answered."""
        child = self._current(name, run)
        if child.state is not ChildState.STARTING:
            raise Impossible(f"{name} is {child.state}, nobody has started it")
        return child

    # Plans: what happens in order, while everything else waits.

    def _carry_out(
        self,
        steps: Iterable[Step],
        then: Callable[[], None] = lambda: None,
        failed: Callable[[ChildRecord, ExitReason], None] | None = None,
        request: m.TerminateChild | m.RestartChild | None = None,
    ) -> None:
        self._plan = Plan(deque(steps), then, failed or self._try_again, request)
        self._advance()

    def _advance(self) -> None:
        """Begin steps until one has something to wait for, or the plan is done."""
        plan = self._plan
        while plan is not None and not plan.awaited:
            if not plan.steps:
                self._plan = None
                plan.then()
                return
            self._begin_step(plan, plan.steps.popleft())

    def _begin_step(self, plan: Plan, step: Step) -> None:
        for child in step.children:
            wanted = self._start(child) if step.kind is StepKind.START else self._stop(child)
            if wanted:
                plan.awaited.add(child.policy.name)

    def _start(self, child: ChildRecord) -> bool:
        """Start a child that has no process; return whether an answer is to come."""
        if child.state not in _NO_PROCESS or child.forgotten:
            return False
        child.run += 1
        child.state, child.due_at = ChildState.STARTING, None
        child.timer += 1
        self._commands.append(m.StartChild(child.policy.name, child.run))
        return True

    def _stop(self, child: ChildRecord) -> bool:
        """Stop a child; return whether an answer is to come.

        An exit that waits in the inbox is used up: it is neither counted nor judged
        (OTP-BURST-01).
        """
        if child.exit_waits is not None:
            child.exit_waits, child.state = None, ChildState.STOPPED
        if child.state in _NO_PROCESS:
            if child.state is ChildState.WAITING:
                child.state, child.due_at = ChildState.STOPPED, None
            self._forget_temporary(child)
            return False
        if child.state is not ChildState.STOPPING:
            child.state = ChildState.STOPPING
            self._commands.append(m.StopChild(child.policy.name, child.run))
        return True

    def _answers_plan(self, event: m.Event) -> bool:
        """Take an answer that the plan awaits; return whether ``event`` was one."""
        plan = self._plan
        if plan is None or not isinstance(event, m.ChildUp | m.ChildNotUp | m.ChildDown):
            return False
        if event.name not in plan.awaited:
            return False
        child = self._current(event.name, event.run)
        match event:
            case m.ChildUp() if child.state is ChildState.STOPPING:
                return True  # it came up after we had called it off; its end is to come
            case m.ChildUp():
                self._is_up(child)
            case m.ChildNotUp(reason=reason) if child.state is ChildState.STARTING:
                self._plan = None
                self._is_down(child)
                plan.failed(child, reason)
                return True
            case m.ChildNotUp() | m.ChildDown():
                if child.state is ChildState.STARTING:
                    raise Impossible(f"{event.name} ended before it was up")
                self._is_down(child)
                self._forget_temporary(child)
        plan.awaited.discard(event.name)
        self._advance()
        return True

    def _is_up(self, child: ChildRecord) -> None:
        child.state, child.started_at = ChildState.RUNNING, self._now

    def _is_down(self, child: ChildRecord) -> None:
        child.state = ChildState.STOPPED

    def _forget_temporary(self, child: ChildRecord) -> None:
        if child.policy.restart is Restart.TEMPORARY:
            child.forgotten = True

    def _steps(self, kind: StepKind, children: Sequence[ChildRecord]) -> list[Step]:
        """Return steps for ``children``: one for each, or one for all if we are concurrent."""
        if self._concurrent:
            return [Step(kind, children)] if children else []
        return [Step(kind, [child]) for child in children]

    # The start phase and the end.

    def _begin(self) -> None:
        if self._phase is not Phase.NEW:
            raise Impossible("a supervisor begins once")
        self._phase = Phase.STARTING
        steps = self._steps(StepKind.START, list(self._children.values()))
        self._carry_out(steps, then=self._all_up, failed=self._roll_back)

    def _all_up(self) -> None:
        self._phase = Phase.RUNNING
        self._commands.append(m.Up())

    def _roll_back(self, child: ChildRecord, reason: ExitReason) -> None:
        """A child has not started in the start phase: what has is stopped (OTP-START-04)."""
        detail = f"{child.policy.name}: {reason.detail or reason}"
        told = ExitReason(ExitKind.START_FAILED, reason.status, detail)
        self._end(m.Finished(told, not_started=child.policy.name))

    def _end(self, outcome: m.Finished) -> None:
        """Stop all children in reverse order, then be over."""
        self._phase, self._outcome = Phase.ENDING, outcome
        if self._plan is not None and self._plan.request is not None:
            self._refuse(self._plan.request)
        for event in self._inbox:
            self._refuse(event)
        self._inbox.clear()
        children = list(reversed(self._children.values()))
        self._carry_out(self._steps(StepKind.STOP, children), then=self._over)

    def _over(self) -> None:
        self._phase = Phase.OVER
        for event in self._inbox:
            self._refuse(event)
        self._inbox.clear()
        self._commands.append(self._outcome)

    def _refuse(self, event: m.Event | Retry) -> None:
        """Answer a request that nobody will carry out any more; other events mean nothing now."""
        if isinstance(event, m.TerminateChild | m.RestartChild):
            error = InvalidState("the supervisor", "stopping", "one that runs")
            self._commands.append(m.Reply(event.token, error))

    # Restarts.

    def _on_exit(self, event: m.ChildDown) -> None:
        child = self._children[event.name]
        if child.exit_waits is not event:
            return  # a group restart has used it up
        child.exit_waits, child.state = None, ChildState.STOPPED
        if self._now - child.started_at >= child.policy.backoff.reset_after:
            child.streak = 0
        if child.policy.restart.applies(normal=event.reason.is_normal):
            self._restart(child, event.reason)
        else:
            self._forget_temporary(child)

    def _restart(self, child: ChildRecord, reason: ExitReason) -> None:
        """Restart ``child`` and its group, unless one of the two limits forbids it."""
        policy = child.policy
        if policy.give_up_after is not None and child.streak >= policy.give_up_after:
            child.state = ChildState.FAILED
            self._commands.append(m.ChildFailed(policy.name, child.streak, reason))
            return
        if not self._window.add(self._now):
            self._give_up(child, reason)
            return
        child.delay = policy.backoff.delay(child.streak, child.delay, self._random)
        child.streak += 1
        self._commands.append(m.RestartScheduled(policy.name, child.delay, child.streak))
        if child.delay == 0:
            self._restart_group(child)
        else:
            self._wait(child)

    def _wait(self, child: ChildRecord) -> None:
        """Stop the rest of the group now, and start all of it when the delay is over."""
        child.state, child.due_at = ChildState.WAITING, self._now + child.delay
        child.timer += 1
        self._commands.append(m.SetTimer(child.policy.name, child.timer, child.delay))
        others = [other for other in self._group(child) if other is not child]
        if others:
            self._carry_out(self._steps(StepKind.STOP, others[::-1]))

    def _on_timer(self, child: ChildRecord, token: int) -> None:
        if child.state is ChildState.WAITING and child.timer == token:
            self._restart_group(child)

    def _on_retry(self, child: ChildRecord, reason: ExitReason) -> None:
        """Act if the child still waits, whichever attempt queued the retry (OTP-AGAIN-05)."""
        if child.state is ChildState.WAITING and child.due_at is None:
            self._restart(child, reason)
            if self.state_of(child.policy.name) is ChildState.FAILED:
                self._go_on_without(child)

    def _go_on_without(self, failed: ChildRecord) -> None:
        """Start the rest of a group whose restart ``failed`` has held up for good."""
        group = self._group(failed)
        rest = [child for child in group if child.state is not ChildState.FAILED]
        self._carry_out(self._steps(StepKind.START, rest))

    def _group(self, child: ChildRecord) -> list[ChildRecord]:
        """Return who is restarted together with ``child``, in start order."""
        match self._strategy:
            case Strategy.ONE_FOR_ONE:
                return [child]
            case Strategy.ONE_FOR_ALL:
                return list(self._children.values())
            case Strategy.REST_FOR_ONE:
                return list(self._children.values())[child.place :]

    def _restart_group(self, child: ChildRecord) -> None:
        """Stop what runs of the group in reverse order, then start it in order."""
        if self._concurrent:
            self._start(child)  # its siblings are not concerned, so nothing has to wait for it
            return
        group = self._group(child)
        stops = self._steps(StepKind.STOP, [other for other in group[::-1] if other is not child])
        revived = [other for other in group if other.state is not ChildState.FAILED]
        self._carry_out([*stops, *self._steps(StepKind.START, revived)])

    def _try_again(self, child: ChildRecord, reason: ExitReason) -> None:
        """A restart has failed; the next waits its turn, and is counted then (OTP-AGAIN-01)."""
        child.state = ChildState.WAITING
        self._inbox.append(Retry(child.policy.name, reason))

    def _give_up(self, child: ChildRecord, reason: ExitReason) -> None:
        gave_up = m.GaveUp(child.policy.name, len(self._window), self._intensity.within, reason)
        child.state = ChildState.STOPPED
        self._commands.append(gave_up)
        self._end(m.Finished(ExitReason(ExitKind.SHUTDOWN, detail="gave up"), gave_up=gave_up))

    # Requests.

    def _on_terminate_child(self, request: m.TerminateChild) -> None:
        name, token = request.name, request.token
        child = self._children.get(name)
        if child is None or child.forgotten:
            self._commands.append(m.Reply(token, ProcessNotFound(name)))
            return
        child.streak = 0
        self._carry_out(
            [Step(StepKind.STOP, [child])],
            then=lambda: self._commands.append(m.Reply(token, None)),
            request=request,
        )

    def _on_restart_child(self, request: m.RestartChild) -> None:
        name, token = request.name, request.token
        child = self._children.get(name)
        if child is None or child.forgotten:
            self._commands.append(m.Reply(token, ProcessNotFound(name)))
        elif child.state not in (ChildState.STOPPED, ChildState.FAILED):
            self._commands.append(m.Reply(token, InvalidState(name, child.state, "stopped")))
        else:
            child.streak = 0
            self._carry_out(
                [Step(StepKind.START, [child])],
                then=lambda: self._commands.append(m.Reply(token, None)),
                failed=lambda child, reason: self._commands.append(
                    m.Reply(token, StartFailed(name, reason.detail or str(reason)))
                ),
                request=request,
            )
