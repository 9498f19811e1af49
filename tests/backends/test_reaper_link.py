"""The process that a reaper is."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import trio

from supctl.backends.base import Capabilities
from supctl.backends.linux import LinuxBackend
from supctl.backends.reaper.protocol import VERSION, Passing, decode, encode
from supctl.backends.reaper_link import ReaperLink
from supctl.ipc.framing import FrameReader


def wait_gone(pid: int) -> None:
    """Return when not even a zombie is left."""
    while Path(f"/proc/{pid}").exists():
        time.sleep(0.01)


async def test_one_that_nobody_waits_for_any_more_leaves_no_zombie() -> None:
    link = ReaperLink.start()
    with trio.move_on_after(0) as scope:
        await link.wait()
    assert scope.cancelled_caught
    link.kill()
    await trio.to_thread.run_sync(wait_gone, link.pid)
    link.close()


async def test_it_hears_all_before_the_end_though_it_is_slow_to_listen() -> None:
    ours, theirs = socket.socketpair()
    for message in (
        ["hello", VERSION, os.getppid(), 256],
        ["left_you", [], 0, asdict(Passing())],
        ["that_is_all"],
    ):
        theirs.sendall(encode(message))
    heard: list[list[Any]] = []

    def listen() -> None:
        frames = FrameReader()
        with theirs:
            while data := theirs.recv(65536):
                heard.extend(map(decode, frames.feed(data)))

    backend = LinuxBackend(Capabilities("linux"), link=ReaperLink(ours))
    async with trio.open_nursery() as nursery, backend:
        for number in range(2000):  # more than any socket takes at once
            backend.note(f"{number}", "a text " * 100)
        nursery.start_soon(trio.to_thread.run_sync, listen)
    assert heard.pop() == ["bye"]
    assert [key for _, notes, _ in heard for key in notes] == [f"{it}" for it in range(2000)]
