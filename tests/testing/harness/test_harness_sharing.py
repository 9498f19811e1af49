"""One app for all processes of a session: started once, stopped by the last, however they end."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl import App, Backoff, Limits, Secret, Stop
from supctl.specs import Delay, Exec, Health, Notify, Ready, Watchdog
from supctl.testing import Http, Output, SharedAppLost, SharedApps, Tcp
from supctl.testing.wire import (
    app_as_dict,
    app_from_dict,
    decode,
    encode,
    probe_as_dict,
    probe_from_dict,
)

if TYPE_CHECKING:
    from tests.testing.harness.conftest import Outcome, Session

MakeApp = Callable[..., App]
StartPytest = Callable[..., "Session"]
RunPytest = Callable[..., "Outcome"]

SLEEP = "import time; print('up'); time.sleep(1000)"

USERS = """
@pytest.fixture(scope="session")
def web(supervised_shared):
    def make(port):
        with open("starts", "a") as file:
            file.write("started\\n")
        return App("web", [sys.executable, "-m", "http.server", str(port)])

    return supervised_shared("web", make, ready=Http)
"""


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Callable[[], SharedApps]]:
    """Be one more process that shares."""
    users: list[SharedApps] = []

    def join() -> SharedApps:
        users.append(SharedApps(tmp_path / "s"))
        return users[-1]

    yield join
    for user in users:
        user.close()
    psutil.wait_procs(psutil.Process().children(), 10)  # a keeper that its starter has left


def test_first_starts_it_and_last_stops_it(
    share: Callable[[], SharedApps], python: MakeApp
) -> None:
    first, second = share(), share()
    app = first("web", lambda port: python("web", SLEEP), ready=lambda port: Output("up"))
    process = psutil.Process(app.pid)
    again = second("web", lambda port: pytest.fail("it runs"))
    assert first("web", lambda port: pytest.fail("it is known")) is app
    assert (again.pid, again.port, again.address) == (app.pid, app.port, "/web")
    first.close()
    assert (again.state, again.output, process.is_running()) == ("running", "up", True)
    second.close()
    assert not process.is_running()


def test_app_that_comes_back_is_ready_again(
    share: Callable[[], SharedApps], python: MakeApp
) -> None:
    app = share()("a", lambda port: python("a", SLEEP), ready=lambda port: Output("up"))
    os.kill(app.pid, signal.SIGKILL)
    while app.restarts == 0:
        time.sleep(0.01)
    app.wait_ready()
    assert (app.restarts, app.state) == (1, "running")


def test_start_that_fails_is_told_and_the_next_begins_anew(
    share: Callable[[], SharedApps], python: MakeApp
) -> None:
    users = share()
    with pytest.raises(SharedAppLost) as caught:
        users("a", lambda port: python("a", "print('no'); raise SystemExit(3)"), ready=Tcp)
    for told in ("the shared app 'a' is not there", "exited with code 3", "| no"):
        assert told in str(caught.value)
    app = users("a", lambda port: python("a", SLEEP))
    assert app.state == "running"


def test_maker_that_fails_leaves_nothing(share: Callable[[], SharedApps], python: MakeApp) -> None:
    users = share()
    with pytest.raises(ZeroDivisionError):
        users("a", lambda port: python("a", str(1 // 0)))
    assert users("a", lambda port: python("a", SLEEP)).state == "running"


def test_keeper_that_is_killed_takes_the_app_with_it_and_is_missed(
    share: Callable[[], SharedApps], python: MakeApp
) -> None:
    users = share()
    app = users("a", lambda port: python("a", SLEEP))
    process = psutil.Process(app.pid)
    reaper = process.parent()
    assert reaper is not None
    keeper = reaper.parent()
    assert keeper is not None
    keeper.kill()
    process.wait(10)
    with pytest.raises(SharedAppLost, match="'a' is not there: its keeper is gone, and the app"):
        app.wait_ready()
    assert "its keeper is gone" in users.story()["/a"]
    after = share()  # a socket that nobody listens at is no keeper
    assert after("a", lambda port: python("a", SLEEP)).state == "running"


def test_keeper_that_cannot_run_is_told(
    share: Callable[[], SharedApps], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(SharedAppLost, match="'a' is not there: its keeper is gone"):
        share()("a", lambda port: App("a", ["true"]))


def test_path_that_no_socket_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="wanted a path of at most 100 bytes; use a shorter --base"):
        SharedApps(tmp_path)("a" * 100, lambda port: App("a", ["true"]))


def test_workers_share_one_app(run_pytest: RunPytest, tmp_path: Path) -> None:
    text = """
        @pytest.mark.parametrize("number", range(8))
        def test_it(web, number):
            print("served by", web.pid, web.port)
            web.wait_ready()
            assert number != 5
    """
    outcome = run_pytest(USERS + dedent(text), "-n", "2", "-rA")
    outcome.check(failed=1, passed=7)
    assert (tmp_path / "starts").read_text() == "started\n"
    assert len(set(re.findall(r"served by \d+ \d+", outcome.text))) == 1
    assert len(re.findall("supctl: shared /web", outcome.text)) == 1  # of the one that failed
    assert '"GET / HTTP' in outcome.text


def test_session_without_workers_is_the_same(run_pytest: RunPytest, tmp_path: Path) -> None:
    text = """
        def test_one(web):
            tell("pid", web.pid)

        def test_two(web):
            assert Path("pid").read_text().strip() == str(web.pid)
    """
    run_pytest(USERS + dedent(text)).check(passed=2)
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_worker_that_is_killed_counts_no_more(start_pytest: StartPytest, tmp_path: Path) -> None:
    text = """
        def test_one(web):
            tell("pid", web.pid)
            os.kill(os.getpid(), signal.SIGKILL)

        def test_two(web):
            web.wait_ready()
    """
    session = start_pytest(USERS + dedent(text), "-n", "2")
    session.wait().check(failed=1, passed=1)
    session.wait_nothing_left()


# What goes over the wire.

NAMES = st.from_regex(r"[a-z][a-z0-9_.-]{0,8}", fullmatch=True)
TEXT = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=20)


@given(
    name=NAMES,
    command=st.lists(TEXT, min_size=1, max_size=4),
    env=st.none()
    | st.dictionaries(
        TEXT.filter(lambda key: "=" not in key), TEXT | st.builds(Secret, st.just("/a")), max_size=3
    ),
    stop=st.builds(Stop, st.sampled_from([2, 15]), st.floats(0, 100)),
    limits=st.builds(Limits, memory=st.none() | st.integers(1, 2**40)),
    backoff=st.builds(Backoff, st.floats(0, 30), jitter=st.sampled_from(["none", "full"])),
    rlimits=st.dictionaries(st.sampled_from(["nofile", "core"]), st.just((1, 2))),
    ready=st.sampled_from([None, Ready(Output(re.compile(b"x")), 5.0), Ready(Notify()), Delay(2)]),
    health=st.sampled_from([None, Health(Exec(["true"]), retries=9), Watchdog(3.0), Tcp(80)]),
)
def test_apps_survive_the_wire(name: str, command: list[str], **keys: object) -> None:
    app = App(name, command, **keys)  # type: ignore[arg-type]
    assert app_from_dict(decode(encode(app_as_dict(app)))) == app


@pytest.mark.parametrize("word", ["caf\udce9", "\udcff\udcfe"])
def test_words_that_are_not_utf8_survive_the_wire(word: str) -> None:
    app = App("a", ["echo", word], env={"A": word})
    assert app_from_dict(decode(encode(app_as_dict(app)))) == app


@pytest.mark.parametrize(
    "condition",
    [
        None,
        Tcp(80),
        Tcp(80, host="localhost"),
        Http(80, "/health", status=503),
        Http("http://localhost:80/x"),
        Output(re.compile(rb"\xff(ready)", re.IGNORECASE)),
    ],
)
def test_conditions_survive_the_wire(condition: Tcp | Http | Output | None) -> None:
    assert probe_from_dict(decode(encode({"c": probe_as_dict(condition)}))["c"]) == condition
