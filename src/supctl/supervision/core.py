"""The supervisor as a state machine: events in, commands out.

It never waits, reads a clock or touches anything; chance comes in as an argument. The rules are
those of OTP's ``supervisor``, named by their numbers; docs/otp.md says where we differ.

OTP's supervisor *blocks* while it starts or stops children, and its mailbox keeps what arrives.
Here that is a *plan*: children to be started or stopped in an order, each awaited, while all other
events wait in an inbox. A concurrent supervisor has the same plans, but a plan of one child does
not hold up the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from enum import Enum, auto

from supctl.errors import InvalidState, ProcessNotFound
from supctl.exits import SHUTDOWN, ExitKind, ExitReason
from supctl.specs import AutoShutdown

from . import messages as m
from .children import ChildRecord, Children
from .endings import escalation
from .flags import Flags
from .history import NEW, NOTHING, History, Standing
from .holding import Holding
from .inbox import Inbox, Waiting
from .messages import ChildPolicy, ChildState, Context
from .operations import Operations
from .pacer import Pacer
from .plan import Retry, Stage, StageKind
from .plans import Answer, Impossible, Plans
from .restarts import Restarts
from .takeover import Takeover


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
        flags: what else it goes by.
        random: returns floats in [0, 1), for the jitter.
        pacer: the start rate, if there is one.
        past: what was with it under a supervising process of before.
    """

    def __init__(
        self,
        children: Iterable[ChildPolicy],
        flags: Flags,
        *,
        random: Callable[[], float],
        pacer: Pacer | None = None,
        past: Standing = NEW,
    ) -> None:
        self.flags = flags
        self._children = Children(children, flags)
        self._phase = Phase.NEW
        self._plans = Plans(self.say, self._is_down)
        self._holding = Holding(self._children, self._plans, self)
        self._operations = Operations(self._children, self._plans, self._holding, self)
        self._inbox = Inbox(self._children, self._plans, self)
        parts = self._children, self._plans, self._holding, self._inbox
        self._restarts = Restarts(*parts, self, random=random, pacer=pacer)
        self._takeover = Takeover(
            past, self._children, self._plans, self._inbox, self._restarts, self
        )
        self._commands: list[m.Command] = []
        self._outcome = m.Finished(SHUTDOWN)
        self._ill_ends: dict[str, tuple[ExitReason, int]] = {}
        self.now = 0.0

    def say(self, command: m.Command) -> None:
        """Say a command; an answer to one request may be that to others too."""
        self._commands.append(command)
        if isinstance(command, m.Reply):
            self._commands += self._operations.answered(command)

    def respecify(self, flags: Flags, children: Iterable[ChildPolicy]) -> None:
        """Go by other flags and policies from now on (OTP-UPG-01 to 05).

        Nothing is started or stopped: a child that is new does not run. One without a policy among
        these stays, behind the others.
        """
        self.flags = flags
        self._restarts.window.intensity = flags.intensity
        self._children.respecify(children, flags)

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
        return None if child is None else self._restarts.due_at(child)

    def held_for(self, name: str) -> m.ChildHeld | None:
        """Return what a child is waiting for before its first start; ``None``: it is not."""
        child = self._children.get(name)
        held = child is not None and child.state is ChildState.HELD
        return self._holding.lack_of(child) if child is not None and held else None

    def restarts_in_window(self, now: float) -> int:
        """Return how many restarts still count against the intensity."""
        return self._restarts.window.count(now)

    def history_of(self, name: str, now: float) -> History:
        """Return what is to be remembered of a child."""
        child = self._children.get(name)
        if child is None:
            return NOTHING
        return child.policy.past if self._phase is Phase.NEW else child.history(now)

    def legacy_of(self, name: str, now: float) -> History:
        """Return what another core that takes over now must know of a child."""
        child = self._children.get(name)
        if child is None:
            return History(state=ChildState.STOPPED, completed=self._holding.end_of(name))
        if self._phase is not Phase.NEW:
            left = self._takeover.legacy_of(child, now)
            return replace(left, completed=self._holding.end_of(name))
        past = child.policy.past
        begins = ChildState.STARTING if child.policy.autostart else ChildState.STOPPED
        return replace(past, state=past.state or begins)

    def standing(self, now: float) -> Standing:
        """Return what another core that takes over now must know of this one."""
        if self._phase is Phase.NEW:
            return self._takeover.past
        leader, reason = self._restarts.stops_group_of, self._outcome.reason
        return Standing(
            self._restarts.window.ages(now),
            None if leader is None else leader.name,
            reason if self.is_ending else None,
        )

    def forgive(self, name: str) -> None:
        """Let the restarts of a child count no more."""
        if (child := self._children.get(name)) is not None:
            child.forgive()

    # The one way in, and the inbox.

    def handle(self, event: m.Event, now: float) -> list[m.Command]:
        """Take an event that came about at ``now`` and return what is to be done, in order."""
        self._commands, self.now = [], now
        if self._phase is Phase.OVER:
            self._refuse(event)
        else:
            self._post(event)
            while (waiting := self._inbox.take()) is not None:
                self._dispatch(waiting)
        return self._commands

    def _post(self, event: m.Event) -> None:
        """Put an event into the inbox; an answer, and an urgent stop, take effect at once."""
        match event:
            case m.ChildDown(reason=reason) | m.ChildNotUp(reason=reason) if (
                self._is_our_end(reason) and self._phase is not Phase.ENDING
            ):
                self._escalate(self._current(event), reason)
            case m.ChildDown():
                child = self._current(event)
                if child.state is ChildState.RUNNING and child.exit_waits is None:
                    # Until its turn comes it counts as running, as for OTP's supervisor.
                    child.exit_waits = event
                    self._inbox.put(event)
                else:
                    self._take_answer(child, event)
            case m.ChildWarming():
                self._current(event).is_warming = True
            case m.ChildUp() | m.ChildNotUp() | m.ChildIgnored():
                self._take_answer(self._current(event), event)
            case m.Shutdown(urgent=True):
                if self._phase is not Phase.ENDING:  # an operator does not wait for a plan to end
                    self._end(m.Finished(SHUTDOWN))
            case _ if isinstance(event, m.Change) and self._operations.joins(event):
                pass  # it will have the answer to the other
            case _:
                self._inbox.put(event)

    def _take_answer(self, child: ChildRecord, event: Answer) -> None:
        if isinstance(event, m.ChildIgnored):
            self._holding.note_end(child, success=True)
        self._plans.answer(child, event, self.now)
        self._holding.hear_answer(child)

    def _current(self, event: Answer | m.ChildWarming) -> ChildRecord:
        child = self._children.get(event.name)
        if child is None or child.run != event.run:
            raise Impossible(f"{event} is not of the child's present life")
        return child

    def _dispatch(self, event: Waiting) -> None:
        match event:
            case m.Begin():
                self._begin()
            case m.ChildDown():
                self._on_exit(event)
            case Retry(name, reason):
                self._restarts.on_retry(self._children.get(name), reason)
            case m.TimerFired(name, token):
                self._restarts.on_timer(self._children.get(name), token)
            case _ if isinstance(event, m.Change):
                self._operations.carry_out(event)
            case m.WhichChildren(token):
                rows = [(child.name, child.state) for child in self._children]
                self.say(m.Reply(token, rows[::-1]))
            case m.CountChildren(token):
                self.say(m.Reply(token, self._children.counts()))
            case m.GetChildSpec(name, token):
                known = self._children.get(name) is not None
                self.say(m.Reply(token, name if known else ProcessNotFound(name)))
            case m.Shutdown():
                self._end(m.Finished(SHUTDOWN))
            case other:
                raise Impossible(f"{other} does not wait in the inbox")

    # Plans.

    def stage(self, kind: StageKind, children: Sequence[ChildRecord]) -> Stage:
        """Return a stage for ``children``: in turn, or at once where order means nothing."""
        is_dynamic_stop = self.flags.is_dynamic and kind is StageKind.STOP  # OTP-SOFO-06
        at_once = self.flags.concurrent or is_dynamic_stop
        return (Stage.at_once if at_once else Stage.in_turn)(kind, children)

    def _is_down(self, child: ChildRecord, reason: ExitReason | None) -> None:
        """A plan has seen a child's end, or found that it has no process."""
        if reason is not None and not child.policy.bears(reason):
            self._report_ill_end(child, reason)
        if self._children.lets_go(child):
            of_itself = reason is not None and reason.kind is ExitKind.NORMAL
            self._holding.note_end(child, success=of_itself)
            self.forget(child)

    def _report_ill_end(self, child: ChildRecord, reason: ExitReason) -> None:
        """Report a child that we stopped and that has ended otherwise than by that."""
        if self.flags.is_dynamic and self._phase is Phase.ENDING:  # told together (OTP-SOFO-06)
            first, number = self._ill_ends.get(str(reason), (reason, 0))
            self._ill_ends[str(reason)] = first, number + 1
        else:
            self.report(Context.SHUTDOWN_ERROR, child, reason)

    def report(self, context: Context, child: ChildRecord, reason: ExitReason) -> None:
        self.say(m.Report(context, child.policy.name, reason))

    def forget(self, child: ChildRecord) -> None:
        self._children.remove(child)
        self._holding.forget(child)
        self.say(m.Forgotten(child.name))

    # The start phase and the end.

    def _begin(self) -> None:
        if self._phase is not Phase.NEW:
            raise Impossible("a supervisor begins once")
        self._phase = Phase.STARTING
        if (ending := self._takeover.past.ending) is not None:
            self.be_up()
            self._end(m.Finished(ending))
            return
        self._holding.recall_ends()
        beginners = self._takeover.recall()
        if self.flags.retries:
            self._holding.begin(beginners)
        else:
            self._start_all(beginners)
        self._takeover.go_on_with_group()

    def _start_all(self, beginners: Iterable[ChildRecord]) -> None:
        """Begin the start phase as OTP does; who waits with its group is not tried in it, nor is
        who waits for an end."""
        free = []
        for child in beginners:
            if self.waits_with_group(child):
                child.state = ChildState.HELD
            elif not self._holding.keep(child):
                free.append(child)
        stage = self.stage(StageKind.START, free)
        self._plans.carry_out(stage, then=self._have_started, failed=self._roll_back, whole=True)

    def _have_started(self) -> None:
        self.be_up()
        self._holding.release()  # who waited for one that has ignored its start

    def waits_with_group(self, child: ChildRecord) -> bool:
        """Return whether several children wait to be started together, and it is one of them."""
        return self._restarts.waits_with_group(child)

    @property
    def is_starting(self) -> bool:
        """Whether it is in its start phase."""
        return self._phase is Phase.STARTING

    @property
    def is_running(self) -> bool:
        """Whether its start phase is over, and it does not end."""
        return self._phase is Phase.RUNNING

    @property
    def is_ending(self) -> bool:
        """Whether it stops all children."""
        return self._phase is Phase.ENDING

    def be_up(self) -> None:
        """Come to the end of the start phase."""
        self._phase = Phase.RUNNING
        self._holding.tell_all()
        self.say(m.Up())

    def bear_start_failure(self, child: ChildRecord, reason: ExitReason) -> None:
        """Treat a child that has not started like one that crashed."""
        self.report(Context.START_ERROR, child, reason)
        if child.policy.is_restarted_after(reason):
            self._restarts.retry_later(child, reason)
            if len(self._children.group(child)) > 1:
                return  # the others wait with it
        else:
            self.has_ended(child, reason)
        self._holding.release()

    def _roll_back(self, child: ChildRecord, reason: ExitReason) -> None:
        """A child has not started in the start phase: what has is stopped (OTP-START-04)."""
        self.report(Context.START_ERROR, child, reason)
        detail = f"{child.name}: {reason.detail or reason}"
        told = ExitReason(ExitKind.START_FAILED, reason.status, detail)
        self._end(m.Finished(told, not_started=child.name))

    def _end(self, outcome: m.Finished) -> None:
        """Stop all children in reverse order, then be over."""
        self._phase, self._outcome = Phase.ENDING, outcome
        self._plans.drop_all(_stopping())
        self._refuse_all()
        self._takeover.claim(self._children)
        stage = self.stage(StageKind.STOP, list(self._children)[::-1])
        self._plans.carry_out(stage, then=self._over, failed=self._restarts.try_again, whole=True)

    def _over(self) -> None:
        self._phase = Phase.OVER
        self._refuse_all()
        for _, (reason, number) in sorted(self._ill_ends.items()):  # in OTP by term order
            self.say(m.Report(Context.SHUTDOWN_ERROR, "", reason, number))
        self.say(self._outcome)

    def _refuse_all(self) -> None:
        for event in self._inbox.empty():
            self._refuse(event)

    def _refuse(self, event: Waiting) -> None:
        """Answer a request that nobody will carry out any more; other events mean nothing now."""
        if isinstance(event, m.Request):
            self.say(m.Reply(event.token, _stopping()))

    # Ends of children, and restarts.

    def _on_exit(self, event: m.ChildDown) -> None:
        child = self._children.get(event.name)
        if child is None or child.exit_waits is not event:
            return  # a group restart has used it up
        child.exit_waits, child.state = None, ChildState.STOPPED
        policy, reason = child.policy, event.reason
        if policy.should_not_end_by(reason):
            self.report(Context.CHILD_TERMINATED, child, reason)
        if self.now - child.started_at >= policy.stable_after:
            child.streak = 0
        if policy.is_restarted_after(reason):
            self._restarts.restart(child, reason)
        else:
            self.has_ended(child, reason)
        self._holding.release()

    def _is_our_end(self, reason: ExitReason) -> bool:
        """Return whether who ends with ``reason`` does so with all of a tree that we are of."""
        return reason.kind is ExitKind.ESCALATED and not self.flags.is_forest

    def _escalate(self, child: ChildRecord, reason: ExitReason) -> None:
        """A supervisor below has ended with all of the tree; whatever we were about is over."""
        child.state, child.exit_waits = ChildState.STOPPED, None
        self.has_ended(child, reason)

    def has_ended(self, child: ChildRecord, reason: ExitReason) -> None:
        """A child has ended by itself, for good: perhaps that is our end too (OTP-SIG-01 to 03)."""
        self._holding.note_end(child, success=reason.is_normal and not child.has_failed)
        if self._children.lets_go(child):
            self.forget(child)
        told = escalation(child, reason)
        if told is not None and not self.flags.is_forest:
            self.say(m.AutoShutdown(child.name))
            self._end(m.Finished(told))
            return
        if not child.policy.significant or self.flags.auto_shutdown is AutoShutdown.NEVER:
            return
        all_of_them = self.flags.auto_shutdown is AutoShutdown.ALL_SIGNIFICANT
        if all_of_them and any(
            other.policy.significant and other.state not in (ChildState.STOPPED, ChildState.FAILED)
            for other in self._children
        ):
            return
        if self._phase is Phase.STARTING:
            self.be_up()  # it is no failed start
        self.say(m.AutoShutdown(child.name))
        self._end(m.Finished(ExitReason(ExitKind.SHUTDOWN, detail=f"{child.name} has ended")))

    def give_up(self, gave_up: m.GaveUp) -> None:
        """End, as a child has needed more restarts than the intensity allows."""
        child = self._children[gave_up.name]
        child.state = ChildState.STOPPED
        self.say(gave_up)
        self.report(Context.SHUTDOWN, child, gave_up.reason)
        self._end(m.Finished(ExitReason(ExitKind.SHUTDOWN, detail="gave up"), gave_up=gave_up))


def _stopping() -> InvalidState:
    return InvalidState("the supervisor", "stopping", "one that runs")
