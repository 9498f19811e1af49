"""One try of a probe over the network."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator
from typing import Final
from urllib.parse import SplitResult, urlsplit

import trio

from supctl.backends.answers import Answer
from supctl.specs.probe import Http, Tcp

_LONGEST: Final = 64 * 1024
"""Bytes of an answer that are looked at."""

_STATUS_LINE: Final = re.compile(rb"HTTP/\d(?:\.\d)? (\d{3})\b")


class _Refused(Exception):
    """Nobody there, or nobody who says what is wanted; in words."""


async def try_tcp(probe: Tcp) -> Answer:
    """Connect and hang up."""
    try:
        stream = await _connect(probe.host, int(probe.port))
    except _Refused as why:
        return Answer(False, str(why))
    await stream.aclose()
    return Answer(True, "accepts connections")


async def try_http(probe: Http) -> Answer:
    """Ask for the page and look at the answer."""
    try:
        reply = await _get(urlsplit(probe.url), probe.body)
    except _Refused as why:
        return Answer(False, str(why))
    except (trio.BrokenResourceError, ssl.SSLError) as error:
        return Answer(False, f"the connection broke down: {error.__cause__ or error}")
    found = _STATUS_LINE.match(reply)
    if found is None:
        return Answer(False, "it does not speak HTTP" if reply else "it closed the connection")
    status = int(found[1])
    said = f"status {status}"
    if not (200 <= status < 400 if probe.status is None else status == probe.status):
        return Answer(False, said)
    if probe.body is not None and probe.body.encode() not in reply.partition(b"\r\n\r\n")[2]:
        return Answer(False, f"{said}, but no {probe.body!r} in the answer")
    return Answer(True, said)


async def _get(url: SplitResult, wanted: str | None) -> bytes:
    """Return the beginning of the answer: its first line, and all of it if text is wanted."""
    host, is_secure = str(url.hostname), url.scheme == "https"
    stream: trio.abc.Stream = await _connect(host, url.port or (443 if is_secure else 80))
    if is_secure:
        stream = trio.SSLStream(stream, _trusting(), server_hostname=host, https_compatible=True)
    async with stream:
        await stream.send_all(_request(url))
        reply = b""
        while len(reply) < _LONGEST and not _is_enough(reply, wanted):
            data = await stream.receive_some(_LONGEST)
            if not data:
                break
            reply += data
        return reply


def _request(url: SplitResult) -> bytes:
    page = (url.path or "/") + (f"?{url.query}" if url.query else "")
    lines = (f"GET {page} HTTP/1.0", f"Host: {url.netloc}", "User-Agent: supctl", "Accept: */*")
    return "\r\n".join((*lines, "Connection: close", "", "")).encode()


def _is_enough(reply: bytes, wanted: str | None) -> bool:
    if wanted is None:
        return b"\n" in reply
    head, end, body = reply.partition(b"\r\n\r\n")
    if not end:
        return False
    length = re.search(rb"\r\ncontent-length: *(\d{1,9})", head, re.IGNORECASE)
    return wanted.encode() in body or (length is not None and len(body) >= int(length[1]))


def _trusting() -> ssl.SSLContext:
    """Return what takes any certificate: a server's own name for itself is seldom 127.0.0.1."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _connect(host: str, port: int) -> trio.SocketStream:
    """Connect, or say in words why not.

    Raises:
        _Refused: nobody is there.
    """
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        stream = await trio.open_tcp_stream(host, port)
    except OSError as error:
        raise _Refused(f"{_in_words(error)} on {place}") from None
    # Where nobody listens, the system may choose that very port for our end: TCP then
    # connects it to itself (simultaneous open), which says nothing of the program.
    if stream.socket.getsockname() == stream.socket.getpeername():
        await trio.aclose_forcefully(stream)
        raise _Refused(f"connection refused on {place}")
    return stream


def _in_words(error: BaseException) -> str:
    """Return why nobody could be reached: of several addresses, what the first one said."""
    for reason in _reasons(error):
        if isinstance(reason, OSError) and reason.errno is not None:
            known = reason.strerror if reason.errno < 0 else os.strerror(reason.errno)
            return (known or str(reason)).lower()
    return str(error)


def _reasons(error: BaseException) -> Iterator[BaseException]:
    """Yield what lies behind trio's "all attempts to connect failed"."""
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _reasons(member)
    elif error.__cause__ is not None:
        yield from _reasons(error.__cause__)
    yield error
