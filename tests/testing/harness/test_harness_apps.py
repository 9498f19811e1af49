"""Waiting for real programs and doing harm to them, in a trio test's own loop."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import psutil
import pytest
import trio

from supctl import App, Backoff, Stop, Supervisor
from supctl.errors import GaveUp, InvalidConfig, InvalidState, ProcessNotFound, StartFailed
from supctl.exits import ExitKind
from supctl.testing import Http, Output, Supervised, Tcp, WaitFailed, WaitTimedOut
from supctl.testing.shelf import Shelf

MakeApp = Callable[..., App]

SLEEP = "import time; print('up'); time.sleep(1000)"
BEAT = "import time\nfor n in range(10**9): print(n); time.sleep(0.01)"
SERVE = """
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health?deep" else 503)
        self.end_headers()

http.server.ThreadingHTTPServer(("127.0.0.1", {port}), Handler).serve_forever()
"""


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what nobody announces; the test's own time-out is the limit."""
    while not holds():  # noqa: ASYNC110  # the state of a stranger rings no bell
        await trio.sleep(0.005)


def test_names_in_the_package_are_there_on_use() -> None:
    import supctl.testing

    for name in dir(supctl.testing):
        getattr(supctl.testing, name)
    with pytest.raises(AttributeError, match="no attribute 'Tpc'"):
        supctl.testing.Tpc  # noqa: B018


async def test_apps_run_when_the_tree_is_there(supervised: Supervised, python: MakeApp) -> None:
    tree = await supervised(python("a", SLEEP), python("b", SLEEP))
    assert (tree.name, [app.address for app in tree.apps()]) == ("test", ["/a", "/b"])
    assert tree["a"] is tree["/a"]
    for app in tree.apps():
        await app.wait_ready()
        assert psutil.pid_exists(app.pid)
        assert (app.state, app.restarts, app.reason) == ("running", 0, None)
    with pytest.raises(ProcessNotFound, match="nothing is called 'c'; there are /a, /b"):
        tree["c"]


async def test_two_trees_of_one_name(supervised: Supervised, python: MakeApp) -> None:
    first, second = await supervised(python("a", SLEEP)), await supervised(python("a", SLEEP))
    assert first["a"].pid != second["a"].pid
    await first["a"].wait_output("up")
    await second["a"].wait_output("up")


async def test_ready_means_what_it_is_told_to_mean(
    supervised: Supervised, python: MakeApp, free_port: int
) -> None:
    tree = await supervised(python("web", SERVE.format(port=free_port)))
    web = tree["web"]
    await web.wait_ready(Tcp(free_port))
    await web.wait_ready(Http(free_port, "/health?deep"))
    await web.wait_ready(Http(f"http://localhost:{free_port}/", status=503))
    await web.wait_ready(Output(r"GET / HTTP"))
    with pytest.raises(WaitTimedOut, match=rf"become ready \(http://127.0.0.1:{free_port}/ answ"):
        await web.wait_ready(Http(free_port), timeout=0.2)


async def test_ready_without_a_condition_is_what_the_app_says_itself(
    supervised: Supervised, python: MakeApp, free_port: int, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    wait = f"""
        import os, time
        while not os.path.exists({str(gate)!r}): time.sleep(0.01)
    """
    app = python("web", dedent(wait) + dedent(SERVE.format(port=free_port)), ready=Tcp(free_port))
    web = (await supervised(app))["web"]
    assert web.state == "ready"
    await web.wait_ready()
    await web.wait_state("ready")
    gate.unlink()
    web.kill()
    with pytest.raises(WaitTimedOut):
        await web.wait_ready(timeout=1.0)
    assert web.state == "starting"
    gate.touch()
    await web.wait_ready()
    assert (web.state, web.restarts) == ("ready", 1)


async def test_program_that_ends_before_its_own_ready_fails_the_wait(
    supervised: Supervised, python: MakeApp, tmp_path: Path
) -> None:
    once = tmp_path / "once"
    code = f"""
        import os, time
        if os.path.exists({str(once)!r}): raise SystemExit(3)
        open({str(once)!r}, "w").close()
        print("listening", flush=True)
        time.sleep(1000)
    """
    tree = await supervised(python("a", code, ready=Output("listening")))
    tree["a"].kill()
    with pytest.raises(WaitFailed, match="exited with code 3 before it was ready"):
        await tree["a"].wait_ready(timeout=30)


async def test_server_that_accepts_and_says_nothing_is_not_ready(
    supervised: Supervised, python: MakeApp, free_port: int
) -> None:
    code = f"""
        import socket, time
        listener = socket.create_server(("127.0.0.1", {free_port}))
        time.sleep(1000)
    """
    tree = await supervised(python("mute", code))
    await tree["mute"].wait_ready(Tcp(free_port))
    with pytest.raises(WaitTimedOut):
        await tree["mute"].wait_ready(Http(free_port), timeout=0.3)


@pytest.mark.parametrize("restart", ["permanent", "temporary"])
async def test_program_that_ends_before_it_is_ready_fails_the_wait_at_once(
    supervised: Supervised, python: MakeApp, free_port: int, restart: str
) -> None:
    code = "print('no config'); raise SystemExit(3)"
    app = python("a", code, restart=restart, backoff=Backoff(initial=60, maximum=60))
    tree = await supervised(app)
    begun = time.monotonic()
    with pytest.raises(WaitFailed) as caught:
        await tree["a"].wait_ready(Tcp(free_port), timeout=30)
    assert time.monotonic() - begun < 5
    text = str(caught.value)
    assert f"/a does not become ready (127.0.0.1:{free_port} accepts connections)" in text
    assert "it has ended: crashed (exited with code 3)" in text
    assert "| no config" in text


async def test_program_that_cannot_start_again_fails_the_wait_at_once(
    supervised: Supervised, tmp_path: Path
) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(1000)\n")
    program.chmod(0o700)
    tree = await supervised(App("a", [program], backoff=Backoff(initial=0.01)))
    program.unlink()
    tree["a"].kill()
    with pytest.raises(WaitFailed, match="start failed"):
        await tree["a"].wait_ready(timeout=30)


async def test_program_that_does_not_exist_is_told_at_the_start(supervised: Supervised) -> None:
    with pytest.raises(StartFailed, match=r"/a did not start: .*'no-such-program'"):
        await supervised(App("a", ["no-such-program"]))


async def test_crash_is_a_crash_and_what_follows_is_the_next_life(
    supervised: Supervised, python: MakeApp
) -> None:
    tree = await supervised(python("a", SLEEP))
    app = tree["a"]
    await app.wait_output("up")
    first = app.pid
    app.crash()
    await app.wait_output("up")  # the new one's
    assert (app.restarts, app.pid != first) == (1, True)
    assert app.reason is not None
    assert app.reason.status is not None
    assert app.reason.status.signal == signal.SIGSEGV
    app.kill()
    await app.wait_ready()
    await app.wait_state("running")
    assert app.restarts == 2
    assert app.reason.kind is ExitKind.CRASHED


async def test_restarts_are_counted_and_none_twice(
    supervised: Supervised, python: MakeApp, tmp_path: Path
) -> None:
    code = f"""
        import pathlib, time
        counter = pathlib.Path({str(tmp_path / "lives")!r})
        lives = len(counter.read_text()) if counter.exists() else 0
        counter.write_text("x" * (lives + 1))
        if lives >= 3:
            time.sleep(1000)
    """
    tree = await supervised(python("a", code))
    app = tree["a"]
    await app.wait_restarted(times=2)
    await app.wait_restarted()
    with pytest.raises(WaitTimedOut, match=r"/a does not restart: not within 0\.2 s"):
        await app.wait_restarted(timeout=0.2)
    app.kill()
    await app.wait_restarted()
    assert app.restarts == 4


async def test_app_that_is_not_restarted_fails_the_wait_at_once(
    supervised: Supervised, python: MakeApp
) -> None:
    tree = await supervised(python("a", SLEEP, restart="temporary"))
    tree["a"].kill()
    with pytest.raises(WaitFailed, match="/a does not restart: it is exited"):
        await tree["a"].wait_restarted(timeout=30)


async def test_hung_program_goes_on_when_it_is_let(supervised: Supervised, python: MakeApp) -> None:
    tree = await supervised(python("a", BEAT))
    app, process = tree["a"], psutil.Process(tree["a"].pid)
    await app.wait_output("^3$")
    await app.hang()
    assert (process.status(), app.state) == (psutil.STATUS_STOPPED, "running")
    app.resume()
    await until(lambda: process.status() != psutil.STATUS_STOPPED)


async def test_tree_with_a_hung_program_is_stopped_without_its_grace(
    python: MakeApp, tmp_path: Path
) -> None:
    code = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit()); print('up')\n"
    begun = time.monotonic()
    async with trio.open_nursery() as nursery:
        supervised = Supervised(nursery, Shelf(lambda: tmp_path))
        tree = await supervised(python("a", code + "time.sleep(1000)", stop=Stop(grace=60)))
        await tree["a"].wait_output("up")
        await tree["a"].hang()
        nursery.cancel_scope.cancel()
    assert time.monotonic() - begun < 10
    assert tree["a"].reason is not None
    assert tree["a"].reason.kind is ExitKind.SHUTDOWN


async def test_hung_program_can_crash(supervised: Supervised, python: MakeApp) -> None:
    tree = await supervised(python("a", SLEEP))
    await tree["a"].hang()
    tree["a"].crash()
    await tree["a"].wait_restarted()


async def test_group_that_is_restarted_comes_back_together(
    supervised: Supervised, python: MakeApp
) -> None:
    group = [python("a", SLEEP), python("b", SLEEP), python("c", SLEEP, backoff=Backoff(0.2))]
    tree = await supervised(Supervisor("r", group, strategy="one_for_all", max_restarts=None))
    tree["c"].kill()
    for name in "abc":
        await tree[name].wait_restarted()


async def test_stop_start_and_restart(supervised: Supervised, python: MakeApp) -> None:
    tree = await supervised(python("a", SLEEP))
    app = tree["a"]
    await app.stop()
    assert (app.state, app.pid) == ("stopped", 0)
    with pytest.raises(WaitFailed, match="/a does not restart: it is stopped"):
        await app.wait_restarted(timeout=30)
    for harm in (app.crash, app.kill, app.hang_nowait, app.resume):
        with pytest.raises(InvalidState, match="/a is stopped; wanted a process that runs"):
            harm()
    with pytest.raises(InvalidState, match="/a is stopped; wanted a process that runs"):
        await app.hang()
    await app.start()
    assert app.state == "running"
    await app.restart()
    assert (app.state, app.restarts) == ("running", 2)


async def test_states_that_pass_quickly_are_seen(supervised: Supervised, python: MakeApp) -> None:
    tree = await supervised(python("a", SLEEP))
    async with trio.open_nursery() as nursery:
        for state in ("backoff", "running"):
            nursery.start_soon(tree["a"].wait_state, state)
        await trio.testing.wait_all_tasks_blocked()  # a wait sees what comes, not what has been
        tree["a"].kill()


async def test_waiting_for_a_state_that_does_not_come(
    supervised: Supervised, python: MakeApp
) -> None:
    tree = await supervised(python("a", SLEEP))
    with pytest.raises(WaitTimedOut, match=r"/a does not reach the state 'failed': not within 0.1"):
        await tree["a"].wait_state("failed", timeout=0.1)


async def test_root_that_gives_up_ends_every_wait(supervised: Supervised, python: MakeApp) -> None:
    bad = python("bad", "import time; time.sleep(0.2); raise SystemExit(4)")
    tree = await supervised(Supervisor("shop", [python("good", SLEEP), bad]))
    with pytest.raises(WaitFailed, match="the tree has ended: shop gave up: /bad crashed"):
        await tree["bad"].wait_restarted(times=3)
    with pytest.raises(WaitFailed, match="the tree has ended: shop gave up"):
        await tree["good"].wait_restarted()
    with pytest.raises(GaveUp):
        await tree.wait()


async def test_apps_given_alone_may_crash_as_often_as_they_like(
    supervised: Supervised, python: MakeApp
) -> None:
    tree = await supervised(python("a", SLEEP))
    for _ in range(5):
        tree["a"].kill()
        await tree["a"].wait_restarted()


async def test_apps_below_supervisors(supervised: Supervised, python: MakeApp) -> None:
    web = Supervisor("web", [python("api", SLEEP, instances=2)], max_restarts=0)
    tree = await supervised(Supervisor("shop", [web], max_restarts=None))
    second = tree["web/api:2"]
    await second.wait_output("up")
    second.kill()  # and its supervisor gives up, and comes back
    await second.wait_output("up")
    await tree["web/api:1"].wait_restarted()
    assert [app.address for app in tree.apps()] == ["/web/api:1", "/web/api:2"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda app: app.wait_ready(8080), "condition is 8080; wanted Tcp, Http, Output or noth"),
        (lambda app: app.wait_ready(timeout=-1), "timeout is -1; wanted"),
        (lambda app: app.wait_state("up"), "state is 'up'; wanted one of starting, running"),
        (lambda app: app.wait_restarted(0), "times is 0; wanted 1 or more"),
        (lambda app: app.wait_output("("), "pattern is .*; wanted a regular expression: missing"),
    ],
)
async def test_wrong_arguments_are_told_in_a_sentence(
    supervised: Supervised, python: MakeApp, call: Callable[..., object], message: str
) -> None:
    tree = await supervised(python("a", SLEEP))
    with pytest.raises(InvalidConfig, match=message):
        await call(tree["a"])  # type: ignore[misc]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Tcp(0), "port is 0; wanted 1 to 65535"),
        (lambda: Http("localhost:80"), "where is 'localhost:80'; wanted a port, or a URL such"),
        (lambda: Http("ftp://localhost"), "where is 'ftp://localhost'; wanted a port, or a UR"),
        (lambda: Output("["), "pattern is .*; wanted a regular expression"),
    ],
)
def test_conditions_that_cannot_hold_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        make()


@pytest.mark.parametrize("specs", [(), (3,), ("web",), (Supervisor("a"), Supervisor("b"))])
async def test_what_is_no_tree_is_refused(supervised: Supervised, specs: tuple[object]) -> None:
    with pytest.raises(InvalidConfig, match=r"supervised is .*; wanted one Supervisor, or one or"):
        await supervised(*specs)  # type: ignore[arg-type]
