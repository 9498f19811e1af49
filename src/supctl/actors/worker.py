"""One life of a Python actor that runs as a trio task."""

from __future__ import annotations

import importlib
import logging
from typing import Any

import trio

from supctl.errors import FAULTS, ActorGone, InvalidConfig
from supctl.exits import NORMAL, SHUTDOWN, ExitKind, ExitReason
from supctl.specs import Worker
from supctl.specs.ignore import IGNORE

from .actor import Actor
from .incarnation import Down, Ignored, Incarnation, Killed, NotUp, Tell, Up
from .mailbox import Mailbox
from .ref import Call, Life, Ref

_log = logging.getLogger("supctl.actors")


class WorkerActor(Incarnation):
    """One life of a Python actor.

    Args:
        spec: which class, with which arguments.
        address: of the child.
        tell: hears the reports.
    """

    __slots__ = (
        "_ignored",
        "_life",
        "_reason",
        "_scope",
        "_spec",
        "_started",
        "_state",
        "_tell",
    )  # fmt: skip

    def __init__(self, spec: Worker, address: str, tell: Tell) -> None:
        self._spec, self._tell = spec, tell
        self._life = Life(address, Mailbox(address))
        self._scope = trio.CancelScope()
        self._state = "starting"
        self._started = self._ignored = False
        self._reason = ExitReason(ExitKind.KILLED, detail="cancelled")

    @property
    def grace(self) -> float:  # type: ignore[override]
        return self._spec.grace

    @property
    def state(self) -> str:
        return self._state

    @property
    def ref(self) -> Ref[Any]:
        """A reference to this life."""
        return Ref(self._life)

    def stop(self) -> None:
        self._state = "stopping"
        if self._spec.grace > 0:
            self._life.mailbox.put(None)
            # The messages ahead of this one, and terminate, share the grace.
            self._scope.deadline = trio.current_time() + self._spec.grace
        else:
            self._scope.cancel()

    def kill(self) -> None:
        self._state = "stopping"
        self._scope.cancel()

    async def run(self) -> None:
        try:
            with self._scope:
                await self._live()
        except BaseException as error:
            self._reason = crash_reason(error)
            if not is_fault(error):
                self._bury(self._reason)
                raise
            # An actor's fault is its supervisor's to judge.
            _log.warning("%s: %s", self._life.address, self._reason, exc_info=error)
        if self._scope.cancelled_caught:
            self._tell(Killed(self._spec.grace))
        self._bury(self._reason)
        if self._ignored:
            self._tell(Ignored())
        else:
            self._tell(Down(self._reason) if self._started else NotUp(_not_up(self._reason)))

    async def _live(self) -> None:
        actor = self._make()
        actor.address, actor._ref = self._life.address, self.ref
        try:
            async with trio.open_nursery() as nursery:
                actor._nursery = nursery
                if await actor.init() is IGNORE:
                    self._ignored = True
                else:
                    self._up()
                    reason = await self._serve(actor)
                nursery.cancel_scope.cancel()
        except BaseException as error:
            # As in OTP, who has not begun has nothing to clean up.
            if self._started and is_fault(error):
                self._reason = crash_reason(error)
                await self._clean_up(actor, self._reason)
            raise
        if not self._ignored:
            await self._clean_up(actor, reason)
            self._reason = reason

    def _up(self) -> None:
        self._started = True
        if self._state == "starting":
            self._state = "running"
        self._tell(Up())

    async def _clean_up(self, actor: Actor, reason: ExitReason) -> None:
        """Let the actor clean up; who was asked to stop has part of its grace behind it."""
        if self._state != "stopping":
            self._scope.deadline = trio.current_time() + self._spec.grace
        await actor.terminate(reason)

    def _make(self) -> Actor:
        kind = load_actor(self._spec.actor)
        return kind(*self._spec.args, **self._spec.kwargs)

    async def _serve(self, actor: Actor) -> ExitReason:
        """Handle messages, one at a time, until asked to stop or finished."""
        while (call := await self._life.mailbox.get()) is not None:
            await _handle(actor, call)
            await trio.lowlevel.checkpoint()  # a full mailbox must not starve the others
        return NORMAL if actor._finished and self._state != "stopping" else SHUTDOWN

    def _bury(self, reason: ExitReason) -> None:
        """Let everybody know who waits for an answer or for the end."""
        self._life.reason = reason
        self._life.ended.set()
        while len(self._life.mailbox):
            call = self._life.mailbox.take()
            if call is not None and call.answer is not None:
                call.answer.error = ActorGone(self._life.address, str(reason))
                call.answer.done.set()


async def _handle(actor: Actor, call: Call) -> None:
    """Call the method; its result or exception goes to who waits for it."""
    answer = call.answer
    try:
        value = await public_method(actor, call.method)(*call.args, **call.kwargs)
    except Exception as error:
        if answer is None:
            raise
        answer.error = error
        answer.done.set()
    except BaseException:  # cancelled: the actor ends, and the caller must not wait for ever
        if answer is not None:
            answer.error = ActorGone(actor.address, "it ended while it worked on the answer")
            answer.done.set()
        raise
    else:
        if answer is not None:
            answer.value = value
            answer.done.set()


_OURS = frozenset(dir(Actor))


def public_method(actor: Actor, name: str) -> Any:
    """Return the method others may call by ``name``.

    Raises:
        AttributeError: there is none; private names and those of :class:`Actor` are not public.
    """
    if name.startswith("_") or name in _OURS:
        raise AttributeError(f"{name!r} of {type(actor).__name__} is not for others to call")
    return getattr(actor, name)


def load_actor(actor: type[Any] | str) -> type[Actor]:
    """Return the actor class that a spec names.

    Raises:
        InvalidConfig: there is no such module or class, or it is no :class:`Actor`.
    """
    kind: Any = actor
    if isinstance(actor, str):
        module, _, name = actor.partition(":")
        try:
            kind = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise InvalidConfig(
                "actor", actor, f"a class that can be imported ({error})"
            ) from error
    if not (isinstance(kind, type) and issubclass(kind, Actor)):
        raise InvalidConfig("actor", actor, "a class derived from supctl.Actor")
    return kind


def is_fault(error: BaseException) -> bool:
    """Return whether ``error`` is nothing but faults of an actor, be they in groups."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(is_fault, error.exceptions))
    return isinstance(error, FAULTS)


def crash_reason(error: BaseException) -> ExitReason:
    """Return the exit reason of an actor that ended by ``error``."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return ExitReason(ExitKind.CRASHED, detail=text)


def _not_up(reason: ExitReason) -> ExitReason:
    return ExitReason(ExitKind.START_FAILED, reason.status, reason.detail or str(reason))
