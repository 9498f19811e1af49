"""Ports that nobody else gets, and that programs take as often as they like."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Callable

import pytest

from supctl import App
from supctl.testing import BlockingSupervised, FreePort, Http, Tcp

MakeApp = Callable[..., App]

IP_LOCAL_PORT_RANGE = 51
"""Socket option of Linux 6.3: lowest and highest port that the system may choose for a socket."""

SERVERS = {
    "http.server": "import http.server as s; s.test(s.SimpleHTTPRequestHandler, port={port})",
    "asyncio": """
        import asyncio

        async def reply(reader, writer):
            await reader.readline()
            writer.write(b"HTTP/1.0 200 OK\\r\\n\\r\\n")
            writer.close()

        async def main():
            server = await asyncio.start_server(reply, "localhost", {port})
            await server.serve_forever()

        asyncio.run(main())
    """,
    "as in C": """
        import socket
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("0.0.0.0", {port}))
        listener.listen(5)
        while True:
            peer, _ = listener.accept()
            peer.send(b"HTTP/1.0 200 OK\\r\\n\\r\\n")
            peer.close()
    """,
    "all addresses of both families": """
        import socket
        listener = socket.create_server(("", {port}), family=socket.AF_INET6, dualstack_ipv6=True)
        while True:
            peer, _ = listener.accept()
            peer.send(b"HTTP/1.0 200 OK\\r\\n\\r\\n")
            peer.close()
    """,
}


@pytest.mark.parametrize("name", SERVERS)
def test_servers_take_it_and_take_it_again(
    supervised: BlockingSupervised, python: MakeApp, free_port: int, name: str
) -> None:
    if "both" in name and not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    server = supervised(python("server", SERVERS[name].format(port=free_port)))["server"]
    server.wait_ready(Http(free_port))
    server.kill()
    server.wait_restarted()
    server.wait_ready(Http(free_port))


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux to choose from one port")
@pytest.mark.parametrize("reuse", [0, 1])
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_the_system_gives_it_to_nobody(free_port: int, host: str, reuse: int) -> None:
    with choosing_from(free_port) as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
        with pytest.raises(OSError, match=rf"\[Errno {errno.EADDRINUSE}\]"):
            stranger.bind((host, 0))
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        choosing_from(free_port) as client,
        pytest.raises(OSError, match=rf"\[Errno {errno.EADDRNOTAVAIL}\]"),
    ):
        client.connect(server.getsockname())


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux to choose from one port")
def test_what_is_released_may_go_to_anybody() -> None:
    reserved = FreePort()
    reserved.release()
    reserved.release()
    with choosing_from(reserved.number) as stranger:
        stranger.bind(("127.0.0.1", 0))
        assert stranger.getsockname()[1] == reserved.number


def choosing_from(port: int) -> socket.socket:
    chooser = socket.socket()
    both = (port << 16 | port).to_bytes(4, sys.byteorder)
    try:
        chooser.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, both)
    except OSError:
        chooser.close()
        pytest.skip("this Linux is older than 6.3")
    return chooser


def test_nobody_answers_before_the_program_does(free_port: int) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", free_port)).close()


def test_program_without_reuse_needs_it_released(
    supervised: BlockingSupervised, python: MakeApp
) -> None:
    code = """
        import socket
        listener = socket.socket()
        listener.bind(("127.0.0.1", {port}))
        listener.listen()
        while True:
            listener.accept()
    """
    with FreePort() as port:
        port.release()
        server = supervised(python("server", code.format(port=port.number)))["server"]
        server.wait_ready(Tcp(port.number))


def test_ports_differ() -> None:
    with FreePort() as first, FreePort() as second:
        assert first.number != second.number
