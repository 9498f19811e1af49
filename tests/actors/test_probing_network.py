"""One try over the network: what every kind of server makes of it, in words."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from supctl.actors.probing.network import try_http, try_tcp
from supctl.errors import InvalidConfig
from supctl.specs import Http, Tcp
from supctl.testing import FreePort

Serve = Callable[[trio.abc.Stream], Awaitable[None]]


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[int]:
    """Serve each connection so; yield the port."""
    async with trio.open_nursery() as nursery:
        (listener, *_) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def answers(reply: bytes, *, stays: bool = False) -> Serve:
    async def serve(stream: trio.abc.Stream) -> None:
        async with stream:
            await stream.receive_some(4096)
            await stream.send_all(reply)
            if stays:
                await trio.sleep_forever()

    return serve


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nall is well"


async def test_a_port_that_accepts() -> None:
    async with serving(answers(b"")) as port:
        answer = await try_tcp(Tcp(port))
    assert (answer.ok, answer.said) == (True, "accepts connections")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_port_where_nobody_listens(host: str) -> None:
    with FreePort() as port:
        answer = await try_tcp(Tcp(port.number, host))
        assert (answer.ok, answer.said) == (False, f"connection refused on {host}:{port.number}")
        answer = await try_http(Http(f"http://{host}:{port.number}/"))
        assert (answer.ok, answer.said) == (False, f"connection refused on {host}:{port.number}")


async def test_a_host_that_does_not_exist() -> None:
    answer = await try_tcp(Tcp(80, "no-such-host.invalid"))
    assert not answer.ok
    assert answer.said.endswith("on no-such-host.invalid:80")


async def test_a_connection_to_itself_is_none() -> None:
    """The system may choose the very port that is asked for, where nobody listens, as ours."""
    found = 0
    with FreePort() as port:
        number = port.number
    for _ in range(200):
        found += (await try_tcp(Tcp(number))).ok
    assert found == 0


@pytest.mark.parametrize(
    ("reply", "probe", "ok", "said"),
    [
        (OK, {}, True, "status 200"),
        (OK, {"body": "is well"}, True, "status 200"),
        (OK, {"body": "is bad"}, False, "status 200, but no 'is bad' in the answer"),
        (OK, {"body": "Content-Length"}, False, "status 200, but no 'Content-Length' in the ans"),
        (OK, {"status": 204}, False, "status 200"),
        (b"HTTP/1.0 302 Found\r\n\r\n", {}, True, "status 302"),
        (b"HTTP/1.0 302 Found\r\n\r\n", {"status": 200}, False, "status 302"),
        (b"HTTP/1.1 503 Busy\r\n\r\n", {}, False, "status 503"),
        (b"HTTP/1.1 503 Busy\r\n\r\n", {"status": 503}, True, "status 503"),
        (b"SSH-2.0-OpenSSH_9\r\n", {}, False, "it does not speak HTTP"),
        (b"\0" * 100_000, {}, False, "it does not speak HTTP"),
        (b"", {}, False, "it closed the connection"),
    ],
)
async def test_pages(reply: bytes, probe: dict[str, object], ok: bool, said: str) -> None:
    async with serving(answers(reply)) as port:
        answer = await try_http(Http(port, **probe))  # type: ignore[arg-type]
    assert answer.ok is ok
    assert answer.said.startswith(said)


@pytest.mark.parametrize("body", ["is well", "is bad"])
async def test_a_server_that_keeps_the_connection_is_not_waited_for(body: str) -> None:
    async with serving(answers(OK, stays=True)) as port:
        with trio.fail_after(5):
            assert (await try_http(Http(port, body=body))).ok is (body == "is well")


async def test_a_certificate_of_its_own_making(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=somebody"]
    await trio.run_process(
        [*command, "-days", "1", "-keyout", str(key), "-out", str(certificate)],
        stderr=subprocess.DEVNULL,
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def serve(stream: trio.abc.Stream) -> None:
        secure = trio.SSLStream(stream, context, server_side=True, https_compatible=True)
        await answers(OK)(secure)

    async with serving(serve) as port:
        answer = await try_http(Http(f"https://127.0.0.1:{port}/", body="well"))
        assert (answer.ok, answer.said) == (True, "status 200")
        assert not (await try_http(Http(port))).ok
    async with serving(answers(OK)) as port:
        answer = await try_http(Http(f"https://127.0.0.1:{port}/"))
        assert answer.said.startswith("the connection broke down: ")


@pytest.mark.parametrize(
    ("where", "options"),
    [
        ("ftp://x", {}),
        ("localhost:80", {}),
        ("http://", {}),
        ("http://x:port/", {}),
        ("http://x/a b", {}),
        ("http://x/\r\nX: y", {}),
        ("http://me:secret@x/", {}),
        ("http://x/", {"path": "/y"}),
        (80, {"path": "health"}),
        (80, {"path": "/a b"}),
        (80, {"status": 99}),
        (80, {"body": ""}),
        (0, {}),
        (True, {}),
    ],
)
def test_pages_that_cannot_be(where: str | int, options: dict[str, object]) -> None:
    with pytest.raises(InvalidConfig):
        Http(where, **options)  # type: ignore[arg-type]
