"""Probes, as values: what shows that a program is ready, or that it is still well.

``str`` of a probe says what it shows, as the rest of a sentence.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from supctl.errors import InvalidConfig

from .command import check_command
from .pattern import Pattern, compiled
from .placeholders import PORT, filler
from .policy import check_seconds


class Probe:
    """What shows how a program is. :class:`Ready` and :class:`Health` say when it is asked."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Tcp(Probe):
    """A port accepts connections.

    Args:
        port: 1 to 65,535; ``"{port}"`` is that of the instance (:attr:`supctl.App.port`).
        host: where it listens, a name or an address.

    Raises:
        InvalidConfig: there is no such port.
    """

    port: int | str
    host: str = "127.0.0.1"

    def __post_init__(self) -> None:
        if self.port != PORT:
            check_port(self.port)
        if not self.host:
            raise InvalidConfig("host", self.host, "a name or an address, such as 127.0.0.1")

    def __str__(self) -> str:
        return f"{self.host}:{self.port} accepts connections"


@dataclass(frozen=True, slots=True)
class Http(Probe):
    """A page is answered with a status.

    It is asked for with GET; redirections are not followed. The certificate of an ``https`` page
    is not verified: the question is whether it answers, and nothing secret is said.

    Args:
        where: a URL (``"http://127.0.0.1:8080/health"``), or a port of this machine; ``"{port}"``,
            also in a URL, is that of the instance (:attr:`supctl.App.port`).
        path: of the page, where only a port is given.
        status: what is wanted; ``None``: any from 200 to 399.
        body: text that must be in the first 64 KiB of the answer; ``None``: any answer will do.

    Raises:
        InvalidConfig: naming the field.
    """

    where: str | int
    path: str = "/"
    status: int | None = None
    body: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.where, int):
            check_port(self.where)
        elif self.where != PORT:
            _check_url(filler(instance=1, index=0, port=1)(self.where))
            if self.path != "/":
                raise InvalidConfig("path", self.path, "nothing beside a URL, which has its own")
        if not self.path.startswith("/") or not _is_word(self.path):
            raise InvalidConfig("path", self.path, 'a path such as "/health", without spaces')
        if self.status is not None and not 100 <= self.status <= 599:
            raise InvalidConfig("status", self.status, "a status of HTTP, 100 to 599")
        if self.body == "":
            raise InvalidConfig("body", self.body, "text that must be in the answer")

    def __str__(self) -> str:
        status = "" if self.status is None else f" with status {self.status}"
        body = "" if self.body is None else f" and {self.body!r}" if status else f" {self.body!r}"
        return f"{self.url} answers{status}{body}"

    @property
    def url(self) -> str:
        """The page as a URL."""
        if isinstance(self.where, int) or self.where == PORT:
            return f"http://127.0.0.1:{self.where}{self.path}"
        return self.where


@dataclass(frozen=True, slots=True, init=False)
class Exec(Probe):
    """A command ends with exit code 0.

    It has the environment, directory and user of the app; what it prints goes nowhere. At its
    time-out, and when the app ends, it is killed with all its descendants.

    Args:
        command: argument vector; no shell is involved.

    Raises:
        InvalidConfig: it is no such vector.
    """

    command: tuple[str, ...]

    def __init__(self, command: Sequence[str | os.PathLike[str]]) -> None:
        object.__setattr__(self, "command", check_command(command))

    def __str__(self) -> str:
        return f"{shlex.join(self.command)} succeeds"


@dataclass(frozen=True, slots=True)
class Output(Probe):
    """The present life has printed a line that matches, on either stream.

    Args:
        pattern: a regular expression; ``^`` and ``$`` match at every line unless it comes
            compiled.

    Raises:
        InvalidConfig: it is no regular expression for bytes.
    """

    pattern: Pattern

    def __post_init__(self) -> None:
        compiled(self.pattern)

    def __str__(self) -> str:
        pattern = compiled(self.pattern).pattern.decode("utf-8", "backslashreplace")
        return f"it has printed {pattern!r}"


@dataclass(frozen=True, slots=True)
class Delay(Probe):
    """It has run for a while.

    Args:
        seconds: how long, more than 0.

    Raises:
        InvalidConfig: it is no such number.
    """

    seconds: float

    def __post_init__(self) -> None:
        check_seconds("seconds", self.seconds, zero=False)

    def __str__(self) -> str:
        return f"it has run for {self.seconds:g} s"


@dataclass(frozen=True, slots=True)
class Notify(Probe):
    """It has said ``READY=1`` to the socket that ``NOTIFY_SOCKET`` names, as of sd_notify(3)."""

    def __str__(self) -> str:
        return "it has said READY=1"


@dataclass(frozen=True, slots=True)
class Watchdog(Probe):
    """It says ``WATCHDOG=1`` again and again, as of sd_notify(3).

    It finds in ``WATCHDOG_USEC`` how often.

    Args:
        seconds: the longest silence that is well, more than 0. Programs speak up twice as often.

    Raises:
        InvalidConfig: it is no such number.
    """

    seconds: float

    def __post_init__(self) -> None:
        check_seconds("seconds", self.seconds, zero=False)

    def __str__(self) -> str:
        return f"it says WATCHDOG=1 every {self.seconds:g} s"


def check_port(port: int | str) -> None:
    """Refuse what is no port.

    Raises:
        InvalidConfig: naming ``port``.
    """
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
        raise InvalidConfig("port", port, "1 to 65535")


def _check_url(url: str) -> None:
    wanted = "a port, or a URL such as http://localhost:80/health"
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, an address that is none
        good = False
    if not good or not _is_word(url):
        raise InvalidConfig("where", url, wanted)
    if parts.username is not None or parts.fragment:
        raise InvalidConfig("where", url, "a URL without user, password and #fragment")


def _is_word(text: str) -> bool:
    """Return whether ``text`` can stand in the first line of a request."""
    return text.isascii() and text.isprintable() and " " not in text
