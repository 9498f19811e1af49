"""Ports that are ours: :class:`FreePort`."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Self


class FreePort:
    """A TCP port that nobody else gets, until it is released. A context manager.

    It is kept by a socket that is bound to it on every address of this machine, with
    ``SO_REUSEADDR``, and does not listen. While that socket is open:

    - the system gives the port to nobody who asks for any port, be it to listen (``bind`` to
      port 0) or to connect;
    - a program that asks for this very port, with ``SO_REUSEADDR`` set, gets it and may listen,
      stop and listen again, as often as it likes. Almost every server sets it: Python's,
      asyncio, uvicorn, Go, Java, Node, nginx, PostgreSQL, Redis;
    - who connects finds the program's socket, or is refused as long as there is none.

    For a program that does not set it, call :meth:`release` before its start: from then on
    another may be faster, as without this class.

    Attributes:
        number: of the port; a plain ``int``, as :func:`socket.getaddrinfo` takes no other.

    Raises:
        OSError: the system has no port left.
    """

    def __init__(self) -> None:
        self._socket = _bound()
        self.number: int = self._socket.getsockname()[1]

    def release(self) -> None:
        """Give the port up. Doing so again does nothing."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


def _bound() -> socket.socket:
    # Both families at once where there is IPv6: a stranger on [::1] would be in the way of a
    # program that listens on all addresses.
    families = (
        [socket.AF_INET6, socket.AF_INET] if socket.has_dualstack_ipv6() else [socket.AF_INET]
    )
    *others, last = families
    for family in others:
        try:
            return _bound_in(family)
        except OSError:  # compiled in, but switched off on this machine
            continue
    return _bound_in(last)


def _bound_in(family: socket.AddressFamily) -> socket.socket:
    reserved = socket.socket(family, socket.SOCK_STREAM)
    try:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            reserved.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        reserved.bind(("", 0))
    except BaseException:
        reserved.close()
        raise
    return reserved
