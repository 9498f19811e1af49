"""From a request to the method that is meant."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from supctl.control.target import TARGET
from supctl.errors import PermissionDenied, UnknownMethod
from supctl.ipc import Request

from .admission import Access
from .arguments import Arguments
from .asking import asked_by
from .audit import Audit
from .peer import Peer

_log = logging.getLogger("supctl.daemon")

_arguments_of = functools.cache(Arguments)


class ControlService:
    """What one peer may ask the daemon for; a :class:`supctl.ipc.Service`.

    Args:
        peer: who asks.
        access: what it may.
        changing: methods that change something, by name; each call is noted in the audit.
        looking: methods that do not.
        audit: where who changed what is noted.
    """

    def __init__(
        self,
        peer: Peer,
        access: Access,
        changing: Mapping[str, Callable[..., Any]],
        looking: Mapping[str, Callable[..., Any]],
        audit: Audit,
    ) -> None:
        self._peer, self._access, self._audit = peer, access, audit
        self._changing, self._looking = changing, looking

    def call(self, request: Request) -> None:
        """Begin to do what is asked; what waits for nothing is done and answered here."""
        method = self._find(request)
        if _is_plain(method):
            request.answer(method(**request.kwargs))
        else:
            request.serve(self._do, request, method)

    def stream(self, request: Request) -> AsyncIterator[Any]:
        """Begin to tell what is asked for."""
        items: AsyncIterator[Any] = self._find(request)(**request.kwargs)
        return items

    def cast(self, target: str | int, method: str, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Refuse it: who changes something wants to know what became of it."""
        raise UnknownMethod(TARGET, method, "the daemon takes calls only")

    def cast_failed(self, target: str | int, method: str, error: Exception) -> None:
        """Say so in the log."""
        _log.warning("a message of %s is lost: %s", self._peer.name, error)

    async def _do(self, request: Request, method: Callable[..., Any]) -> Any:
        if request.method not in self._changing:
            return await method(**request.kwargs)
        async with self._audit.of(self._peer, request.method, request.kwargs) as user:
            with asked_by(self._peer, user):
                return await method(**request.kwargs)

    def _find(self, request: Request) -> Callable[..., Any]:
        method = self._changing.get(request.method) or self._looking.get(request.method)
        if request.target != TARGET or method is None or request.args:
            known = ", ".join(sorted([*self._changing, *self._looking]))
            raise UnknownMethod(TARGET, request.method, f"there are {known}")
        self._permit(request.method)
        _arguments_of(method).check(request.kwargs)
        return method

    def _permit(self, method: str) -> None:
        wanted = Access.FULL if method in self._changing else Access.READ
        if self._access < wanted:
            who = "the daemon's own user, root, or a group that its daemon.toml admits"
            full = f'{who} with access = "full"'
            raise PermissionDenied(
                self._peer.name, f"ask for {method}", full if wanted is Access.FULL else who
            )


@functools.cache
def _is_plain(method: Callable[..., Any]) -> bool:
    return not (inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method))
