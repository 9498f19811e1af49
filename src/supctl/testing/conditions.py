"""What "ready" can mean, as values: a port that answers, a page that is served, a line."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

import trio

from supctl.errors import InvalidConfig, Unsupported

from .output import compiled

_FIRST_PAUSE: Final = 0.005
_LONGEST_PAUSE: Final = 0.1
_LONGEST_TRY: Final = 1.0
"""Seconds: a program that is still starting may accept a request and forget it."""

_LONGEST_HEAD: Final = 64 * 1024
"""Bytes of a reply in which its first line must have ended."""

Pattern = str | bytes | re.Pattern[bytes]


class Subject(Protocol):
    """One life of an app, as a condition sees it."""

    @property
    def is_simulated(self) -> bool:
        """Whether it runs in virtual time, without ports."""
        ...

    async def find(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        """Return the first match in its output. Fails when none can come any more."""
        ...


class Condition(ABC):
    """Something that holds sooner or later, or never."""

    @abstractmethod
    async def hold(self, subject: Subject) -> None:
        """Return when it holds. Cancelling is harmless."""


class _Probe(Condition):
    """A condition that nobody announces: it is tried, with pauses that grow from 5 to 100 ms."""

    async def hold(self, subject: Subject) -> None:
        if subject.is_simulated:
            instead = "wait for Output, or for nothing: it has no ports"
            raise Unsupported(type(self).__name__, "a simulated program", instead)
        pause = _FIRST_PAUSE
        while True:
            with trio.move_on_after(_LONGEST_TRY):
                if await self._try():
                    return
            await trio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    @abstractmethod
    async def _try(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Tcp(_Probe):
    """A port accepts connections.

    Args:
        port: 1 to 65,535.
        host: where it listens.
    """

    port: int
    host: str = "127.0.0.1"

    def __post_init__(self) -> None:
        _check_port(self.port)

    def __str__(self) -> str:
        return f"{self.host}:{self.port} accepts connections"

    async def _try(self) -> bool:
        try:
            stream = await trio.open_tcp_stream(self.host, self.port)
        except OSError:
            return False
        await stream.aclose()
        return True


@dataclass(frozen=True, slots=True)
class Http(_Probe):
    """A page is answered with a status.

    Args:
        where: a URL (``"http://127.0.0.1:8080/health"``), or a port of this machine.
        path: of the page, where only a port is given.
        status: what is wanted; ``None``: any from 200 to 399.
    """

    where: str | int
    path: str = "/"
    status: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.where, int):
            _check_port(self.where)
            return
        url = urlsplit(self.where)
        if url.scheme != "http" or not url.hostname:
            raise InvalidConfig("where", self.where, "a port, or a URL such as http://localhost:80")

    def __str__(self) -> str:
        status = "" if self.status is None else f" with status {self.status}"
        return f"{self.url} answers{status}"

    @property
    def url(self) -> str:
        """The page as a URL."""
        if isinstance(self.where, int):
            return f"http://127.0.0.1:{self.where}{self.path}"
        return self.where

    async def _try(self) -> bool:
        try:
            status = await _status_of(self.url)
        except (OSError, trio.BrokenResourceError):
            return False
        return 200 <= status < 400 if self.status is None else status == self.status


@dataclass(frozen=True, slots=True)
class Output(Condition):
    """The present life has printed what matches, on either stream.

    Args:
        pattern: a regular expression; ``^`` and ``$`` match at every line unless it comes
            compiled.
    """

    pattern: Pattern

    def __post_init__(self) -> None:
        compiled(self.pattern)

    def __str__(self) -> str:
        return f"it has printed {compiled(self.pattern).pattern!r}"

    async def hold(self, subject: Subject) -> None:
        await subject.find(compiled(self.pattern))


async def _status_of(url: str) -> int:
    """Ask for a page and return the status of the reply, 0 if that is not HTTP's."""
    parts = urlsplit(url)
    page = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    ask = f"GET {page} HTTP/1.0\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    reply = b""
    async with await trio.open_tcp_stream(str(parts.hostname), parts.port or 80) as stream:
        await stream.send_all(ask.encode())
        while b"\n" not in reply and len(reply) < _LONGEST_HEAD:
            if not (data := await stream.receive_some()):
                break
            reply += data
    found = re.match(rb"HTTP/\d\.\d (\d{3})\b", reply)
    return int(found[1]) if found else 0


def _check_port(port: int) -> None:
    if not 1 <= port <= 65535:
        raise InvalidConfig("port", port, "1 to 65535")
