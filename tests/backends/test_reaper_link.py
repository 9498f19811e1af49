"""The process that a reaper is."""

from __future__ import annotations

import time
from pathlib import Path

import trio

from supctl.backends.reaper_link import ReaperLink


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
