"""What a supervisor's core does because somebody asks: a child is added, stopped, started, deleted.

Whether it may be done is the table's to say (:mod:`.requests`).
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from supctl.errors import InvalidState, StartFailed
from supctl.exits import ExitReason

from . import messages as m
from .children import ChildRecord, Children
from .ground import Ground
from .holding import Holding
from .messages import ChildState
from .plan import Stage, StageKind
from .plans import Plans
from .requests import DYNAMIC, TABLE, Verdict, refusal


class Operations:
    """Carries out requests about children.

    Args:
        children: all of them.
        plans: those that are under way.
        holding: those that have not been started yet.
        ground: the core.
    """

    def __init__(
        self,
        children: Children,
        plans: Plans,
        holding: Holding,
        ground: Ground,
    ) -> None:
        self._children, self._plans, self._holding = children, plans, holding
        self._ground = ground
        self._table = DYNAMIC if ground.flags.is_dynamic else TABLE
        self._renewals: dict[str, Any] = {}  # token of the one that others may join, by name
        self._joined: dict[Any, list[Any]] = defaultdict(list)

    def joins(self, request: m.Change) -> bool:
        """Return whether a request is one with another that has no answer yet."""
        if not isinstance(request, m.RenewChild):
            self._renewals.pop(request.name, None)
            return False
        first = self._renewals.setdefault(request.name, request.token)
        if first is request.token:
            return False
        self._joined[first].append(request.token)
        return True

    def answered(self, reply: m.Reply) -> list[m.Reply]:
        """Return the answers to those that have joined the request of this one."""
        tokens = self._joined.pop(reply.token, [])
        for name, first in list(self._renewals.items()):
            if first is reply.token:
                del self._renewals[name]
        return [m.Reply(token, reply.result) for token in tokens]

    def carry_out(self, request: m.Change) -> None:
        """Do what is asked, or refuse it."""
        name = request.name
        child = self._children.get(name)
        state = None if child is None else child.state
        if child is not None and child.plan is not None:
            state = ChildState.STARTING
        verdict = self._table[type(request), state]
        match request, verdict:
            case m.StartChild(), Verdict.ADD:
                self._start_new(request)
            case _, Verdict.STOP if child is not None:
                self._stop(request, child)
            case m.RestartChild(in_order=True), Verdict.START if (
                child is not None and self._holding.hold(child)
            ):
                self._reply(request, child.run)
            case _, Verdict.START if child is not None:
                child.forgive()
                self._start(request, child)
            case _, Verdict.RENEW if child is not None:
                self._renew(request, child)
            case _, Verdict.DELETE if child is not None:
                self._ground.forget(child)
                self._holding.forget_end(name)
                self._reply(request, None)
                self._holding.release()
            case _:
                self._reply(request, refusal(verdict, name, state))

    def _reply(self, request: m.Change, result: Any) -> None:
        self._ground.say(m.Reply(request.token, result))

    def _start_new(self, request: m.StartChild) -> None:
        child = self._children.add(request.policy)
        child.recall(self._ground.now)
        self._ground.say(m.Added(child.name, request.token))
        if self._holding.hold(child):
            self._reply(request, child.run)
        else:
            self._start(request, child)

    def _start(self, request: m.Change, child: ChildRecord, *before: Stage) -> None:
        """Start a child and answer. A failure is answered, and nothing else (OTP-AGAIN-06).

        Where start failures are borne it is no failure of the request either.
        """
        ground = self._ground

        def done() -> None:
            up = child.state is not ChildState.STOPPED
            self._reply(request, child.run if up else None)
            self._holding.release()

        def failed(child: ChildRecord, reason: ExitReason) -> None:
            if ground.flags.retries:
                self._reply(request, child.run)
                ground.bear_start_failure(child, reason)
                return
            child.kept = False
            if isinstance(request, m.StartChild) or self._children.lets_go(child):
                ground.forget(child)
            self._reply(request, StartFailed(child.name, reason.detail or str(reason)))

        stage = ground.stage(StageKind.START, [child])
        self._plans.carry_out(*before, stage, then=done, failed=failed, request=request)

    def _stop(self, request: m.Change, child: ChildRecord) -> None:
        self._call_off(child)
        child.forgive()

        def done() -> None:
            if child.has_run:
                self._holding.note_end(child, success=False)
            self._reply(request, None)
            self._holding.release()  # a start that was called off is in nobody's way any more

        self._plans.carry_out(
            self._ground.stage(StageKind.STOP, [child]),
            then=done,
            failed=self._ground.bear_start_failure,
            request=request,
        )

    def _renew(self, request: m.Change, child: ChildRecord) -> None:
        self._call_off(child)
        child.forgive()
        child.kept = True
        self._start(request, child, self._ground.stage(StageKind.STOP, [child]))

    def _call_off(self, child: ChildRecord) -> None:
        """Drop the plan that starts a child, if one does."""
        if child.plan is not None:
            error = InvalidState(child.name, "stopping", "left alone while it starts")
            self._plans.drop(child.plan, error)
