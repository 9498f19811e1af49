"""The daemon is stopped for a while by a signal: what ran runs on, and nobody is judged by that."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from .conftest import Desk, until
from .test_survival import facts, free_port, row

pytestmark = pytest.mark.survival

STILL = 10.0
"""Seconds; what is asked of apps below has to come much sooner."""

TELLING = """
import os, pathlib, socket, sys, time
out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
address = "\\0" + os.environ["NOTIFY_SOCKET"][1:]
said, wanted = b"WATCHDOG=1", pathlib.Path(sys.argv[1])
while True:
    if wanted.exists():
        said = b"READY=1\\nWATCHDOG=1"
    out.sendto(said, address)
    time.sleep(0.2)
"""

SHOP = """
[apps.ticking]
command = ["sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done"]
[apps.web]
command = ["{python}", "-m", "http.server", "--bind", "127.0.0.1", "{port}"]
ready = {{ tcp = {port} }}
health = {{ http = {port}, interval = "300ms", timeout = "300ms", retries = 1 }}
[apps.asked]
command = ["sleep", "1000"]
health = {{ exec = ["sleep", "0.2"], interval = "300ms", timeout = "1s", retries = 1 }}
[apps.telling]
command = ["{python}", "telling.py", "/"]
ready = {{ notify = true }}
health = {{ watchdog = "500ms" }}
[apps.slow]
command = ["{python}", "telling.py", "{file}"]
ready = {{ notify = true, timeout = "5s" }}
autostart = false
[apps.stopped]
command = ["sleep", "1001"]
"""


WELL = ("web", "asked", "telling")


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """Stop a process for the length of the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_ten_seconds(desk: Desk) -> None:
    (desk.directory / "telling.py").write_text(TELLING)
    file = desk.directory / "slow is ready"
    port = free_port()
    text = SHOP.format(python=sys.executable, port=port, file=file)
    desk.run("start", desk.write(text))
    until(lambda: {row(desk, name)["health"] for name in WELL} == {"healthy"})
    desk.run("start", "slow", "--no-wait")
    until(lambda: row(desk, "slow")["state"] == "starting")
    before = facts(desk)
    with standing_still(desk.json("daemon", "status")["pid"]):
        asking, stopping = desk.popen("status", "--json"), desk.popen("stop", "stopped")
        file.touch()
        time.sleep(STILL)
        assert (asking.poll(), stopping.poll()) == (None, None)
    assert asking.communicate(timeout=20)[1] == ""
    assert stopping.communicate(timeout=20)[0] == "shop/stopped stopped (exit status 143)\n"
    until(lambda: row(desk, "slow")["state"] == "ready")
    slow = before["/shop/slow"][1]
    untouched = {"/shop/slow": ["ready", slow, 0, ""], "/shop/stopped": ["stopped", None, 0, ""]}
    assert facts(desk) == {**before, **untouched}
    desk.run("stop", "ticking")
    text = (desk.home.logs / "shop" / "ticking.out.log").read_text()
    numbers = [int(line) for line in text.splitlines()]
    assert numbers == list(range(1, len(numbers) + 1))
