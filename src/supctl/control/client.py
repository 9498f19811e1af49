"""The daemon for programs without an event loop."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Sequence
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from .line import Line
from .methods import Facts, Methods
from .steady import SteadyLine

P = ParamSpec("P")
R = TypeVar("R")


class _Asks:
    """Asks over a line. Nothing here waits otherwise than by blocking."""

    def __init__(self, line: Line | SteadyLine) -> None:
        self._line = line

    async def call(self, method: str, kwargs: Facts, timeout: float | None) -> Any:
        return self._line.call(method, kwargs, timeout)

    def stream(self, method: str, kwargs: Facts) -> Iterator[Facts]:
        return self._line.stream(method, kwargs)


def _blocking(
    method: Callable[Concatenate[Methods[Iterator[Facts]], P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate[Client, P], R]:
    """Return a method as one that blocks: what it awaits never waits."""

    def block(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            method(self._methods, *args, **kwargs).send(None)
        except StopIteration as done:
            result: R = done.value
            return result
        raise AssertionError("it waits for an event loop")

    block.__name__, block.__doc__ = method.__name__, method.__doc__
    return block


class Client:
    """The daemon, as :class:`~.methods.Methods` describe it. Any thread may use it.

    A context manager that hangs up at the end.

    Args:
        line: to it.
        reach: returns another line, to a daemon that has taken over; without it, the end of the
            daemon is the end.
    """

    def __init__(self, line: Line, reach: Callable[[], Line] | None = None) -> None:
        self._line = line if reach is None else SteadyLine(line, reach)
        self._methods: Methods[Iterator[Facts]] = Methods(_Asks(self._line))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    @property
    def daemon(self) -> Facts:
        """What the daemon told of itself: ``version``, ``pid``."""
        return self._line.daemon

    ping = _blocking(Methods[Iterator[Facts]].ping)
    about = _blocking(Methods[Iterator[Facts]].about)
    add = _blocking(Methods[Iterator[Facts]].add)
    update = _blocking(Methods[Iterator[Facts]].update)
    plan = _blocking(Methods[Iterator[Facts]].plan)
    projects = _blocking(Methods[Iterator[Facts]].projects)
    scale = _blocking(Methods[Iterator[Facts]].scale)
    start = _blocking(Methods[Iterator[Facts]].start)
    stop = _blocking(Methods[Iterator[Facts]].stop)
    restart = _blocking(Methods[Iterator[Facts]].restart)
    delete = _blocking(Methods[Iterator[Facts]].delete)
    signal = _blocking(Methods[Iterator[Facts]].signal)
    status = _blocking(Methods[Iterator[Facts]].status)
    health = _blocking(Methods[Iterator[Facts]].health)
    describe = _blocking(Methods[Iterator[Facts]].describe)
    pause = _blocking(Methods[Iterator[Facts]].pause)
    resume = _blocking(Methods[Iterator[Facts]].resume)
    save = _blocking(Methods[Iterator[Facts]].save)
    resurrect = _blocking(Methods[Iterator[Facts]].resurrect)
    call = _blocking(Methods[Iterator[Facts]].call)
    reset = _blocking(Methods[Iterator[Facts]].reset)
    env = _blocking(Methods[Iterator[Facts]].env)
    inspect = _blocking(Methods[Iterator[Facts]].inspect)
    outputs = _blocking(Methods[Iterator[Facts]].outputs)
    rotate_logs = _blocking(Methods[Iterator[Facts]].rotate_logs)
    flush_logs = _blocking(Methods[Iterator[Facts]].flush_logs)
    wait = _blocking(Methods[Iterator[Facts]].wait)
    why = _blocking(Methods[Iterator[Facts]].why)
    upgrade = _blocking(Methods[Iterator[Facts]].upgrade)
    shutdown = _blocking(Methods[Iterator[Facts]].shutdown)

    def events(
        self, *names: str, follow: bool = False, since: int | None = None
    ) -> Iterator[Facts]:
        """As :meth:`Methods.events`."""
        return self._methods.events(*names, follow=follow, since=since)

    def lines(self, *names: str, streams: Sequence[str] = ("stdout", "stderr")) -> Iterator[Facts]:
        """As :meth:`Methods.lines`."""
        return self._methods.lines(*names, streams=streams)
