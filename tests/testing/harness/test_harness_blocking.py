"""The same for plain synchronous tests: the tree runs in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from supctl import App, Supervisor
from supctl.errors import GaveUp, InvalidConfig, InvalidState
from supctl.testing import (
    BlockingApp,
    BlockingSupervised,
    BlockingTree,
    Http,
    SupervisedApp,
    SupervisedTree,
    WaitFailed,
    WaitTimedOut,
    chaos,
)

MakeApp = Callable[..., App]
SLEEP = "import time; print('up'); time.sleep(1000)"


def public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def test_everything_of_an_app_and_a_tree_is_there_without_await() -> None:
    # What is left out works in the loop, or is for the fixtures.
    left_out = {"handle", "hang_nowait", "headline", "is_in", "let_go", "story", "wait_last_words"}
    assert public(SupervisedApp) - public(BlockingApp) <= left_out
    left_out = {"end_if_abandoned", "end_test", "events", "story", "subscribe"}
    assert public(SupervisedTree) - public(BlockingTree) == left_out


def test_http_server_that_crashes(supervised: BlockingSupervised, free_port: int) -> None:
    import sys

    tree = supervised(App("web", [sys.executable, "-m", "http.server", str(free_port)]))
    web = tree["web"]
    web.wait_ready(Http(free_port))
    first = web.pid
    web.crash()
    web.wait_restarted()
    web.wait_ready(Http(free_port))
    assert (web.address, web.state, web.restarts, web.pid != first) == ("/web", "running", 1, True)
    assert "crashed (killed by SIGSEGV" in str(web.reason)
    assert "GET /" in web.output


def test_every_call(supervised: BlockingSupervised, python: MakeApp) -> None:
    tree = supervised(Supervisor("shop", [python("a", SLEEP)], max_restarts=None))
    app = tree["a"]
    assert tree.name == "shop"
    assert [child.address for child in tree.status()] == ["/a"]
    assert [child.address for child in tree.apps()] == ["/a"]
    assert app.wait_output("u(p)")[1] == b"p"
    app.hang()
    app.resume()
    app.kill()
    app.wait_state("running")
    app.signal(9)
    app.wait_restarted(2)
    app.restart()
    app.stop()
    app.wait_state("stopped")
    app.start()
    app.wait_ready()
    assert app.restarts == 4
    assert tree.latest_events[-1].kind == "child_started"


def test_errors_are_those_of_the_loop(supervised: BlockingSupervised, python: MakeApp) -> None:
    tree = supervised(Supervisor("r", [python("a", SLEEP)], max_restarts=0))
    with pytest.raises(WaitTimedOut, match=r"/a does not print b'never': not within 0\.1 s"):
        tree["a"].wait_output("never", timeout=0.1)
    with pytest.raises(InvalidConfig, match="state is 'up'"):
        tree["a"].wait_state("up")
    tree["a"].kill()
    with pytest.raises(WaitFailed, match="the tree has ended: r gave up"):
        tree["a"].wait_restarted()
    with pytest.raises(GaveUp):
        tree.wait()
    with pytest.raises(InvalidState):
        tree["a"].crash()


def test_app_goes_on_while_the_test_does_something_else(
    supervised: BlockingSupervised, python: MakeApp, tmp_path: Path
) -> None:
    lives = tmp_path / "lives"
    tree = supervised(python("a", f"open({str(lives)!r}, 'a').write('x'); raise SystemExit(1)"))
    while not lives.exists() or lives.stat().st_size < 3:
        time.sleep(0.01)  # no call is under way: the tree needs none
    tree["a"].wait_restarted(times=2)


def test_waits_from_several_threads(supervised: BlockingSupervised, python: MakeApp) -> None:
    tree = supervised(python("a", SLEEP), python("b", SLEEP))
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda app=app: found.append(app.wait_output("up")[0]))
        for app in tree.apps()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [b"up", b"up"]


def test_chaos_is_survived(supervised: BlockingSupervised, python: MakeApp) -> None:
    tree = supervised(python("a", SLEEP), python("b", SLEEP))
    with chaos(tree, seed=7, rate=50) as harm:
        tree["a"].wait_restarted(times=3)
        tree["b"].wait_restarted(times=3)
    assert (harm.seed, len(harm.done) >= 6) == (7, True)
    for app in tree.apps():
        app.wait_state("running")
        assert app.wait_output("up")
