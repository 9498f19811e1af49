"""What carries the bytes."""

from __future__ import annotations

import os
import sys

import pytest
import trio

from supctl.ipc.transport import WIDE, DescriptorTransport


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a pipe's size is the system's")
async def test_a_pipe_that_was_full_is_wide_from_then_on() -> None:
    import fcntl

    read_fd, write_fd = os.pipe()
    transport = DescriptorTransport(read_fd, write_fd)
    usual = fcntl.fcntl(write_fd, fcntl.F_GETPIPE_SZ)
    value = bytes(usual + 1)
    assert transport.write_now([value]) == usual
    assert fcntl.fcntl(write_fd, fcntl.F_GETPIPE_SZ) == usual < WIDE

    assert await transport.write([value[usual:]]) == 1

    assert fcntl.fcntl(write_fd, fcntl.F_GETPIPE_SZ) == WIDE
    await transport.aclose()


async def test_a_socket_that_was_full_is_left_alone() -> None:
    ours, theirs = trio.socket.socketpair()
    with ours, theirs:
        transport = DescriptorTransport(*[os.dup(ours.fileno())] * 2)
        while transport.write_now([bytes(65536)]):
            pass
        async with trio.open_nursery() as nursery:
            nursery.start_soon(transport.write, [b"x"])
            await theirs.recv(1024 * 1024)
        await transport.aclose()
