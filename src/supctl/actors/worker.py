"""One life of a Python actor that runs as a trio task."""

from __future__ import annotations

import inspect
import logging
import math
from collections.abc import Callable
from typing import Any, cast

import trio

from supctl.errors import FAULTS, InvalidConfig
from supctl.exits import NORMAL, SHUTDOWN, ExitKind, ExitReason
from supctl.specs import Worker
from supctl.specs.ignore import IGNORE
from supctl.specs.place import found_at

from .actor import Actor
from .circle import Chain, OnBehalfOf, forget_chain
from .considerate import ConsiderateMailbox
from .function import FunctionActor
from .incarnation import Down, Ignored, Incarnation, Killed, NotUp, Tell, Up
from .life import Life
from .mailbox import Policy
from .message import End
from .ref import Ref, make_ref
from .registry import Registry, TreeRegistry
from .serving import serve
from .threaded import in_thread, threaded

_log = logging.getLogger("supctl.actors")


class WorkerActor(Incarnation):
    """One life of a Python actor.

    Args:
        spec: which class, with which arguments.
        address: of the child.
        tell: hears the reports.
        registry: of its tree; one of its own if not given.
    """

    __slots__ = (
        "_error",
        "_ignored",
        "_life",
        "_nursery",
        "_reason",
        "_registry",
        "_scope",
        "_spec",
        "_started",
        "_state",
        "_tell",
    )  # fmt: skip

    def __init__(
        self, spec: Worker, address: str, tell: Tell, registry: Registry | None = None
    ) -> None:
        self._spec, self._tell, self._registry = spec, tell, registry or TreeRegistry()
        has_process = spec.isolation == "process"
        self._life = Life(address, self, ConsiderateMailbox(address) if has_process else None)
        self._scope = trio.CancelScope()
        self._nursery: trio.Nursery | None = None
        self._error: Exception | None = None
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
        return make_ref(self._life)

    @property
    def life(self) -> Life:
        """What references to this life refer to."""
        return self._life

    def stop(self) -> None:
        self._state = "stopping"
        self._end(End.STOP)

    def finish(self) -> None:
        """Let it end with the reason ``normal``, before it handles what waits."""
        self._end(End.FINISH)

    def kill(self) -> None:
        self._state = "stopping"
        self._scope.cancel()

    def crash(self, error: Exception) -> None:
        """Let it end by that error, whatever it does just now."""
        if self._nursery is None:
            self._error = error  # it has not begun
        else:
            with OnBehalfOf(None):
                self._nursery.start_soon(_raise, error)

    def _end(self, end: End) -> None:
        if self._spec.grace > 0:
            self._life.mailbox.put_urgent(end)
            # The message that it handles just now, and terminate, share the grace.
            deadline = trio.current_time() + self._spec.grace
            self._scope.deadline = min(self._scope.deadline, deadline)
        else:
            self._scope.cancel()

    async def run(self) -> None:
        forget_chain()  # its supervisor may have started it on behalf of a call
        try:
            with self._scope:
                await self._live()
        except BaseException as error:
            self._reason = crash_reason(error)
            if not is_fault(error):
                self._life.end(self._reason)
                raise
            # An actor's fault is its supervisor's to judge.
            cause = innermost(error)
            shown = cause if cause.__traceback__ else error  # one that was never raised alone
            _log.warning("%s: %s", self._life.address, self._reason, exc_info=shown)
        if self._scope.cancelled_caught:
            self._tell(Killed(self._spec.grace))
        self._life.end(self._reason)
        if self._ignored:
            self._tell(Ignored())
        else:
            self._tell(Down(self._reason) if self._started else NotUp(_not_up(self._reason)))

    async def _live(self) -> None:
        actor = self._make()
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = actor._nursery = nursery
                try:
                    await self._begin(actor)
                    end = None if self._ignored else await serve(actor, self._life)
                finally:
                    self._nursery = actor._nursery = None  # it takes no more
                nursery.cancel_scope.cancel()
        except BaseException as error:
            # As in OTP, who has not begun has nothing to clean up.
            if self._started and is_fault(error):
                self._reason = crash_reason(error)
                await self._clean_up(actor, self._reason)
            raise
        if not self._ignored:
            is_asked = end is End.STOP or self._state == "stopping"
            reason = SHUTDOWN if is_asked else NORMAL
            await self._clean_up(actor, reason)
            self._reason = reason

    async def _begin(self, actor: Actor) -> None:
        """Let the actor prepare."""
        if self._error is not None:
            raise self._error
        with OnBehalfOf(Chain(self._life, self._life.address, None)):
            self._ignored = await actor.init() is IGNORE
        if not self._ignored:
            self._up()

    def _up(self) -> None:
        self._started = True
        if self._state == "starting":
            self._state = "running"
        self._tell(Up())

    async def _clean_up(self, actor: Actor, reason: ExitReason) -> None:
        """Let the actor clean up; who was asked to end has part of its grace behind it."""
        if self._scope.deadline == math.inf:
            self._scope.deadline = trio.current_time() + self._spec.grace
        with OnBehalfOf(Chain(self._life, self._life.address, None)):
            await actor.terminate(reason)

    def _make(self) -> Actor:
        loaded, args, kwargs = (
            load_actor(self._spec.actor, blocking=self._spec.blocking),
            self._spec.args,
            self._spec.kwargs,
        )
        actor: Actor
        if isinstance(loaded, type):
            actor = loaded(*args, **kwargs)
        else:
            actor = FunctionActor(loaded, args, kwargs)
        self._life.kind = type(actor)
        self._life.mailbox.bound(actor.mailbox_capacity, Policy(actor.mailbox_policy))
        actor.address, actor._life = self._life.address, self._life
        actor._registry = self._registry
        return actor


async def _raise(error: Exception) -> None:
    raise error


def load_actor(actor: Callable[..., Any] | str, *, blocking: bool = False) -> Callable[..., Any]:
    """Return the actor class or the async function that a spec names.

    Args:
        blocking: whether plain methods, or a plain function, are to be run in threads.

    Raises:
        InvalidConfig: there is no such module, class or function, or it is of another kind.
    """
    found: Any = found_at(actor) if isinstance(actor, str) else actor
    if isinstance(found, type) and issubclass(found, Actor):
        return threaded(found) if blocking else found
    if inspect.iscoroutinefunction(found):
        return cast(Callable[..., Any], found)
    if blocking and inspect.isroutine(found):
        return in_thread(found)
    kind = "a function" if blocking else "an async function"
    raise InvalidConfig("actor", actor, f"a class derived from supctl.Actor, or {kind}")


def is_fault(error: BaseException) -> bool:
    """Return whether ``error`` is nothing but faults of an actor, be they in groups."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(is_fault, error.exceptions))
    return isinstance(error, FAULTS)


def innermost(error: BaseException) -> BaseException:
    """Return what trio's nurseries have put into groups of one."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def crash_reason(error: BaseException) -> ExitReason:
    """Return the exit reason of an actor that ended by ``error``."""
    error = innermost(error)
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return ExitReason(ExitKind.CRASHED, detail=text)


def _not_up(reason: ExitReason) -> ExitReason:
    return ExitReason(ExitKind.START_FAILED, reason.status, reason.detail or str(reason))
