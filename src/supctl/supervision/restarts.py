"""How a supervisor's core restarts children: with whom, when, and how often at the most."""

from __future__ import annotations

from collections.abc import Callable

from supctl.exits import ExitReason
from supctl.specs import Exhausted

from . import messages as m
from .children import ChildRecord, Children, revived
from .ground import Ground
from .holding import Holding
from .inbox import Inbox
from .messages import ChildState, Context
from .pacer import Pacer
from .plan import Retry, Stage, StageKind
from .plans import Plans
from .window import RestartWindow


class Restarts:
    """Restarts children and their groups: now, after a delay, or no more.

    Args:
        children, plans, holding, inbox: those of the supervisor.
        ground: its core.
        random: returns floats in [0, 1), for the jitter.
        pacer: the start rate, if there is one.

    Attributes:
        window: the restarts that count against the supervisor's intensity.
    """

    def __init__(
        self,
        children: Children,
        plans: Plans,
        holding: Holding,
        inbox: Inbox,
        ground: Ground,
        *,
        random: Callable[[], float],
        pacer: Pacer | None,
    ) -> None:
        self._children, self._plans, self._holding = children, plans, holding
        self._inbox, self._ground = inbox, ground
        self._random, self._pacer = random, pacer
        self.window = RestartWindow(ground.flags.intensity)
        self._leader: ChildRecord | None = None  # for whom a group waits, if it still does
        self._regrouped: tuple[ChildRecord, Stage] | None = None  # whose group was stopped last
        self._timers = 0

    # What is to be seen.

    def due_at(self, child: ChildRecord) -> float | None:
        """Return when a child is to be started (again), be it with its group; ``None``: never."""
        if child.state not in (ChildState.WAITING, ChildState.STOPPED):
            return None
        leader = child if child.state is ChildState.WAITING else self._leader
        if leader is None or leader.state is not ChildState.WAITING:
            return None
        return leader.due_at if child in revived(self._children.group(leader)) else None

    def waits_with_group(self, child: ChildRecord) -> bool:
        """Return whether several children wait to be started together, and it is one of them."""
        leader = self._leader
        if leader is None or leader.state is not ChildState.WAITING:
            return False
        group = self._children.group(leader)
        return len(group) > 1 and child in group

    @property
    def stops_group_of(self) -> ChildRecord | None:
        """The child whose group is being stopped, to be started with it, if one's is."""
        if self._regrouped is None:
            return None
        leader, stage = self._regrouped
        return leader if self._plans.is_under_way(stage) else None

    # Restarts.

    def restart(self, child: ChildRecord, reason: ExitReason) -> None:
        """Restart ``child`` and its group, unless its own limits or ours forbid it."""
        ground = self._ground
        backoff, used_up = child.policy.backoff, child.used_up(ground.now)
        if used_up is not None and child.policy.exhausted is not Exhausted.KEEP_TRYING:
            child.state = ChildState.FAILED
            ground.say(m.ChildFailed(child.name, *used_up, reason))
            ground.has_ended(child, reason)
            return
        if not self.window.add(ground.now):
            ground.give_up(m.GaveUp(child.name, len(self.window), self.window.within, reason))
            return
        if used_up is None:
            child.delay = backoff.delay(child.streak, child.delay, self._random)
        else:
            child.delay = backoff.maximum
        child.streak += 1
        exhausted = used_up is not None
        ground.say(m.RestartScheduled(child.name, child.delay, child.streak, exhausted))
        if child.delay == 0:
            self._restart_in_turn(child)
        else:
            self._wait(child, child.delay)

    def _wait(self, child: ChildRecord, delay: float) -> None:
        """Stop the rest of the group now, and start all of it when the delay is over."""
        self.set_timer(child, delay)
        self._stop_others(child)

    def set_timer(self, child: ChildRecord, delay: float) -> None:
        """Let a child wait for its restart."""
        self._timers += 1
        child.state, child.timer = ChildState.WAITING, self._timers
        child.due_at = self._ground.now + delay
        self._ground.say(m.SetTimer(child.name, child.timer, delay))
        self._leader = child

    def on_timer(self, child: ChildRecord | None, token: int) -> None:
        """Restart a child that has waited long enough."""
        if child is not None and child.state is ChildState.WAITING and child.timer == token:
            self._restart_in_turn(child)

    def on_retry(self, child: ChildRecord | None, reason: ExitReason) -> None:
        """Act if the child still waits, whichever attempt queued the retry (OTP-AGAIN-05)."""
        if child is None or child.state is not ChildState.WAITING or child.due_at is not None:
            return
        self.restart(child, reason)
        if child.has_failed and self._ground.is_running:
            # The rest of the group must not wait for what has failed for good.
            self._carry_out(self._ground.stage(StageKind.START, self._revived(child)))
        else:
            self._holding.release()

    def _restart_in_turn(self, child: ChildRecord) -> None:
        """Restart the group now, or when the start rate lets it."""
        if self._pacer is not None and not child.admitted:
            starts = len(self._revived(child))
            delay = self._pacer.reserve(self._ground.now, starts)
            if delay > 0:
                child.admitted = True
                self._ground.say(m.RestartPaced(child.name, delay))
                self._wait(child, delay)
                return
        self._restart_group(child)

    def _restart_group(self, child: ChildRecord) -> None:
        """Stop what runs of the group in reverse order, then start it in order."""
        child.state = ChildState.STOPPED  # it waits no more: retries still queued are void
        start = self._ground.stage(StageKind.START, self._revived(child))
        self._stop_others(child, start)

    def _revived(self, leader: ChildRecord) -> list[ChildRecord]:
        """Return who of a group is started; who waits for an end is not yet."""
        group = revived(self._children.group(leader))
        return [child for child in group if child is leader or not self._holding.keep(child)]

    def go_on_with_group(self, leader: ChildRecord) -> None:
        """Stop the rest of a group, as another core was about to do; start it then, unless it waits
        for its leader."""
        if leader.state is not ChildState.WAITING:
            self._restart_group(leader)
        else:
            self._stop_others(leader)

    def _stop_others(self, leader: ChildRecord, *then: Stage) -> None:
        """Stop the rest of a group in reverse order, then do what is to be done."""
        group = self._children.group(leader)
        others = [it for it in group[::-1] if it is not leader and it.has_begun]
        if others:
            stop = self._ground.stage(StageKind.STOP, others)
            self._regrouped = leader, stop
            then = (stop, *then)
        if then:
            self._carry_out(*then)

    def _carry_out(self, *stages: Stage) -> None:
        self._plans.carry_out(*stages, then=self._holding.release, failed=self.try_again)

    def try_again(self, child: ChildRecord, reason: ExitReason) -> None:
        """A restart has failed; the next waits its turn, and is counted then (OTP-AGAIN-01)."""
        self._ground.report(Context.START_ERROR, child, reason)
        self.retry_later(child, reason)

    def retry_later(self, child: ChildRecord, reason: ExitReason) -> None:
        """Restart a child when its turn has come."""
        child.state, child.due_at = ChildState.WAITING, None
        self._inbox.put(Retry(child.name, reason))
