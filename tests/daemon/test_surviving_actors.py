"""The daemon is killed, and actors in processes of their own live on with their memory."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil
import pytest

from supctl.errors import ActorGone, ConnectionLost, NoDaemon

from .conftest import Desk, until

pytestmark = pytest.mark.survival

ACTORS = """
import os
import time
from pathlib import Path

import trio

from supctl import Actor
from supctl.errors import ConnectionLost

class Counter(Actor):
    total = 0

    def __init__(self):
        self.seen = []
        self.ended = None

    async def init(self):
        await self.registry.register(self.address.rpartition("/")[2], self.ref)

    async def add(self, n=1):
        self.total += n
        return self.total

    async def pid(self):
        return os.getpid()

    async def fail_when(self, go, failed):
        self.start_soon(self._fail, Path(go), Path(failed))

    async def _fail(self, go, failed):
        while not go.exists():
            await trio.sleep(0.01)
        failed.touch()
        raise ValueError("no luck")

    async def compute(self, go):
        Path(go + ".begun").touch()
        while not Path(go).exists():
            time.sleep(0.01)

    async def remember(self, name):
        self.remembered = await self.registry.whereis(name)
        return self.remembered is not None

    async def add_to_remembered(self):
        return await self.remembered.add()

    async def watch(self, name):
        self.monitor(await self.registry.whereis(name))

    async def handle_info(self, ended):
        self.seen.append(str(ended.reason.kind))

    async def what_was_seen(self):
        return self.seen

    async def wait_long(self, begun):
        Path(begun).touch()
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            self.seen.append("cancelled")
            raise

    async def ask_ever(self, name, begun):
        self.start_soon(self._ask_ever, name, Path(begun))

    async def _ask_ever(self, name, begun):
        try:
            while True:
                await self.registry.whereis(name)
                begun.touch()
        except ConnectionLost as lost:
            self.seen.append(type(lost).__name__)

    async def whose(self, name):
        return (await self.registry.whereis(name)) is not None

    async def finish_when(self, go, ended):
        self.ended = Path(ended)
        self.start_soon(self._finish_when, Path(go))

    async def _finish_when(self, go):
        while not go.exists():
            await trio.sleep(0.01)
        self.finish()

    async def terminate(self, reason):
        if self.ended is not None:
            self.ended.touch()
        print("ends", self.total, flush=True)


class Slow(Counter):
    async def terminate(self, reason):
        await trio.sleep(1)
        print("ends", self.total, flush=True)
"""

SURVIVES = """
[apps.counter]
actor = "counting:Counter"
isolation = "process"
on_daemon_loss = "survive"
"""


@pytest.fixture(autouse=True)
def counting(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk.directory / "counting.py").write_text(ACTORS)
    monkeypatch.setenv("PYTHONPATH", str(desk.directory), prepend=os.pathsep)


def start(desk: Desk, text: str = SURVIVES) -> None:
    desk.run("start", desk.write(text))


def kill_daemon(desk: Desk) -> None:
    with desk.client() as client:
        os.kill(client.daemon["pid"], signal.SIGKILL)


def call(desk: Desk, name: str, method: str, *args: Any) -> Any:
    with desk.client() as client:
        return client.call(name, method, *args)


def row(desk: Desk, name: str) -> dict[str, Any]:
    with desk.client() as client:
        (row,) = client.status(name)
    return row


def pid_of(desk: Desk, name: str) -> int:
    pid: int = row(desk, name)["pid"]
    return pid


@contextmanager
def no_next_daemon(desk: Desk) -> Iterator[None]:
    """Kill the daemon; none follows before the end of the block."""
    with desk.client() as client:
        daemon = psutil.Process(client.daemon["pid"])
    reaper = daemon.parent()
    assert reaper is not None
    reaper.suspend()
    daemon.kill()
    try:
        yield
    finally:
        reaper.resume()


def test_it_keeps_its_memory_and_its_pid(desk: Desk) -> None:
    start(desk)
    pid = pid_of(desk, "counter")
    for total in range(1, 4):
        assert call(desk, "counter", "add") == total
        kill_daemon(desk)
        assert (pid_of(desk, "counter"), call(desk, "counter", "pid")) == (pid, pid)
    found = row(desk, "counter")
    assert (found["state"], found["restarts"]) == ("running", 0)


def test_by_default_it_starts_anew(desk: Desk) -> None:
    start(desk, SURVIVES.replace("survive", "restart"))
    pid = pid_of(desk, "counter")
    assert call(desk, "counter", "add", 5) == 5
    kill_daemon(desk)
    until(lambda: row(desk, "counter")["state"] == "running")
    assert call(desk, "counter", "add") == 1
    assert pid_of(desk, "counter") != pid


def test_no_call_that_was_answered_is_lost_at_any_moment(desk: Desk) -> None:
    start(desk)
    pid, is_over, answers = pid_of(desk, "counter"), threading.Event(), []
    failures: list[BaseException] = []

    def count() -> None:
        while not is_over.is_set():
            try:
                with desk.client() as client:
                    while not is_over.is_set():
                        answers.append(client.call("counter", "add", timeout=20))
            except ConnectionLost:
                pass  # nobody knows whether that one was done
            except BaseException as error:
                failures.append(error)
                return

    callers = [threading.Thread(target=count) for _ in range(3)]
    for caller in callers:
        caller.start()
    generator = random.Random(7)
    for _ in range(8):
        seen = len(answers)
        until(lambda seen=seen: len(answers) > seen or failures)  # type: ignore[misc]
        time.sleep(generator.random() * 0.05)
        kill_daemon(desk)
    is_over.set()
    for caller in callers:
        caller.join(timeout=30)
    assert not failures
    assert len(set(answers)) == len(answers)
    assert call(desk, "counter", "add", 0) >= max(answers) >= len(answers)
    assert pid_of(desk, "counter") == pid


def test_daemons_that_are_killed_before_they_serve_do_no_harm(desk: Desk) -> None:
    start(desk)
    pid, generator = pid_of(desk, "counter"), random.Random(3)
    call(desk, "counter", "add", 3)
    with desk.client() as client:
        daemon = psutil.Process(client.daemon["pid"])
    reaper = daemon.parent()
    killed: set[psutil.Process] = set()
    assert reaper is not None
    for _ in range(8):
        until(lambda: daemons_of(reaper) - killed)
        time.sleep(generator.random() * 0.6)  # it is anywhere from its first step to serving
        for young in daemons_of(reaper) - killed:
            young.kill()
            killed.add(young)
    assert (call(desk, "counter", "add"), pid_of(desk, "counter")) == (4, pid)


def daemons_of(reaper: psutil.Process) -> set[psutil.Process]:
    found = set()
    for child in reaper.children():
        with suppress(psutil.Error):
            if "daemon" in child.cmdline():
                found.add(child)
    return found


def test_who_is_killed_meanwhile_is_restarted_for_the_true_reason(desk: Desk) -> None:
    start(desk)
    pid = pid_of(desk, "counter")
    with no_next_daemon(desk):
        os.kill(pid, signal.SIGSEGV)
    until(lambda: row(desk, "counter")["restarts"] == 1)
    assert row(desk, "counter")["end"]["signal"] == signal.SIGSEGV
    until(lambda: row(desk, "counter")["state"] == "running")
    assert call(desk, "counter", "add") == 1


def test_who_crashes_meanwhile_is_restarted_for_the_true_reason(desk: Desk) -> None:
    start(desk)
    ready, go = desk.directory / "ready", desk.directory / "go"
    call(desk, "counter", "fail_when", str(go), str(ready))
    with no_next_daemon(desk):
        go.touch()
        until(ready.exists)
    until(lambda: row(desk, "counter")["restarts"] == 1)
    assert row(desk, "counter")["end"]["detail"] == "ValueError: no luck"


@pytest.mark.parametrize("how", ["by itself", "by SIGTERM"])
def test_who_ends_in_order_meanwhile_has_not_failed(desk: Desk, how: str) -> None:
    start(desk, SURVIVES + "restart = 'on-failure'\n")
    process = psutil.Process(pid_of(desk, "counter"))
    ended, go = desk.directory / "ended", desk.directory / "go"
    call(desk, "counter", "finish_when", str(go), str(ended))
    with no_next_daemon(desk):
        if how == "by itself":
            go.touch()
        else:
            process.terminate()
        until(ended.exists)
    until(lambda: row(desk, "counter")["state"] == "exited")
    assert (row(desk, "counter")["restarts"], process.is_running()) == (0, False)


def test_a_stop_that_has_begun_goes_on(desk: Desk) -> None:
    start(desk, SURVIVES.replace("Counter", "Slow"))
    process = psutil.Process(pid_of(desk, "counter"))
    call(desk, "counter", "add", 3)
    desk.run("stop", "counter", "--no-wait")
    kill_daemon(desk)
    assert psutil.wait_procs([process], timeout=20)[1] == []
    until(lambda: row(desk, "counter")["state"] == "stopped")
    until(lambda: (desk.home.logs / "shop" / "counter.out.log").read_text() == "ends 3\n")


def test_a_restart_that_has_begun_is_brought_to_its_end(desk: Desk) -> None:
    start(desk, SURVIVES.replace("Counter", "Slow"))
    pid = pid_of(desk, "counter")
    call(desk, "counter", "add", 3)
    desk.run("restart", "counter", "--no-wait")
    until(lambda: row(desk, "counter")["state"] == "stopping")
    kill_daemon(desk)
    until(lambda: row(desk, "counter")["state"] == "running" and pid_of(desk, "counter") != pid)
    assert call(desk, "counter", "add") == 1
    until(lambda: (desk.home.logs / "shop" / "counter.out.log").read_text() == "ends 3\n")


GROUP = """
[apps.web]
strategy = "one_for_all"
[apps.web.apps.counter]
actor = "counting:Counter"
isolation = "process"
on_daemon_loss = "survive"
[apps.web.apps.slow]
actor = "counting:Slow"
isolation = "process"
on_daemon_loss = "survive"
"""


def test_the_restart_of_a_group_is_brought_to_its_end(desk: Desk) -> None:
    start(desk, GROUP)
    pids = [pid_of(desk, "counter"), pid_of(desk, "slow")]
    call(desk, "slow", "add", 3)
    os.kill(pids[0], signal.SIGKILL)
    until(lambda: row(desk, "slow")["state"] == "stopping")
    kill_daemon(desk)
    until(lambda: {row(desk, it)["state"] for it in ("counter", "slow")} == {"running"})
    assert call(desk, "slow", "add") == call(desk, "counter", "add") == 1
    assert pids != [pid_of(desk, "counter"), pid_of(desk, "slow")]
    log = desk.home.logs / "shop" / "web" / "slow.out.log"
    until(lambda: log.read_text() == "ends 3\n")


@pytest.mark.parametrize("change", ['"survive"', '"counting:Counter"'])
def test_what_changed_while_nobody_looked_is_started_anew(desk: Desk, change: str) -> None:
    start(desk)
    process = psutil.Process(pid_of(desk, "counter"))
    call(desk, "counter", "add", 3)
    other = {'"survive"': '"restart"', '"counting:Counter"': '"counting:Slow"'}[change]
    held = desk.home.desired.read_text()
    assert change in held
    with no_next_daemon(desk):
        desk.home.desired.write_text(held.replace(change, other))
    until(lambda: row(desk, "counter")["state"] == "running")
    assert call(desk, "counter", "add") == 1
    assert psutil.wait_procs([process], timeout=20)[1] == []
    until(lambda: (desk.home.logs / "shop" / "counter.out.log").read_text() == "ends 3\n")


def test_a_project_that_is_gone_is_ended_in_order(desk: Desk) -> None:
    start(desk)
    process = psutil.Process(pid_of(desk, "counter"))
    with no_next_daemon(desk):
        held = json.loads(desk.home.desired.read_text())
        held["projects"] = {}
        desk.home.desired.write_text(json.dumps(held))
    assert psutil.wait_procs([process], timeout=20)[1] == []
    until(lambda: "ends 0" in (desk.home.logs / "shop" / "counter.out.log").read_text())


def test_it_outlives_the_reaper_too_and_then_the_daemon(desk: Desk) -> None:
    start(desk)
    pid = pid_of(desk, "counter")
    call(desk, "counter", "add", 3)
    with desk.client() as client:
        daemon = psutil.Process(client.daemon["pid"])
    reaper = daemon.parent()
    assert reaper is not None
    reaper.kill()
    until(lambda: daemon.ppid() != reaper.pid)
    until(
        lambda: any(
            it.pid != pid and "reaper" in " ".join(it.cmdline()) for it in daemon.children()
        )
    )
    assert (call(desk, "counter", "add"), pid_of(desk, "counter")) == (4, pid)
    kill_daemon(desk)
    assert (call(desk, "counter", "add"), pid_of(desk, "counter")) == (5, pid)


def test_it_is_not_touched_by_an_upgrade(desk: Desk) -> None:
    start(desk)
    pid = pid_of(desk, "counter")
    call(desk, "counter", "add", 3)
    desk.run("daemon", "upgrade")
    assert (call(desk, "counter", "add"), pid_of(desk, "counter")) == (4, pid)


def test_with_nobody_left_it_ends(desk: Desk) -> None:
    start(desk)
    process = psutil.Process(pid_of(desk, "counter"))
    desk.kill_all()
    assert psutil.wait_procs([process], timeout=20)[1] == []


def test_one_that_computes_with_nobody_left_is_found_by_the_next_daemon(desk: Desk) -> None:
    start(desk)
    process = psutil.Process(pid_of(desk, "counter"))
    never = desk.directory / "never"
    caller = threading.Thread(target=ask, args=(desk, "compute", str(never)))
    caller.start()
    until((desk.directory / "never.begun").exists)
    desk.kill_all()
    caller.join(timeout=20)
    assert process.is_running()
    desk.run("resurrect")
    assert psutil.wait_procs([process], timeout=20)[1] == []
    until(lambda: row(desk, "counter")["state"] == "running")
    assert call(desk, "counter", "add") == 1


def test_it_is_found_by_its_name_again(desk: Desk) -> None:
    start(desk, SURVIVES + SURVIVES.replace("apps.counter", "apps.other"))
    kill_daemon(desk)
    until(lambda: call(desk, "other", "whose", "counter"))


def test_a_reference_of_before_means_nobody(desk: Desk) -> None:
    start(desk, SURVIVES + SURVIVES.replace("apps.counter", "apps.other"))
    assert call(desk, "other", "remember", "counter")
    assert call(desk, "other", "add_to_remembered") == 1
    kill_daemon(desk)
    with desk.client() as client, pytest.raises(ActorGone):
        client.call("other", "add_to_remembered")
    assert call(desk, "counter", "add", 0) == 1


def test_others_are_lost_to_it(desk: Desk) -> None:
    start(desk, SURVIVES + SURVIVES.replace("apps.counter", "apps.other"))
    call(desk, "other", "watch", "counter")
    kill_daemon(desk)
    until(lambda: call(desk, "other", "what_was_seen") == ["lost"])


def test_what_it_did_for_those_who_are_gone_is_cancelled(desk: Desk) -> None:
    start(desk)
    begun = desk.directory / "begun"
    caller = threading.Thread(target=ask, args=(desk, "wait_long", str(begun)))
    caller.start()
    until(begun.exists)
    kill_daemon(desk)
    caller.join(timeout=20)
    assert call(desk, "counter", "what_was_seen") == ["cancelled"]


def test_what_it_asks_when_nobody_is_there_fails(desk: Desk) -> None:
    start(desk)
    begun = desk.directory / "begun"
    call(desk, "counter", "ask_ever", "counter", str(begun))
    until(begun.exists)
    kill_daemon(desk)
    until(lambda: call(desk, "counter", "what_was_seen") == ["ConnectionLost"])


def test_one_that_computes_is_waited_for_and_holds_up_nobody(desk: Desk) -> None:
    start(desk, SURVIVES + SURVIVES.replace("apps.counter", "apps.other"))
    go = desk.directory / "go"
    with desk.client() as client:
        client.call("counter", "add", 3)
        thread = threading.Thread(target=ask, args=(desk, "compute", str(go)))
        thread.start()
        until((desk.directory / "go.begun").exists)
    kill_daemon(desk)
    assert call(desk, "other", "add") == 1
    assert row(desk, "counter")["state"] == "running"
    go.touch()
    assert call(desk, "counter", "add") == 4
    thread.join(timeout=20)


def ask(desk: Desk, method: str, *args: str) -> None:
    with desk.client() as client, suppress(ConnectionLost, NoDaemon):
        client.call("counter", method, *args)
