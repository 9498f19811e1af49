"""``Actor``: the class that Python actors derive from."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from supctl.errors import InvalidConfig, InvalidState, IsStream
from supctl.exits import ExitReason
from supctl.specs.ignore import Ignore
from supctl.specs.policy import check_seconds

from .chunk import Outcome, call_each
from .circle import OnBehalfOf
from .interface import Method, method_of
from .mailbox import check_bounds
from .message import End
from .ref import Ref, Reference, make_ref, target_of
from .timer import Timer
from .trace import short

if TYPE_CHECKING:
    import trio

    from .life import Life
    from .registry import Registry

    _Base = Reference  # so that a checker, to whom a Ref[Counter] is a Counter, knows its methods
else:
    _Base = object

_log = logging.getLogger("supctl.actors")


class Actor(_Base):
    """State that only one task touches, reached by messages.

    Public async methods are what others may call, one at a time, in order of arrival. Those that
    yield are streams; they run beside the others::

        class Counter(Actor):
            async def init(self) -> None:
                self.total = 0

            async def add(self, n: int) -> int:
                self.total += n
                return self.total

    An exception in a method goes to who called it; in a cast, in :meth:`init`,
    :meth:`handle_info` or a task of its own it ends the actor, and its supervisor decides.
    """

    mailbox_capacity: ClassVar[int | None] = None
    """Messages that may wait; ``None`` is any number."""

    mailbox_policy: ClassVar[str] = "wait"
    """What happens when as many wait: ``wait``: callers wait on, casts raise MailboxFull;
    ``refuse``: both raise MailboxFull; ``drop_oldest``: the oldest is dropped, and its caller
    gets MailboxFull."""

    trap_exits: ClassVar[bool] = False
    """Whether the end of an actor that it is linked to is a message, instead of its own end."""

    _methods: ClassVar[dict[str, Method]] = {}
    _own_names: ClassVar[frozenset[str]] = frozenset()

    address: str = ""
    """Where it stands in its tree. Set before :meth:`init`."""

    _life: Life
    _registry: Registry
    _nursery: trio.Nursery | None = None

    if TYPE_CHECKING:

        def __init__(self) -> None: ...

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._methods = {}
        for name in _OF_REFERENCES:
            if getattr(cls, name, None) is getattr(Actor, name, None):
                continue
            raise InvalidConfig(
                f"{cls.__name__}.{name}",
                f"a member of an actor called {name!r}",
                "another name",
                f"every reference has a {name!r} of its own, which would hide it",
            )
        check_bounds(cls.mailbox_capacity, cls.mailbox_policy)

    async def init(self) -> Ignore | None:
        """Prepare; the start has succeeded when this returns.

        An actor that finds that it is not needed returns :data:`supctl.IGNORE`: it does not run,
        and its supervisor goes on as if it did (OTP's ``ignore``).
        """
        return None

    async def terminate(self, reason: ExitReason) -> None:
        """Clean up before the end, orderly or by a crash; has the spec's ``grace``, then is
        cancelled. Not called when :meth:`init` has failed or has returned IGNORE."""

    async def handle_info(self, message: Any) -> None:
        """Handle what was sent with :meth:`~supctl.actors.ref.Reference.send`, by a timer, and
        :class:`~supctl.actors.message.Ended` of actors that are monitored or linked."""
        _log.warning("%s: nobody handles %s", self.address, short(message))

    async def describe(self) -> Any:
        """Return what people see of its state: its public attributes, as text cut to a sane
        length, unless a class knows better."""
        return {
            name: short(value)
            for name, value in vars(self).items()
            if not name.startswith("_") and name != "address"
        }

    async def call_each(self, method: str, items: Sequence[Any]) -> Outcome:
        """Call one of its methods with each item, one after the other, and return the results, and
        the error if one ended it. It saves a pool a message for each.

        Raises:
            IsStream, UnknownMethod: as a call of the method.
        """
        if method_of(type(self), method).is_stream:
            raise IsStream(f"{type(self).__name__}.{method}")
        return await call_each(getattr(self, method), items)

    @property
    def ref(self) -> Ref[Self]:
        """A reference to this life of the actor, to be handed to others."""
        ref: Ref[Self] = make_ref(self._life)
        return ref

    @property
    def registry(self) -> Registry:
        """The actors of the tree by name, and in groups."""
        return self._registry

    def finish(self) -> None:
        """End with the reason ``normal``, once the messages that wait already are handled."""
        self._life.mailbox.put_own(End.FINISH)

    def start_soon(self, task: Callable[..., Awaitable[Any]], *args: Any) -> None:
        """Run ``task`` beside the messages. It ends with the actor, and the actor with it
        if it raises.

        Raises:
            InvalidState: the actor does not run (yet, or any more).
        """
        if self._nursery is None:
            raise InvalidState(self.address or type(self).__name__, "not running", "one that runs")
        with OnBehalfOf(None):
            self._nursery.start_soon(task, *args)

    def send_after(self, seconds: float, message: Any) -> Timer:
        """Let :meth:`handle_info` get a message in so many seconds, unless the timer that is
        returned is cancelled."""
        check_seconds("seconds", seconds)
        timer = Timer(message, self._life.mailbox, None)
        self.start_soon(timer.run, seconds)
        return timer

    def send_every(self, seconds: float, message: Any) -> Timer:
        """Let :meth:`handle_info` get a message again and again, every so many seconds, until the
        timer that is returned is cancelled. One at most waits in the mailbox."""
        check_seconds("seconds", seconds, zero=False)
        timer = Timer(message, self._life.mailbox, seconds)
        self.start_soon(timer.run, seconds)
        return timer

    def monitor(self, ref: Reference) -> None:
        """Let :meth:`handle_info` get an :class:`~supctl.actors.message.Ended` when that actor
        ends; at once if it has. Monitoring twice is monitoring once."""
        self._life.bonds.monitor(target_of(ref))

    def demonitor(self, ref: Reference) -> None:
        """Take :meth:`monitor` back."""
        self._life.bonds.demonitor(target_of(ref))

    def link(self, ref: Reference) -> None:
        """End when that actor ends abnormally, and let it end when this one does; at once if it
        has. With :attr:`trap_exits` it is a message instead, as for :meth:`monitor`."""
        self._life.link(target_of(ref))
        target_of(ref).link(self._life)

    def unlink(self, ref: Reference) -> None:
        """Take :meth:`link` back, in both directions."""
        self._life.unlink(target_of(ref))
        target_of(ref).unlink(self._life)


_OF_REFERENCES = frozenset(
    {"address", "call", "cast", "reason", "send", "stop", "stream", "trace", "wait"}
)
Actor._own_names = frozenset(dir(Actor)) - {"call_each", "describe"} | _OF_REFERENCES
