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
from enum import Enum, auto

from supctl.errors import InvalidState, ProcessNotFound
from supctl.exits import SHUTDOWN, ExitKind, ExitReason
from supctl.specs import AutoShutdown, Exhausted

from . import messages as m
from .children import ChildRecord, Children, revived
from .endings import escalation
from .flags import Flags
from .history import NOTHING, History
from .holding import Holding
from .inbox import Inbox, Waiting
from .messages import ChildPolicy, ChildState, Context
from .operations import Operations
from .pacer import Pacer
from .plan import Retry, Stage, StageKind
from .plans import Answer, Impossible, Plans
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
        flags: what else it goes by.
        random: returns floats in [0, 1), for the jitter.
        pacer: the start rate, if there is one.
    """

    def __init__(
        self,
        children: Iterable[ChildPolicy],
        flags: Flags,
        *,
        random: Callable[[], float],
        pacer: Pacer | None = None,
    ) -> None:
        self.flags = flags
        self._children = Children(children, flags)
        self._window = RestartWindow(flags.intensity)
        self._random = random
        self._pacer = pacer
        self._phase = Phase.NEW
        self._plans = Plans(self.say, self._is_down)
        self._holding = Holding(self._children, self._plans, self)
        self._operations = Operations(self._children, self._plans, self._holding, self)
        self._inbox = Inbox(self._children, self._plans, self)
        self._commands: list[m.Command] = []
        self._outcome = m.Finished(SHUTDOWN)
        self._ill_ends: dict[str, tuple[ExitReason, int]] = {}
        self._leader: ChildRecord | None = None  # for whom a group waits, if it still does
        self._timers = 0
        self._now = 0.0

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
        self._window.intensity = flags.intensity
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
        if child is None or child.state not in (ChildState.WAITING, ChildState.STOPPED):
            return None
        leader = child if child.state is ChildState.WAITING else self._leader
        if leader is None or leader.state is not ChildState.WAITING:
            return None
        return leader.due_at if child in revived(self._children.group(leader)) else None

    def restarts_in_window(self, now: float) -> int:
        """Return how many restarts still count against the intensity."""
        return self._window.count(now)

    def history_of(self, name: str, now: float) -> History:
        """Return what is to be remembered of a child."""
        child = self._children.get(name)
        if child is None:
            return NOTHING
        return child.policy.past if self._phase is Phase.NEW else child.history(now)

    def state_to_resume(self, name: str) -> ChildState:
        """Return the state of a child as another core, which takes over now, must know it.

        Plans are not handed over: who is about to be started has begun to, for that one.
        """
        child = self._children.get(name)
        if child is None:
            return ChildState.STOPPED
        if self._phase is Phase.NEW and child.policy.past.state is not None:
            return child.policy.past.state
        return ChildState.STARTING if self._plans.will_start(child) else child.state

    def forgive(self, name: str) -> None:
        """Let the restarts of a child count no more."""
        if (child := self._children.get(name)) is not None:
            child.forgive()

    # The one way in, and the inbox.

    def handle(self, event: m.Event, now: float) -> list[m.Command]:
        """Take an event that came about at ``now`` and return what is to be done, in order."""
        self._commands, self._now = [], now
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
                reason.kind is ExitKind.ESCALATED and self._phase is not Phase.ENDING
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
        self._plans.answer(child, event, self._now)
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
                self._on_retry(self._children.get(name), reason)
            case m.TimerFired(name, token):
                self._on_timer(self._children.get(name), token)
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

    def _carry_out(self, *stages: Stage) -> None:
        self._plans.carry_out(*stages, then=self._holding.release, failed=self._try_again)

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
            self.forget(child)

    def _report_ill_end(self, child: ChildRecord, reason: ExitReason) -> None:
        """Report a child that we stopped and that has ended otherwise than by that."""
        if self.flags.is_dynamic and self._phase is Phase.ENDING:  # told together (OTP-SOFO-06)
            first, number = self._ill_ends.get(str(reason), (reason, 0))
            self._ill_ends[str(reason)] = first, number + 1
        else:
            self._report(Context.SHUTDOWN_ERROR, child, reason)

    def _report(self, context: Context, child: ChildRecord, reason: ExitReason) -> None:
        self.say(m.Report(context, child.policy.name, reason))

    def forget(self, child: ChildRecord) -> None:
        self._children.remove(child)
        self.say(m.Forgotten(child.name))

    # The start phase and the end.

    def _begin(self) -> None:
        if self._phase is not Phase.NEW:
            raise Impossible("a supervisor begins once")
        self._phase = Phase.STARTING
        for child in self._children:
            self.recall(child)
        beginners = [child for child in self._children if child.begins()]
        beginners = self._wait_on(beginners)
        if self.flags.retries:
            self._holding.begin(beginners)
            return
        for child in filter(self.waits_with_group, beginners):
            child.state = ChildState.HELD
        stage = self.stage(StageKind.START, [it for it in beginners if it.has_begun])
        self._plans.carry_out(stage, then=self.be_up, failed=self._roll_back, whole=True)

    def recall(self, child: ChildRecord) -> None:
        """Let its restarts of before count on."""
        child.recall(self._now)

    def _wait_on(self, beginners: Sequence[ChildRecord]) -> list[ChildRecord]:
        """Let those wait whose back-off of before is not over; return the others."""
        for child in beginners:
            left = child.policy.past.wait
            if left and not self.waits_with_group(child):
                self._set_timer(child, left)
        return [child for child in beginners if child.state is not ChildState.WAITING]

    @property
    def is_starting(self) -> bool:
        """Whether it is in its start phase."""
        return self._phase is Phase.STARTING

    def be_up(self) -> None:
        """Come to the end of the start phase."""
        self._phase = Phase.RUNNING
        self._holding.tell_all()
        self.say(m.Up())

    def bear_start_failure(self, child: ChildRecord, reason: ExitReason) -> None:
        """Treat a child that has not started like one that crashed."""
        self._report(Context.START_ERROR, child, reason)
        if child.policy.is_restarted_after(reason):
            self._retry_later(child, reason)
            if len(self._children.group(child)) > 1:
                return  # the others wait with it
        else:
            self._has_ended(child, reason)
        if self._phase is not Phase.ENDING:
            self._holding.release()

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
        stage = self.stage(StageKind.STOP, list(self._children)[::-1])
        self._plans.carry_out(stage, then=self._over, failed=self._try_again, whole=True)

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
            self._report(Context.CHILD_TERMINATED, child, reason)
        if self._now - child.started_at >= policy.stable_after:
            child.streak = 0
        if policy.is_restarted_after(reason):
            self._restart(child, reason)
        else:
            self._has_ended(child, reason)

    def _escalate(self, child: ChildRecord, reason: ExitReason) -> None:
        """A supervisor below has ended with all of the tree; whatever we were about is over."""
        child.state, child.exit_waits = ChildState.STOPPED, None
        self._has_ended(child, reason)

    def _has_ended(self, child: ChildRecord, reason: ExitReason) -> None:
        """A child has ended by itself, for good: perhaps that is our end too (OTP-SIG-01 to 03)."""
        if self._children.lets_go(child):
            self.forget(child)
        if (told := escalation(child, reason)) is not None:
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

    def _restart(self, child: ChildRecord, reason: ExitReason) -> None:
        """Restart ``child`` and its group, unless its own limits or ours forbid it."""
        backoff, used_up = child.policy.backoff, child.used_up(self._now)
        if used_up is not None and child.policy.exhausted is not Exhausted.KEEP_TRYING:
            child.state = ChildState.FAILED
            self.say(m.ChildFailed(child.name, *used_up, reason))
            self._has_ended(child, reason)
            return
        if not self._window.add(self._now):
            self._give_up(child, reason)
            return
        if used_up is None:
            child.delay = backoff.delay(child.streak, child.delay, self._random)
        else:
            child.delay = backoff.maximum
        child.streak += 1
        exhausted = used_up is not None
        self.say(m.RestartScheduled(child.name, child.delay, child.streak, exhausted))
        if child.delay == 0:
            self._restart_in_turn(child)
        else:
            self._wait(child, child.delay)

    def _wait(self, child: ChildRecord, delay: float) -> None:
        """Stop the rest of the group now, and start all of it when the delay is over."""
        self._set_timer(child, delay)
        others = [it for it in self._children.group(child) if it is not child and it.has_begun]
        if others:
            self._carry_out(self.stage(StageKind.STOP, others[::-1]))

    def _set_timer(self, child: ChildRecord, delay: float) -> None:
        self._timers += 1
        child.state, child.due_at, child.timer = ChildState.WAITING, self._now + delay, self._timers
        self.say(m.SetTimer(child.name, child.timer, delay))
        self._leader = child

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
            self._carry_out(self.stage(StageKind.START, revived(self._children.group(child))))

    def _restart_in_turn(self, child: ChildRecord) -> None:
        """Restart the group now, or when the start rate lets it."""
        if self._pacer is not None and not child.admitted:
            starts = len(revived(self._children.group(child)))
            delay = self._pacer.reserve(self._now, starts)
            if delay > 0:
                child.admitted = True
                self.say(m.RestartPaced(child.name, delay))
                self._wait(child, delay)
                return
        self._restart_group(child)

    def waits_with_group(self, child: ChildRecord) -> bool:
        """Return whether several children wait to be started together, and it is one of them."""
        leader = self._leader
        if leader is None or leader.state is not ChildState.WAITING:
            return False
        group = self._children.group(leader)
        return len(group) > 1 and child in group

    def _restart_group(self, child: ChildRecord) -> None:
        """Stop what runs of the group in reverse order, then start it in order."""
        group = self._children.group(child)
        child.state = ChildState.STOPPED  # it waits no more: retries still queued are void
        start = self.stage(StageKind.START, revived(group))
        if len(group) == 1:
            self._carry_out(start)
        else:
            others = [it for it in group[::-1] if it is not child and it.has_begun]
            self._carry_out(self.stage(StageKind.STOP, others), start)

    def _try_again(self, child: ChildRecord, reason: ExitReason) -> None:
        """A restart has failed; the next waits its turn, and is counted then (OTP-AGAIN-01)."""
        self._report(Context.START_ERROR, child, reason)
        self._retry_later(child, reason)

    def _retry_later(self, child: ChildRecord, reason: ExitReason) -> None:
        child.state, child.due_at = ChildState.WAITING, None
        self._inbox.put(Retry(child.name, reason))

    def _give_up(self, child: ChildRecord, reason: ExitReason) -> None:
        gave_up = m.GaveUp(child.name, len(self._window), self._window.within, reason)
        child.state = ChildState.STOPPED
        self.say(gave_up)
        self._report(Context.SHUTDOWN, child, reason)
        self._end(m.Finished(ExitReason(ExitKind.SHUTDOWN, detail="gave up"), gave_up=gave_up))


def _stopping() -> InvalidState:
    return InvalidState("the supervisor", "stopping", "one that runs")
