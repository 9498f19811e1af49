"""The plans that a supervisor's core has under way: it begins their steps and takes the answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from supctl.errors import SupctlError
from supctl.exits import ExitReason

from . import messages as m
from .children import ChildRecord
from .messages import NO_PROCESS, ChildState
from .plan import Plan, Stage, StageKind

Say: TypeAlias = Callable[[m.Command], None]
Down: TypeAlias = Callable[[ChildRecord, ExitReason | None], None]
"""Hears that a child has no process, as was wanted; with a reason if it had one."""

Answer: TypeAlias = m.ChildUp | m.ChildNotUp | m.ChildIgnored | m.ChildDown


class Impossible(RuntimeError):
    """An event that cannot come about in this state: a bug of the shell."""


class Plans:
    """Starts and stops children as plans say, each child in one plan at a time.

    Args:
        say: takes commands.
        down: see :data:`Down`.
    """

    def __init__(self, say: Say, down: Down) -> None:
        self._say, self._down = say, down
        self._plans: set[Plan] = set()
        self._to_begin: set[Plan] = set()  # those of them that are yet to begin with a child
        self._concerning_all = 0

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._plans)

    @property
    def concern_all(self) -> bool:
        """Whether everything else has to wait for one of them."""
        return self._concerning_all > 0

    @property
    def only_warm(self) -> bool:
        """Whether all of them wait for nothing but that a child becomes ready, or are aside."""
        return all(plan.aside or plan.only_warms for plan in self._plans)

    @property
    def are_aside(self) -> bool:
        """Whether none of them holds up others, or there is none."""
        return all(plan.aside for plan in self._plans)

    def will_start(self, child: ChildRecord) -> bool:
        """Return whether one of them is yet to start a child."""
        stages = (stage for plan in self._to_begin for stage in plan.stages)
        return any(it.kind is StageKind.START and it.is_to_begin(child) for it in stages)

    def is_under_way(self, stage: Stage) -> bool:
        """Return whether one of them has come as far as a stage, and not further."""
        return any(plan.stages and plan.stages[0] is stage for plan in self._plans)

    def carry_out(
        self,
        *stages: Stage,
        failed: Callable[[ChildRecord, ExitReason], None],
        then: Callable[[], None] = lambda: None,
        whole: bool = False,
        request: m.Change | None = None,
        aside: bool = False,
    ) -> None:
        """Begin with a plan; the arguments are those of :class:`Plan`."""
        plan = Plan(deque(stages), then, failed, whole, request, aside)
        self._plans.add(plan)
        self._to_begin.add(plan)
        self._concerning_all += whole
        self._advance(plan)

    def _remove(self, plan: Plan) -> None:
        self._plans.remove(plan)
        self._to_begin.discard(plan)
        self._concerning_all -= plan.whole

    def drop(self, plan: Plan, error: SupctlError) -> None:
        """Leave off a plan; who asked for it is answered with ``error``."""
        self._remove(plan)
        for child in plan.stages[0].awaited:
            child.plan = None  # what it answers concerns nobody, until another plan takes it up
        if plan.request is not None:
            self._say(m.Reply(plan.request.token, error))

    def drop_all(self, error: SupctlError) -> None:
        """Leave off all plans."""
        for plan in list(self._plans):
            self.drop(plan, error)

    def _advance(self, plan: Plan) -> None:
        """Begin with all children that are free; when the last stage is done, so is the plan."""
        while plan.stages:
            stage = plan.stages[0]
            begin = self._start if stage.kind is StageKind.START else self._stop
            for child in stage.next_free():
                if begin(child):
                    child.plan = plan
                    stage.awaited.add(child)
                else:
                    stage.done(child)
            if stage.awaited:
                if plan.has_begun:
                    self._to_begin.discard(plan)
                return
            plan.stages.popleft()
        self._remove(plan)
        plan.then()

    def _start(self, child: ChildRecord) -> bool:
        """Start a child that has no process; return whether an answer is to come."""
        if child.state not in NO_PROCESS:
            return False
        self.begin(child)
        return True

    def begin(self, child: ChildRecord) -> None:
        """Start a child, whether or not a plan awaits that."""
        child.run += 1
        child.state, child.due_at, child.admitted = ChildState.STARTING, None, False
        child.is_warming = child.kept = False
        self._say(m.Start(child.policy.name, child.run))

    def _stop(self, child: ChildRecord) -> bool:
        """Stop a child; return whether an answer is to come.

        An exit that waits in the inbox is used up: it is neither counted nor judged by its
        restart type (OTP-BURST-01).
        """
        if child.exit_waits is not None:
            reason, child.exit_waits = child.exit_waits.reason, None
            self._is_down(child, reason)
            return False
        if child.state in NO_PROCESS:
            if child.state is not ChildState.FAILED:
                self._is_down(child, None)
            return False
        if child.state is not ChildState.STOPPING:
            child.state = ChildState.STOPPING
            self._say(m.Stop(child.policy.name, child.run))
        return True

    def answer(self, child: ChildRecord, event: Answer, now: float) -> None:
        """Take what a child answers to a start or a stop.

        Raises:
            Impossible: it was asked for neither.
        """
        stopping = child.state is ChildState.STOPPING
        if not stopping and child.state is not ChildState.STARTING:
            raise Impossible(f"{event}, but it is {child.state}")
        plan, child.plan = child.plan, None
        child.was_up |= isinstance(event, m.ChildUp | m.ChildIgnored)
        match event:
            case m.ChildUp() if stopping:
                child.plan = plan
                return  # it came up after we had called it off; its end is to come
            case m.ChildUp(age=age):
                child.state, child.started_at = ChildState.RUNNING, now - age
            case m.ChildNotUp(reason=reason) if plan is not None and not stopping:
                self._remove(plan)
                child.state = ChildState.STOPPED
                plan.failed(child, reason)
                return
            case m.ChildDown() if not stopping:
                raise Impossible(f"{event}, but it is {child.state}")
            case m.ChildDown(reason=reason):
                self._is_down(child, reason)
            case _:
                self._is_down(child, None)
        if plan is not None:
            plan.stages[0].done(child)
            self._advance(plan)

    def _is_down(self, child: ChildRecord, reason: ExitReason | None) -> None:
        child.state, child.due_at, child.admitted = ChildState.STOPPED, None, False
        self._down(child, reason)
