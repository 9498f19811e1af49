"""``supctl up``: a tree in the foreground, with real programs, as its users see it."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Supctl

PYTHON = [sys.executable, "-S", "-I"]


def app(name: str, *command: object, **keys: Any) -> str:
    """Return the table of an app in a file."""
    lines = [f"[apps.{name}]", f"command = {json.dumps([str(word) for word in command])}"]
    lines += [f"{key} = {value}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Path]:
    """Write a ``supctl.toml`` of those parts and return its path."""

    def write(*parts: str) -> Path:
        path = tmp_path / "supctl.toml"
        path.write_text("\n".join(parts))
        return path

    return write


@pytest.fixture
def program(programs: Path) -> Callable[..., list[str]]:
    """Return the command of one of the programs that misbehave on purpose."""

    def command(name: str, *arguments: object) -> list[str]:
        return [*PYTHON, str(programs / name), *map(str, arguments)]

    return command


def running(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Return those that live; the tests adopt orphans and reap them only in the end."""
    return [process for process in processes if process.status() != psutil.STATUS_ZOMBIE]


def test_sigterm_stops_all_in_reverse_order(supctl: Supctl, tree: Callable[..., Path]) -> None:
    up = supctl("up", "-f", tree(app("one", "sleep", 600), app("two", "sleep", 600)))
    pids = [up.pid_of("one"), up.pid_of("two")]
    up.wait_line("everything is started")
    up.signal(signal.SIGTERM)
    assert up.wait() == 0
    stopped = [line for line in up.lines if " stopped after" in line]
    assert [re.findall(r"\w+", line)[1] for line in stopped] == ["two", "one"]
    assert not any(map(psutil.pid_exists, pids))


def test_killed_app_comes_back_after_the_delay_that_is_told(
    supctl: Supctl, tree: Callable[..., Path]
) -> None:
    up = supctl("up", "-f", tree(app("api", "sleep", 600, backoff='{ initial = "20ms" }')))
    first = up.pid_of("api")
    os.kill(first, signal.SIGKILL)
    up.wait_line("api killed by SIGKILL after")
    up.wait_line(r"api is started again in \d+ ms \(restart 1 in a row\)")
    assert up.pid_of("api") != first
    up.signal(signal.SIGINT)
    assert up.wait() == 0


def test_deaf_app_is_killed_after_its_grace(
    supctl: Supctl, tree: Callable[..., Path], program: Callable[..., list[str]]
) -> None:
    deaf = app("deaf", *program("ignore_term.py"), stop='{ grace = "200ms" }')
    up = supctl("up", "-f", tree(deaf))
    pid = up.pid_of("deaf")
    up.wait_line(r"deaf \| ")  # it says when it has become deaf
    up.signal(signal.SIGTERM)
    up.wait_line("deaf did not stop within 200 ms: killed")
    assert up.wait() == 0
    assert not psutil.pid_exists(pid)


def test_second_interrupt_kills_at_once(
    supctl: Supctl, tree: Callable[..., Path], program: Callable[..., list[str]]
) -> None:
    up = supctl("up", "-f", tree(app("deaf", *program("ignore_term.py"), stop='{ grace = "1h" }')))
    up.wait_line(r"deaf \| ")
    up.signal(signal.SIGINT)
    up.wait_line("deaf is asked to stop, has 1 h 0 min")
    up.signal(signal.SIGINT)
    assert up.wait() == 0


def test_unterminated_last_words_reach_the_file(
    supctl: Supctl, tree: Callable[..., Path], program: Callable[..., list[str]], tmp_path: Path
) -> None:
    half = app("half", *program("half_line.py"), restart='"never"')
    up = supctl("up", "-f", tree(half), "--log-dir", tmp_path / "logs")
    up.wait_line("half killed by SIGKILL")
    assert up.wait() == 1
    assert (tmp_path / "logs" / "half.out.log").read_bytes() == b"x"


def test_flood_is_stored_to_the_last_byte(
    supctl: Supctl, tree: Callable[..., Path], program: Callable[..., list[str]], tmp_path: Path
) -> None:
    lines = 200_000
    flood = app("flood", *program("flood.py", lines), restart='"never"')
    up = supctl("up", "--json", "-f", tree(flood), "--log-dir", tmp_path / "logs")
    assert up.wait() == 0
    stored = (tmp_path / "logs" / "flood.out.log").read_bytes()
    assert stored == b"".join(b"%099d\n" % number for number in range(lines))


@pytest.mark.parametrize("victim", ["supctl", "reaper"])
def test_sigkill_of_supctl_or_reaper_leaves_nothing_of_the_apps(
    supctl: Supctl,
    tree: Callable[..., Path],
    program: Callable[..., list[str]],
    victim: str,
) -> None:
    escaping = program("double_fork.py", "escape", "stay", "quiet")
    parts = [app(f"plain{number}", "sleep", 600) for number in range(8)]
    parts += [app(f"forks{number}", *escaping) for number in range(2)]
    up = supctl("up", "-f", tree(*parts))
    pids = {int(up.wait_line(r"forks\d \| (\d+)")[1]) for _ in range(2)}
    up.wait_line("everything is started")
    daemon = psutil.Process(up.process.pid)
    (reaper,) = daemon.children()
    pids |= {child.pid for child in reaper.children(recursive=True)}
    assert len(pids) == 12
    old = [psutil.Process(pid) for pid in pids]
    if victim == "supctl":
        up.process.kill()
        _, alive = psutil.wait_procs([*old, reaper], timeout=12)
        assert not running(alive)
        return
    reaper.kill()
    up.wait_line("the reaper was lost .* under a new one, pid")
    for _ in range(10):
        up.wait_line("started, pid .* restart 1")
    _, alive = psutil.wait_procs(old, timeout=12)
    assert not running(alive)
    (new,) = [child for child in daemon.children() if child.pid != reaper.pid]
    assert len(new.children()) >= 10
    up.signal(signal.SIGTERM)
    assert up.wait() == 0


def test_root_that_gives_up_says_who_why_and_how_often(
    supctl: Supctl, tree: Callable[..., Path]
) -> None:
    limits = '[supervisor]\nmax_restarts = 2\nwithin = "1m"\n'
    bad = app("bad", "sh", "-c", "exit 7", backoff='{ initial = "1ms" }')
    up = supctl("up", "-f", tree(limits, app("good", "sleep", 600), bad))
    assert up.wait() == 1
    assert up.lines[-1].endswith(
        "gave up: /bad crashed (exited with code 7) after 2 restarts within 60 s"
    )


def test_it_ends_when_nothing_is_left_to_supervise(
    supctl: Supctl, tree: Callable[..., Path]
) -> None:
    done = app("done", "true", restart='"on-failure"')
    assert supctl("up", "-f", tree(done)).wait() == 0
    failed = app("bad", "false", restart='"never"')
    assert supctl("up", "-f", tree(done, failed)).wait() == 1


def test_sigusr1_tells_facts_and_sighup_says_that_it_does_nothing(
    supctl: Supctl, tree: Callable[..., Path]
) -> None:
    up = supctl("up", "--json", "-f", tree(app("api", "sleep", 600)))
    up.wait_line('"tree_started"')
    up.signal(signal.SIGUSR1)
    (row,) = json.loads(up.wait_line(r".*\"facts\".*")[0])["apps"]
    assert row["app"] == "api"
    assert row["state"] == "running"
    assert row["command"][-2:] == ["sleep", "600"]
    assert row["memory"] > 0
    assert row["fds"] == 3
    assert row["threads"] == 1
    assert row["maps"] > 0
    assert row["descendants"] == []
    up.signal(signal.SIGHUP)
    up.wait_line("nothing is re-read")
    up.signal(signal.SIGTERM)
    assert up.wait() == 0


def test_it_follows_edits_of_its_file(supctl: Supctl, tree: Callable[..., Path]) -> None:
    stays = app("stays", "sleep", 600)
    up = supctl("up", "--watch-config", "-f", tree(stays, app("goes", "sleep", 600)))
    pid = up.pid_of("stays")
    up.wait_line("everything is started")
    tree(stays, app("new", "sleep", 600))
    up.wait_line("goes is gone")
    up.pid_of("new")
    tree(stays, "[apps.new]")
    up.wait_line("supctl.toml cannot be used: apps.new has no command")
    assert psutil.pid_exists(pid)
    up.signal(signal.SIGTERM)
    assert up.wait() == 0


def test_it_waits_for_the_edit_that_mends_the_only_program(
    supctl: Supctl, tree: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "main.sh").write_text("exit 1")
    up = supctl("up", "-f", tree(app("api", "sh", "main.sh", watch='["main.sh"]', give_up_after=0)))
    up.wait_line("api failed for good")
    (tmp_path / "main.sh").write_text("exec sleep 600")
    up.wait_line("api is restarted: main.sh changed")
    up.signal(signal.SIGTERM)
    assert up.wait() == 0


def test_json_events_form_a_chain(supctl: Supctl, tree: Callable[..., Path]) -> None:
    once = app("once", "sh", "-c", "exit 3", give_up_after=1, backoff='{ initial = "1ms" }')
    up = supctl("up", "--json", "-f", tree(once))
    assert up.wait() == 1
    told = [json.loads(line) for line in up.lines]
    events = {event["seq"]: event for event in told if "seq" in event}
    failed = next(event for event in events.values() if event["event"] == "child_failed")
    chain = []
    cause = failed["cause"]
    while cause is not None:
        chain.append(events[cause]["event"])
        cause = events[cause]["cause"]
    assert chain == [
        "child_exited",
        "child_started",
        "restart_scheduled",
        "child_exited",
        "child_started",
    ]


def test_two_on_one_log_directory_are_refused(
    supctl: Supctl, tree: Callable[..., Path], tmp_path: Path
) -> None:
    path = tree(app("api", "sleep", 600))
    first = supctl("up", "-f", path, "--log-dir", tmp_path / "logs")
    first.wait_line("everything is started")
    second = supctl("up", "-f", path, "--log-dir", tmp_path / "logs")
    assert second.wait() == 2
    (line,) = second.lines
    assert f"process {first.process.pid} writes there" in line
    first.signal(signal.SIGTERM)
    assert first.wait() == 0


@pytest.mark.parametrize("where", ["file/logs", "file", "/proc/logs"])
def test_log_directory_that_cannot_be_written(
    supctl: Supctl, tree: Callable[..., Path], tmp_path: Path, where: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    up = supctl("up", "-f", tree(app("api", "sleep", 600)), "--log-dir", where)
    assert up.wait() == 2
    (line,) = up.lines
    assert where in line
    assert "wanted a directory for logs" in line


def test_program_that_is_missing_starts_nothing(
    supctl: Supctl, tree: Callable[..., Path], tmp_path: Path
) -> None:
    touching = app("first", "touch", tmp_path / "touched", restart='"never"')
    up = supctl("up", "-f", tree(touching, app("second", "no-such-program")))
    assert up.wait() == 2
    assert len(up.lines) == 1
    assert "no-such-program" in up.lines[0]
    assert not (tmp_path / "touched").exists()


def test_closed_output_does_not_stop_the_apps(
    supctl: Supctl, tree: Callable[..., Path], tmp_path: Path
) -> None:
    chatty = app("chatty", "sh", "-c", "while true; do echo hi; sleep 0.01; done")
    up = supctl("up", "-f", tree(chatty), "--log-dir", tmp_path / "logs")
    up.wait_line(r"chatty \| hi")
    pid = psutil.Process(up.process.pid)
    log = tmp_path / "logs" / "chatty.out.log"
    size = log.stat().st_size
    while log.stat().st_size < size + 300:  # written to although we do not read
        assert pid.is_running()
    up.signal(signal.SIGTERM)
    assert up.wait() == 0


def test_readiness_and_health_are_told(
    supctl: Supctl,
    tree: Callable[..., Path],
    program: Callable[..., list[str]],
    tmp_path: Path,
    free_port: int,
) -> None:
    mood = tmp_path / "mood"
    server = program("serve_http.py", free_port, mood)
    health = f'{{ http = {free_port}, interval = "100ms", retries = 2 }}'
    web = app("web", *server, ready=f"{{ tcp = {free_port} }}", health=health)
    up = supctl("up", "-f", tree(web))
    up.wait_line(r"web is ready after")
    up.wait_line(r"web is healthy: status 200")
    mood.write_text("sick")
    up.wait_line(r"web is unhealthy: status 503")
    up.wait_line(r"web was unhealthy \(status 503, 2 times in a row\) after")
    up.wait_line(r"web is started again")
    mood.unlink()
    up.wait_line(r"web is healthy: status 200")
    up.signal(signal.SIGTERM)
    assert up.wait() == 0


def test_what_is_not_ready_in_time_has_not_started(
    supctl: Supctl, tree: Callable[..., Path]
) -> None:
    up = supctl(
        "up", "-f", tree(app("a", "sleep", 600, ready='{ exec = "false", timeout = "1s" }'))
    )
    up.wait_line("a did not start: not ready within 1 s: probe exited with code 1")
    up.signal(signal.SIGTERM)
    up.wait()


def test_mistakes_about_probes_are_shown(supctl: Supctl, tree: Callable[..., Path]) -> None:
    one = app("a", "sleep", 600, ready='{ tpc = 5432, timeout = "30s" }')
    up = supctl(
        "up", "-f", tree(one, app("b", "sleep", 600, health="{ http = 8080, retries = 0 }"))
    )
    assert up.wait() == 2
    told = "\n".join(up.lines)
    assert "apps.a.ready is a table; wanted exactly one of tcp, http, exec, output" in told
    assert "(did you mean 'tcp'?)" in told
    assert "apps.b.health.retries is 0; wanted 1 or more" in told
