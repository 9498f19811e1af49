"""A naive model of a supervisor: it keeps the whole history and says what must not be in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from supctl.errors import (
    AlreadyPresent,
    AlreadyRunning,
    ProcessNotFound,
    StartFailed,
    Unsupported,
)
from supctl.exits import ExitKind
from supctl.specs import AutoShutdown, Exhausted, Restart, StartRate, Strategy
from supctl.supervision import messages as m
from supctl.supervision.pacer import Pacer

HALF = 0.5
"""What the core is told to draw, each time."""


@dataclass(frozen=True)
class Setup:
    """What the core under test was made of."""

    policies: Sequence[m.ChildPolicy]
    strategy: Strategy
    concurrent: bool
    auto_shutdown: AutoShutdown
    max_restarts: int | None
    within: float
    retries: bool = False

    @property
    def dynamic(self) -> bool:
        return self.strategy is Strategy.SIMPLE_ONE_FOR_ONE

    @property
    def one_by_one(self) -> bool:
        """Whether nobody is restarted because of another."""
        return self.strategy in (Strategy.ONE_FOR_ONE, Strategy.SIMPLE_ONE_FOR_ONE)


@dataclass
class Known:
    """A child that the supervisor knows, and all that has happened to it since it does."""

    policy: m.ChildPolicy
    starts: int = 0
    streak: int = 0
    delay: float = 0.0
    up_at: float = 0.0
    ended_at: float | None = None
    """When it ended by itself, until that has been seen to."""
    parked: bool = True
    """Whether there is a reason why it does not live and is not about to."""
    timers: list[int] = field(default_factory=list)
    restarted_at: list[float] = field(default_factory=list)
    """Since somebody has taken it in hand."""

    def in_window(self, now: float) -> int:
        limit = self.policy.limit
        return 0 if limit is None else sum(at >= now - limit.within for at in self.restarted_at)

    def used_up(self, now: float) -> bool:
        """Return whether one of its own limits allows no restart now."""
        policy, limit = self.policy, self.policy.limit
        if policy.give_up_after is not None and self.streak >= policy.give_up_after:
            return True
        return limit is not None and self.in_window(now) >= (limit.max_restarts or 0)

    def forgive(self) -> None:
        self.streak = 0
        self.restarted_at.clear()


class WitnessedPacer(Pacer):
    """A pacer that remembers all turns it has given: when, and for how many starts."""

    def __init__(self, rate: StartRate) -> None:
        super().__init__(rate)
        self.turns: list[tuple[float, int]] = []

    def reserve(self, now: float, starts: int) -> float:
        delay = super().reserve(now, starts)
        self.turns.append((now + delay, starts))
        return delay


class Model:
    """Hears what the core hears, then what it says, and fails where that is not as promised.

    Attributes:
        now: the time; set by the world.
        starting, running: the runs of those that have been started, and of those that are up.
        stopping: who of them has been asked to stop.
        timers: what has been set and has not fired, with when it is due.
        pending: requests without an answer, by token.
        policies: of all children that were ever known, by name.
        escalated: whether a child has ended with all of the tree.
    """

    def __init__(self, setup: Setup, pacer: WitnessedPacer | None) -> None:
        self.setup, self.pacer = setup, pacer
        self.now = 0.0
        self.known = {policy.name: Known(policy) for policy in setup.policies}
        self.starting: dict[str, int] = {}
        self.running: dict[str, int] = {}
        self.stopping: set[str] = set()
        self.timers: list[tuple[float, m.SetTimer]] = []
        self.pending: dict[object, m.Request] = {}
        self.policies = {policy.name: policy for policy in setup.policies}
        self.escalated = False
        self.is_up = False
        self.finished: m.Finished | None = None
        self._risen: set[str] = set()
        self._been_up: set[str] = set()
        self._ends: dict[str, bool] = {}  # who has ended for good; whether with success once
        self._restarted_at: list[float] = []
        self._restarts_started = 0

    # What is to be seen of it.

    def lives(self, name: str) -> bool:
        return name in self.starting or name in self.running

    @property
    def quiet(self) -> bool:
        """Whether nobody has been asked for anything that is not done."""
        return not self.starting and not self.stopping

    def is_asked(self, name: str, *kinds: type[m.Request]) -> bool:
        """Return whether a request of one of these kinds about a child has no answer yet."""
        return any(
            isinstance(request, kinds) and getattr(request, "name", "") == name
            for request in self.pending.values()
        )

    def is_free(self, policy: m.ChildPolicy) -> bool:
        """Return whether what a child depends on is so that it may start for the first time."""
        ended = all(self._ends.get(it) for it in policy.after_success if it in self._awaitable())
        ended &= all(it in self._ends for it in policy.after_end if it in self._awaitable())
        needed = {it for it in policy.depends_on if it in self.known}
        return ended and needed <= self._been_up

    def _awaitable(self) -> set[str]:
        """Return names of those whose end can come, or has."""
        return {*self.known, *self._ends}

    def _note_end(self, name: str, *, success: bool) -> None:
        self._ends[name] = success or self._ends.get(name, False)

    def _is_asked_to_start(self, name: str) -> bool:
        """Return whether somebody wants a child started now, whatever it depends on."""
        if self.is_asked(name, m.StartChild, m.RenewChild):
            return True
        return any(
            isinstance(it, m.RestartChild) and it.name == name and not it.in_order
            for it in self.pending.values()
        )

    def in_window(self) -> int:
        return sum(at >= self.now - self.setup.within for at in self._restarted_at)

    # What the core hears.

    def hear(self, event: m.Event) -> None:
        if isinstance(event, m.ChildDown | m.ChildNotUp):
            self.escalated |= event.reason.kind is ExitKind.ESCALATED
        match event:
            case m.ChildUp(name, run):
                del self.starting[name]
                self.running[name] = run
                self.known[name].up_at = self.now
                self._risen.add(name)
                self._been_up.add(name)
            case m.ChildNotUp(name) | m.ChildIgnored(name):
                del self.starting[name]
                self.stopping.discard(name)
                self._risen.add(name)
                self.known[name].parked = isinstance(event, m.ChildIgnored)
                if isinstance(event, m.ChildIgnored):
                    self._been_up.add(name)
                    self._note_end(name, success=True)
                elif not self.known[name].policy.is_restarted_after(event.reason):
                    self._note_end(name, success=False)
            case m.ChildDown(name, _, reason):
                del self.running[name]
                child = self.known[name]
                ran = self.now - child.up_at
                if ran >= child.policy.backoff.reset_after and ran >= child.policy.min_uptime:
                    child.streak = 0
                if name in self.stopping:
                    self.stopping.remove(name)
                else:
                    child.ended_at = self.now
                    child.parked = not child.policy.is_restarted_after(reason)
                    if child.parked:
                        self._note_end(name, success=reason.is_normal)
            case m.TimerFired(token=token):
                self.timers = [entry for entry in self.timers if entry[1].token != token]
            case _ if isinstance(event, m.Request):
                self.pending[event.token] = event

    # What it says.

    def say(self, command: m.Command) -> None:
        assert self.finished is None or isinstance(command, m.Reply), "said after the end"
        match command:
            case m.Start(name, run):
                self._say_start(name, run)
            case m.Stop(name, run):
                self._say_stop(name, run)
            case m.Added(name, token):
                assert name not in self.known, "added twice"
                request = self.pending[token]
                assert isinstance(request, m.StartChild)
                self.known[name] = Known(request.policy)
                self.policies[name] = request.policy
            case m.Forgotten(name):
                assert not self.lives(name), "forgotten, but it lives"
                child = self.known.pop(name)
                self._been_up.discard(name)
                if self._is_for_once(child) and child.starts:
                    self._note_end(name, success=False)
                asked = self.is_asked(name, m.DeleteChild, m.StartChild)
                assert self._is_for_once(child) or asked, "forgotten for no reason"
            case m.SetTimer(name, token, delay):
                assert not self.lives(name), "it waits, but it lives"
                self.timers.append((self.now + delay, command))
                self.known[name].timers.append(token)
            case m.Reply(token, result):
                self._say_reply(self.pending.pop(token), result)
            case m.RestartScheduled(name):
                self._say_restart(self.known[name], command)
            case m.ChildFailed(name, restarts, within):
                child = self.known[name]
                assert child.used_up(self.now), "failed early"
                assert child.policy.exhausted is not Exhausted.KEEP_TRYING
                self._note_end(name, success=False)
                assert restarts == (child.streak if within is None else child.in_window(self.now))
                child.parked = True
            case m.ChildHeld(name, needs, awaits, failed):
                policy = self.known[name].policy
                assert not self.lives(name)
                assert {*needs} <= {*policy.depends_on}
                assert {*awaits} <= {*policy.after_success, *policy.after_end}
                assert {*failed} <= {*policy.after_success}
                assert needs or awaits or failed, "held for nothing"
                self.known[name].parked = True
            case m.GaveUp(name, restarts):
                assert restarts == self.setup.max_restarts == self.in_window(), "gave up early"
            case m.AutoShutdown(name):
                self._say_auto_shutdown(name)
            case m.Up():
                assert not self.is_up
                assert self.quiet or self.setup.retries
                self.is_up = True
            case m.Finished():
                assert not self.starting
                assert not self.running
                self.finished = command

    def _is_for_once(self, child: Known) -> bool:
        return self.setup.dynamic or child.policy.restart is Restart.TEMPORARY

    def _say_start(self, name: str, run: int) -> None:
        child = self.known[name]
        assert not self.lives(name), "two lives at once"
        if child.policy.restart is Restart.TEMPORARY and not self.is_asked(name, m.RenewChild):
            assert child.starts == 0, "a temporary child was started again"
        if not self.setup.concurrent:
            assert self.quiet, "started before the step before it was done"
        elif not self.is_up and not self.setup.retries:
            assert self._risen.issuperset(child.policy.depends_on), "started before it could"
        asked = self.is_asked(name, m.StartChild, m.RestartChild, m.RenewChild)
        at_once = self._is_asked_to_start(name)
        if self.setup.retries and not child.starts and not at_once and self.setup.one_by_one:
            needed = [it for it in child.policy.depends_on if it in self.known]
            assert self._been_up.issuperset(needed), "started before what it depends on was up"
        if not child.starts and not at_once:
            self._check_ends(child.policy)
        first = not child.starts
        if self.is_up and not asked and not first:
            self._check_turn()
        child.starts += 1
        child.parked, child.ended_at = False, None
        self.starting[name] = run

    def _check_ends(self, policy: m.ChildPolicy) -> None:
        """Who waits for ends starts after them, by whatever way."""
        there = self._awaitable()
        for name in there.intersection(policy.after_success):
            assert self._ends.get(name), "started before it had completed"
        for name in there.intersection(policy.after_end):
            assert name in self._ends, "started before it had ended"

    def _check_turn(self) -> None:
        """Every automatic start has had a turn, where a group has but one member."""
        self._restarts_started += 1
        if self.pacer is not None and self.setup.one_by_one:
            turns = sum(starts for at, starts in self.pacer.turns if at <= self.now + 1e-9)
            assert self._restarts_started <= turns, "started out of turn"

    def _say_stop(self, name: str, run: int) -> None:
        assert run in (self.starting.get(name), self.running.get(name)), "stopped who is not there"
        assert name not in self.stopping, "asked to stop twice"
        if not self.is_asked(name, m.TerminateChild, m.RenewChild):
            order = list(self.known)
            for other in filter(self.lives, order):
                if self.setup.concurrent:
                    needs = self.known[other].policy.depends_on
                    assert name not in needs, "stopped before who depends on it"
                elif not self.setup.dynamic:
                    assert order.index(other) <= order.index(name), "not in reverse order"
        self.stopping.add(name)

    def _say_reply(self, request: m.Request, result: Any) -> None:
        if isinstance(request, m.WhichChildren | m.CountChildren):
            self._check_view(result)
            return
        name = request.name
        child = self.known.get(name)
        match request, result:
            case m.RestartChild(in_order=True), int() if not self.lives(name):
                pass  # it waits
            case ((m.StartChild() | m.RestartChild() | m.RenewChild()), int()):
                assert self.setup.retries or self.running[name] == result
            case m.DeleteChild(), None:
                assert child is None
                self._ends.pop(name, None)
            case m.TerminateChild(), None if child is not None and child.starts:
                assert not self.lives(name)
                self._note_end(name, success=False)
            case _, (None | StartFailed()):
                assert not self.lives(name)
            case _, ProcessNotFound():
                assert child is None
            case m.StartChild(), (AlreadyRunning() | AlreadyPresent()):
                assert child is not None
            case ((m.RestartChild() | m.DeleteChild()), Unsupported()):
                assert self.setup.dynamic
        if child is not None and isinstance(
            request, m.TerminateChild | m.RestartChild | m.RenewChild
        ):
            if result is None or isinstance(result, StartFailed):
                child.parked = True
            if not isinstance(result, Exception) or isinstance(result, StartFailed):
                child.forgive()

    def _check_view(self, result: Any) -> None:
        children = self.known.values()
        if isinstance(result, m.Counts):
            supervisors = sum(child.policy.is_supervisor for child in children)
            assert result.supervisors == supervisors
            assert result.workers == len(children) - supervisors
            assert result.specs == (1 if self.setup.dynamic else len(children))
            if not self.setup.dynamic:
                assert result.active == len(self.starting) + len(self.running)
        elif isinstance(result, list):
            assert [name for name, _ in result] == list(self.known)[::-1]
            for name, state in result:
                if self.lives(name):
                    up = "running" if name in self.running else "starting"
                    assert state == ("stopping" if name in self.stopping else up)
                else:
                    assert state in ("stopped", "waiting", "failed", "held", "running")
                    unseen = self.known[name].ended_at is not None
                    assert unseen or state != "running"

    def _say_restart(self, child: Known, said: m.RestartScheduled) -> None:
        backoff = child.policy.backoff
        if used_up := child.used_up(self.now):
            assert child.policy.exhausted is Exhausted.KEEP_TRYING, "restarted beyond its limit"
            child.delay = backoff.maximum
        else:
            child.delay = backoff.delay(child.streak, child.delay, lambda: HALF)
            child.restarted_at.append(self.now)
        child.streak += 1
        child.ended_at = None
        assert (said.delay, said.restarts) == (child.delay, child.streak)
        assert said.exhausted is used_up
        self._restarted_at.append(self.now)
        if (limit := self.setup.max_restarts) is not None:
            assert self.in_window() <= limit, "more restarts than the intensity allows"

    def _say_auto_shutdown(self, name: str) -> None:
        policy = self.policies[name]
        if policy.essential or policy.exhausted is Exhausted.SHUT_DOWN or self.escalated:
            return
        assert self.setup.auto_shutdown is not AutoShutdown.NEVER
        others = [it for it in self.known.values() if it.policy.significant]
        if self.setup.auto_shutdown is AutoShutdown.ALL_SIGNIFICANT:
            assert not any(self.lives(it.policy.name) for it in others), "one is left"
