"""What waits in a mailbox and has no answer."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Final

from supctl.errors import UnknownMethod
from supctl.exits import ExitReason
from supctl.ipc.registry import message

from .interface import method_of

if TYPE_CHECKING:
    from .actor import Actor
    from .ref import Ref

_log = logging.getLogger("supctl.actors")

_NONE: Final[Mapping[str, Any]] = {}


class End(Enum):
    """A message that is the last to be handled."""

    FINISH = "finish"
    """It is to end with the reason ``normal``."""
    STOP = "stop"
    """Its supervisor stops it."""


class Message(ABC):
    """A message without an answer: what handling it raises ends the actor.

    Attributes:
        is_own: whether the actor itself made it; such are never refused or dropped.
        is_over: whether it need not be handled any more.
        is_cancelled: whether somebody has cancelled it; nobody does.
        method, args, kwargs: what handling it comes to, for a trace.
    """

    __slots__ = ()

    is_own: ClassVar[bool] = False
    is_over: bool = False
    is_cancelled: ClassVar[bool] = False
    method: str = "handle_info"
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = _NONE

    @abstractmethod
    async def deliver(self, actor: Actor) -> None:
        """Let the actor handle it."""

    def fail(self, error: Exception) -> None:  # noqa: B027
        """Learn that it will not be handled."""


class Cast(Message):
    """A method to be called."""

    __slots__ = ("args", "kwargs", "method")

    def __init__(self, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self.method, self.args, self.kwargs = method, args, kwargs

    async def deliver(self, actor: Actor) -> None:
        try:  # who sent it may not know the class
            method_of(type(actor), self.method).check(self.args, self.kwargs, stream=False)
        except (UnknownMethod, TypeError) as error:
            _log.warning("%s: a cast is lost: %s", actor.address, error)
            return
        await getattr(actor, self.method)(*self.args, **self.kwargs)


class Info(Message):
    """Something for ``handle_info``."""

    __slots__ = ("args",)

    def __init__(self, message: Any) -> None:
        self.args = (message,)

    async def deliver(self, actor: Actor) -> None:
        await actor.handle_info(*self.args)


@message
@dataclass(frozen=True, slots=True)
class Ended:
    """What an actor's ``handle_info`` gets when one that it monitors, or is linked to, has ended.

    Args:
        ref: the one that has ended.
        reason: why.
    """

    ref: Ref[Any]
    reason: ExitReason
