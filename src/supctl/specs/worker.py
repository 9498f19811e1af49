"""``Worker``: the description of a Python actor that is to be kept alive."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from supctl.errors import InvalidConfig

from .child import put_child_fields, put_run_fields
from .dependencies import Condition, Dependencies
from .isolation import Code, check_code, check_daemon_loss, check_isolation
from .policy import Backoff, Exhausted, Restart, check_seconds


@dataclass(frozen=True, slots=True, init=False)
class Worker:
    """One Python actor and what becomes of it when it ends.

    Args:
        name: unique inside its supervisor.
        actor: the class (a :class:`supctl.Actor`) or an async function, or its place as
            ``"module:name"``. A function is up at once, ends with the reason ``normal`` when it
            returns, crashes when it raises, and is cancelled when it is stopped.
        args, kwargs: handed to the constructor, or to the function, at every start.
        restart, backoff, give_up_after, max_restarts, within, exhausted, min_uptime, significant,
        essential, depends_on, autostart, tags: as in :class:`supctl.App`.
        grace: seconds that ``terminate`` may take before the actor is cancelled.
        isolation: ``"task"`` (default): the actor runs as a trio task of this process;
            ``"process"``: in a process of its own. Its class must be one that can be imported
            there, and ``args`` and ``kwargs`` what can be sent (docs/protocol.md).
        blocking: whether its public methods, or the function, may be plain ones that block: they
            run in a thread, one at a time. With ``isolation="process"`` only; a call that was
            cancelled, or a stop, waits for the function, a stop for ``grace`` seconds at most.
        hung_after: seconds without a sign of life after which a process counts as hung and is
            killed, 20 by default; ``None``: never, as for code that computes for longer without
            letting its event loop run.
        on_daemon_loss: what becomes of it when the daemon that supervises it is killed or crashes,
            and is followed by another one: ``"restart"`` (default): it ends with the daemon and is
            started anew, its memory is lost; ``"survive"``: its process, its memory and its pid
            stay, and the next daemon goes on with it (docs/survival.md). The latter with
            ``isolation="process"`` only, and not below a supervisor with a process of its own.
            Without a daemon, in :func:`supctl.run` and :func:`supctl.open_tree`, it means nothing:
            there everything ends with the program.

    Raises:
        InvalidConfig: naming the field and what it wanted.
    """

    name: str
    actor: Callable[..., Any] | str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    restart: Restart
    stays_stopped: bool
    backoff: Backoff
    give_up_after: int | None
    max_restarts: int | None
    within: float
    exhausted: Exhausted
    min_uptime: float
    significant: bool
    essential: bool
    depends_on: Mapping[str, Condition]
    autostart: bool
    tags: tuple[str, ...]
    grace: float
    isolation: str
    blocking: bool
    hung_after: float | None
    on_daemon_loss: str

    def __init__(
        self,
        name: str,
        actor: Callable[..., Any] | str,
        *args: Any,
        kwargs: Mapping[str, Any] | None = None,
        restart: Restart | str = Restart.PERMANENT,
        backoff: Backoff | None = None,
        give_up_after: int | None = None,
        max_restarts: int | None = None,
        within: float | None = None,
        exhausted: Exhausted | str = Exhausted.STOP,
        min_uptime: float = 0.0,
        significant: bool = False,
        essential: bool = False,
        depends_on: Dependencies = (),
        autostart: bool = True,
        tags: Sequence[str] = (),
        grace: float = 5.0,
        isolation: str = "task",
        blocking: bool = False,
        hung_after: float | None = 20.0,
        on_daemon_loss: str = "restart",
    ) -> None:
        put = partial(object.__setattr__, self)
        if isinstance(actor, str) and actor.count(":") != 1:
            raise InvalidConfig("actor", actor, "a class, or its place as 'module:Class'")
        if not (isinstance(actor, str) or callable(actor)):
            raise InvalidConfig("actor", actor, "a class or an async function, not yet called")
        check_isolation(isolation, hung_after)
        if blocking and isolation != "process":
            raise InvalidConfig("blocking", blocking, "isolation='process' with it")
        check_daemon_loss(on_daemon_loss, isolation)
        check_seconds("grace", grace)
        put_child_fields(
            put,
            name=name,
            restart=restart,
            backoff=backoff,
            give_up_after=give_up_after,
            exhausted=exhausted,
            significant=significant,
            essential=essential,
            depends_on=depends_on,
            autostart=autostart,
            tags=tags,
            has_limit=max_restarts is not None,
        )
        put_run_fields(put, max_restarts=max_restarts, within=within, min_uptime=min_uptime)
        put("actor", actor)
        put("args", args)
        put("kwargs", MappingProxyType(dict(kwargs or {})))
        put("grace", grace)
        put("isolation", isolation)
        put("blocking", blocking)
        put("hung_after", hung_after)
        put("on_daemon_loss", on_daemon_loss)
        if isolation == "process":
            check_code(self)

    @property
    def may_end(self) -> bool:
        """Whether there are ends after which it is not restarted, besides failures."""
        return self.restart is not Restart.PERMANENT

    @property
    def may_complete(self) -> bool:
        """Whether such an end can be a success."""
        return self.may_end

    @property
    def survives(self) -> bool:
        """Whether it is to outlive the daemon."""
        return self.on_daemon_loss == "survive"

    def code(self) -> Iterator[tuple[str, Code]]:
        """Yield what it needs of the user's: as :class:`~.isolation.HasCode`."""
        yield "actor", self.actor
        # Functions that it is to call are told by their places.
        yield from (("args", place) for place in self.args if isinstance(place, str))

    def survivors(self) -> Iterator[str]:
        """Yield itself if it is to outlive the daemon: as :class:`~.isolation.HasCode`."""
        if self.survives:
            yield "on_daemon_loss"

    def __hash__(self) -> int:
        """Hash by what identifies it; equality compares everything."""
        return hash((self.name, self.actor))
