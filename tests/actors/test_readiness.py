"""Real programs become ready, or do not: every kind of probe, and everything that goes wrong."""

from __future__ import annotations

import re
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import psutil
import pytest
import trio

from supctl import (
    App,
    Delay,
    Exec,
    Http,
    Notify,
    Output,
    Ready,
    Stop,
    Supervisor,
    Tcp,
    Tree,
    events,
    open_tree,
)
from supctl.errors import StartFailed
from supctl.exits import ExitKind
from supctl.specs.policy import NO_BACKOFF
from supctl.testing import FreePort

PROGRAMS = Path(__file__).parents[1] / "programs"
Open = Callable[..., AbstractAsyncContextManager[Tree]]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Open a tree with these apps; none of its restarts waits."""

    def opened(*apps: App, **options: Any) -> AbstractAsyncContextManager[Tree]:
        spec = Supervisor("r", apps, max_restarts=None)
        return open_tree(spec, log_directory=tmp_path / "logs", **options)

    return opened


def python(name: str, code: str, **keys: Any) -> App:
    return App(name, [sys.executable, "-c", code], backoff=NO_BACKOFF, **keys)


def program(name: str, file: str, *args: object, **keys: Any) -> App:
    words = [sys.executable, str(PROGRAMS / file), *map(str, args)]
    return App(name, words, backoff=NO_BACKOFF, **keys)


def serve(port: int, tmp_path: Path, after: float = 0.0, **keys: Any) -> App:
    return program("web", "serve_http.py", port, tmp_path / "mood", after, **keys)


def kinds(tree: Tree, address: str) -> list[str]:
    return [event.kind for event in tree.latest_events if event.address == address]


SLEEP = "import time; time.sleep(1000)"


@pytest.mark.parametrize(
    "probe",
    [
        lambda port: Tcp(port),
        lambda port: Http(port, "/health", body="is well"),
        lambda port: Output(rf"^listening on {port}$"),
        lambda port: Exec(["bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}"]),
    ],
    ids=["tcp", "http", "output", "exec"],
)
async def test_what_comes_after_it_waits_until_it_is_ready(
    opened: Open, tmp_path: Path, probe: Callable[[int], Any]
) -> None:
    with FreePort() as port:
        web = serve(port.number, tmp_path, after=0.3, ready=probe(port.number))
        async with opened(web, python("user", SLEEP)) as tree:
            assert tree["web"].state == "ready"
            assert tree["user"].state == "running"
            order = [(event.address, event.kind) for event in tree.latest_events]
            assert order[:3] == [
                ("/web", "child_started"),
                ("/web", "child_ready"),
                ("/user", "child_started"),
            ]
            (ready,) = [it for it in tree.latest_events if isinstance(it, events.ChildReady)]
            assert ready.after >= 0.3
            assert ready.as_dict()["after"] == ready.after


async def test_a_delay(opened: Open) -> None:
    async with opened(python("a", SLEEP, ready=Delay(0.2))) as tree:
        (ready,) = [it for it in tree.latest_events if isinstance(it, events.ChildReady)]
        assert ready.after >= 0.2


async def test_while_it_is_not_ready_its_status_says_why(opened: Open) -> None:
    with FreePort() as port:
        app = python("a", SLEEP, ready=Tcp(port.number))
        async with opened(app, wait_up=False) as tree:
            with trio.fail_after(5):
                while not tree["a"].status.probed:  # noqa: ASYNC110  # no event tells it
                    await trio.sleep(0.01)
            row = tree["a"].status
            assert (row.state, row.pid > 0) == ("starting", True)
            assert row.probed == f"connection refused on 127.0.0.1:{port.number}"
            assert f"connection refused on 127.0.0.1:{port.number}" in tree.picture()


async def test_one_that_is_not_ready_in_time_has_not_started(opened: Open) -> None:
    with FreePort() as port:
        app = python("a", SLEEP, ready=Ready(Tcp(port.number), timeout=0.3))
        why = f"not ready within 0.3 s: connection refused on 127.0.0.1:{port.number}"
        with pytest.raises(StartFailed, match=re.escape(why)):
            async with opened(app):
                pass


async def test_one_that_is_late_is_asked_to_stop_and_then_killed(opened: Open) -> None:
    code = "import signal; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); " + SLEEP
    ready = Ready(Output("never"), timeout=0.5)
    told: list[events.Event] = []
    app = python("a", code, ready=ready, stop=Stop(grace=0.2))
    with pytest.raises(StartFailed, match=r"not ready within 0.5 s: no line of its output matches"):
        async with opened(app, on_event=told.append):
            pass
    assert [it.kind for it in told if it.address == "/a"] == [
        "child_started",
        "child_killed",
        "child_start_failed",
    ]


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("raise SystemExit(3)", "exited with code 3 before it was ready"),
        ("raise SystemExit(0)", "exited with code 0 before it was ready"),
        ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL before it was ready"),
    ],
)
async def test_one_that_ends_before_has_not_started(opened: Open, code: str, how: str) -> None:
    with pytest.raises(StartFailed, match=how):
        async with opened(python("a", code, ready=Output("never"))):
            pass


async def test_it_may_die_in_the_middle_of_a_probe(opened: Open, tmp_path: Path) -> None:
    """No probe outlives it, nor anything that the probe has started."""
    pids = tmp_path / "pids"
    probe = f"echo $$ >> {pids}; sleep 1000 & echo $! >> {pids}; wait"
    wait = f"while not os.path.exists({str(pids)!r}): time.sleep(0.01)"
    code = f"import os, time\n{wait}\ntime.sleep(0.2)"
    with pytest.raises(StartFailed, match="exited with code 0 before it was ready"):
        async with opened(python("a", code, ready=Exec(["sh", "-c", probe]))) as tree:
            assert tree
    for pid in map(int, pids.read_text().split()):
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie"


async def test_stopping_does_not_wait_for_it_to_become_ready(opened: Open) -> None:
    app = python("a", SLEEP, ready=Ready(Output("never"), timeout=1000))
    async with opened(app, wait_up=False) as tree:
        with trio.fail_after(5):
            with tree.subscribe() as subscription:
                while not tree["a"].pid:
                    await anext(subscription)
            tree.stop()
            await tree.wait()
        assert kinds(tree, "/a") == ["child_started", "child_stopping", "child_exited"]
        reason = tree["a"].reason
        assert reason is not None
        assert reason.kind is ExitKind.SHUTDOWN


async def test_siblings_are_restarted_while_it_gets_ready(opened: Open, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    slow = python("slow", SLEEP, ready=Ready(Exec(["test", "-e", str(gate)]), timeout=1000))
    async with opened(slow, python("quick", SLEEP)) as tree:
        gate.unlink()
        with tree.subscribe() as subscription, trio.fail_after(10):
            tree["slow"].signal(signal.SIGKILL)
            async for event in subscription:
                if event.address == "/slow" and event.kind == "child_started":
                    tree["quick"].signal(signal.SIGKILL)
                if event.address == "/quick" and event.kind == "child_started":
                    break
            assert tree["slow"].state == "starting"
            gate.touch()
            async for event in subscription:
                if event.kind == "child_ready":
                    break
            assert tree["slow"].state == "ready"


async def test_children_that_live_on_may_be_what_becomes_ready(opened: Open) -> None:
    """A daemon of the old kind: its main process ends when it has forked."""
    with FreePort() as port:
        words = [sys.executable, str(PROGRAMS / "serve_http.py"), str(port.number), "none", "0.2"]
        code = f"import subprocess; subprocess.Popen({words!r})"
        async with opened(python("a", code, ready=Tcp(port.number), detached=True)) as tree:
            assert tree["a"].state == "detached"
            assert kinds(tree, "/a")[-1] == "child_ready"


# sd_notify(3).


SAYINGS = ["READY=1", "child:READY=1", "stray:READY=1", "STATUS=x\\nREADY=1"]


@pytest.mark.parametrize("said", SAYINGS)
async def test_notify(opened: Open, said: str) -> None:
    others = ("STOPPING=1", "RELOADING=1", "nonsense", "=", "READY=0")
    app = program("a", "notify.py", *others, said, ready=Notify())
    async with opened(app) as tree:
        assert tree["a"].state == "ready"


async def test_its_status_text_is_kept_and_fit_for_a_terminal(opened: Open) -> None:
    text = "STATUS=all \\x1b[31mis well\\x07"
    async with opened(program("a", "notify.py", text, "READY=1", ready=Notify())) as tree:
        assert tree["a"].status.status_text == "all [31mis well"


async def test_strangers_are_not_believed(opened: Open, tmp_path: Path) -> None:
    """Whoever learns the name of the socket can write to it."""
    name = tmp_path / "name"
    write = f"open({str(name)!r}, 'w').write(os.environ['NOTIFY_SOCKET'])"
    app = python("a", f"import os; {write}; {SLEEP}", ready=Ready(Notify(), timeout=1.5))
    why = "no READY=1 has come (messages from strangers that were refused: 1)"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, _be_a_stranger, name)
        with pytest.raises(StartFailed, match=re.escape(why)):
            async with opened(app):
                pass


def _be_a_stranger(name: Path) -> None:
    while not (name.exists() and name.read_text()):
        time.sleep(0.01)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
        stranger.connect("\0" + name.read_text()[1:])
        stranger.send(b"READY=1")


async def test_one_who_waits_until_it_was_heard_is_let_go(opened: Open) -> None:
    """``systemd-notify`` sends a descriptor with BARRIER=1 and waits until it is closed."""
    code = """
import os, select, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect("\\0" + os.environ["NOTIFY_SOCKET"][1:])
read, write = os.pipe()
socket.send_fds(s, [b"BARRIER=1"], [write])
os.close(write)
os.read(read, 1)
s.send(b"READY=1")
select.select([], [], [])
"""
    async with opened(python("a", code, ready=Notify())) as tree:
        assert tree["a"].state == "ready"
