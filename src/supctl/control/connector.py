"""``supctl.connect()``: the daemon for Python programs, blocking or under trio."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from os import PathLike
from pathlib import Path
from types import TracebackType

from .client import Client
from .home import VARIABLE, Home
from .methods import Facts, Methods
from .reaching import reach


class Connector:
    """A way to the daemon: ``with`` gives a :class:`~.client.Client`, which blocks and may be used
    by any thread; ``async with`` gives the same methods as coroutines, for trio.

    Both go on with the next daemon when one is lost, as docs/survival.md tells.

    Both raise on entry:
        NoDaemon: none runs.
        ConnectionLost, ProtocolError: it went away, or speaks another version.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._client: Client | None = None
        self._opened: AbstractAsyncContextManager[Methods[AsyncIterator[Facts]]] | None = None

    def __enter__(self) -> Client:
        self._client = Client(reach(self._home), partial(reach, self._home))
        return self._client

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._client is not None:
            self._client.close()

    async def __aenter__(self) -> Methods[AsyncIterator[Facts]]:
        from .under_trio import open_methods

        self._opened = open_methods(self._home)
        return await self._opened.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        if self._opened is None:
            return None
        return await self._opened.__aexit__(kind, error, traceback)


def connect(home: str | PathLike[str] | None = None) -> Connector:
    """Return a way to the daemon, to be used with ``with`` or ``async with``.

    Args:
        home: its ``SUPCTL_HOME``; the one of this user by default.

    Raises:
        InvalidConfig: ``home`` is not an absolute path.
    """
    return Connector(Home.of() if home is None else Home.of({VARIABLE: str(Path(home))}))
