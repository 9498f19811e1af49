"""What "supctl why" tells of deaths, of commands, of what is gone, and without a daemon."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from supctl.journal.segments import segments_of

from .conftest import Desk, desk_in, until

SHOP = """
[apps.three]
command = ["sh", "-c", "echo working; echo oops >&2; exit 3"]
backoff = { initial = "30ms", factor = 2, jitter = "none" }
give_up_after = 2

[apps.segv]
command = ["sh", "-c", "kill -SEGV $$"]
restart = "never"

[apps.victim]
command = ["sh", "-c", "echo I live; exec sleep 1000"]
backoff = { initial = "20s", jitter = "none" }

[apps.sick]
command = ["sleep", "1000"]
restart = "never"
health = { exec = ["sh", "-c", "echo no way; exit 4"], interval = "50ms", retries = 2 }

[apps.calm]
command = ["sleep", "1000"]

[apps.signalled]
command = ["sleep", "1000"]
restart = "never"

[apps.web]
strategy = "one_for_all"

[apps.web.apps.a]
command = ["sh", "-c", "until test -e go; do sleep 0.05; done; rm go; exit 1"]
cwd = "HERE"
backoff = { initial = 0 }

[apps.web.apps.b]
command = ["sleep", "1000"]

[apps.needy]
command = ["sleep", "1000"]
depends_on = ["broken"]

[apps.broken]
command = ["sh", "-c", "exit 1"]
ready = { delay = "1m" }
give_up_after = 0

[apps.pool]
max_restarts = 0
backoff = { initial = "1h", maximum = "1h", jitter = "none" }

[apps.pool.apps.w]
command = ["sleep", "1000"]
"""
SLEEPER = "[apps.calm]\ncommand = ['sleep', '1000']\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk at which everything has died that is to. Tests that only look share it."""
    with desk_in(tmp_path_factory.mktemp("shop")) as desk:
        desk.run("start", desk.write(SHOP.replace("HERE", str(desk.directory))), "--no-wait")
        until(lambda: desk.states()["/shop/broken"] == "failed")
        os.kill(desk.pid("victim"), signal.SIGKILL)
        os.kill(desk.pid("w"), signal.SIGTERM)
        desk.run("signal", "TERM", "signalled")
        desk.run("stop", "calm")
        (desk.directory / "go").touch()
        desk.run("wait", "three", "segv", "sick", "signalled", "--for", "stopped")
        until(lambda: "together" in desk.run("why", "web/b"))
        until(lambda: "working" in desk.run("why", "three"))
        until(lambda: "I live" in desk.run("why", "victim"))
        yield desk


def story(desk: Desk, *words: str) -> str:
    """Return what is told, with times, pids and durations as ``#``."""
    text = desk.run("why", *words)
    text = re.sub(r"\b\d\d:\d\d:\d\d\b", "TIME", text)
    text = re.sub(r"pid \d+", "pid #", text)
    return re.sub(r"(after|runs,) [\d.]+ m?s", r"\1 #", text)


def user() -> str:
    return psutil.Process().username()


def test_exit_3(shop: Desk) -> None:
    told = story(shop, "three")
    assert re.match(r"/shop/three has failed for good: exit 3 \(3 times in [\d.]+ m?s\)\.\n", told)
    assert told.splitlines()[1:] == [
        f"  TIME  started, pid #, by {user()} (supctl start {shop.directory}/shop.toml, pid #)",
        "  TIME  exited with code 3 after #",
        "              | working",
        "              | oops",
        "  TIME  next attempt in 30 ms: 30 ms, no jitter, of at most 30 s",
        "  TIME  started, pid #, restart 1",
        "  TIME  exited with code 3 after #",
        "              | working",
        "              | oops",
        "  TIME  next attempt in 60 ms: 30 ms x 2^1, no jitter, of at most 30 s",
        "  TIME  started, pid #, restart 2",
        "  TIME  exited with code 3 after #",
        "              | working",
        "              | oops",
        "  TIME  failed for good: exited with code 3 after 2 restarts",
    ]


def test_a_fault_of_its_own(shop: Desk) -> None:
    told = story(shop, "segv")
    assert told.startswith("/shop/segv has ended: SIGSEGV.\n")
    assert re.search(r"killed by SIGSEGV after #(, core dumped)?; most likely its own fault", told)


def test_killed_by_a_stranger(shop: Desk) -> None:
    told = story(shop, "victim")
    assert told.startswith("/shop/victim is in back-off: SIGKILL; next attempt in ")
    assert (
        "killed by SIGKILL after #; not sent by supctl, but by somebody else, or by a kernel"
        in told
    )
    assert "              | I live\n" in told
    assert "next attempt in 20 s: 20 s, no jitter, of at most 30 s" in told


def test_killed_by_a_command(shop: Desk) -> None:
    by = f"{user()} (supctl signal SIGTERM, pid #)"
    told = story(shop, "signalled")
    assert f"  TIME  SIGTERM sent by {by}\n" in told
    assert f"  TIME  killed by SIGTERM after #; the signal was sent by {by}\n" in told


def test_unhealthy(shop: Desk) -> None:
    told = story(shop, "sick")
    assert "  TIME  is unhealthy: probe exited with code 4" in told
    assert "ended by supctl after #, as it was unhealthy: probe exited with code 4" in told


def test_restarted_with_a_sibling(shop: Desk) -> None:
    together = "together with shop/web/a, which exited with code 1"
    lines = story(shop, "web/b").splitlines()
    assert f"  TIME  asked to stop, has 10 s: it restarts {together}" in lines
    assert f"  TIME  started, pid #, again, {together}" in lines


def test_a_dependency_that_fails(shop: Desk) -> None:
    assert story(shop, "needy").splitlines() == [
        "/shop/needy waits for what it depends on.",
        "  TIME  waits for shop/broken",
        "  not well: shop/broken, failed, did not start: exited with code 1 before it was ready "
        "(supctl why shop/broken)",
    ]


def test_a_supervisor_that_gave_up(shop: Desk) -> None:
    gave_up = "gave up: more than 0 restarts within 5 s, the last as shop/pool/w killed by SIGTERM"
    told = story(shop, "pool")
    assert told.startswith("/shop/pool is in back-off: gave up; next attempt in ")
    assert f"  TIME  {gave_up}\n  TIME  ended (gave up) after #\n  TIME  next attempt in" in told
    told = story(shop, "pool/w")
    assert told.startswith("/shop/pool/w is not there: shop/pool is in back-off: gave up; next")
    assert told.endswith(f"  TIME  shop/pool {gave_up}\n")


def test_stopped_by_a_person(shop: Desk) -> None:
    assert story(shop, "calm").splitlines() == [
        "/shop/calm is stopped.",
        f"  TIME  started, pid #, by {user()} (supctl start {shop.directory}/shop.toml, pid #)",
        f"  TIME  asked to stop, has 10 s, by {user()} (supctl stop, pid #)",
        "  TIME  stopped after # (killed by SIGTERM)",
    ]


def test_several_at_once(shop: Desk) -> None:
    told = story(shop, "calm", "segv")
    assert re.findall(r"^/shop/\w+", told, re.MULTILINE) == ["/shop/segv", "/shop/calm"]
    assert [it["address"] for it in shop.json("why", "calm", "segv")] == [
        "/shop/segv",
        "/shop/calm",
    ]


def test_a_supervisor_says_who_is_not_well_below_it(shop: Desk) -> None:
    told = story(shop, "shop")
    assert re.search(r"not well: shop/victim, back-off [\d.]+ s, SIGKILL \(", told)
    assert re.search(r"not well: shop/three, failed, exit 3 .*\(supctl why shop/three\)", told)


def test_everything_in_order_of_time(shop: Desk) -> None:
    lines = story(shop, "--all", "--since", "1h").splitlines()
    assert lines[0] == "everything"
    added = f"  TIME  shop: added by {user()} (supctl start {shop.directory}/shop.toml, pid #)"
    stopped = f"  TIME  shop/calm: asked to stop, has 10 s, by {user()} (supctl stop, pid #)"
    assert lines.index(added) < lines.index(stopped)
    (all_of_it,) = shop.json("why", "--all", "--since", "1h")
    seqs = [it["seq"] for it in all_of_it["events"] if it["seq"]]
    assert seqs == sorted(seqs)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["why"], 2, "wanted names or --all: name something, or say --all"),
        (["why", "calm", "--all"], 2, "wanted names or --all: leave out one of them"),
        (["why", "calm", "--since", "soon"], 2, "--since is 'soon'; wanted a duration such as"),
        (["why", "calmm"], 1, "nothing is called 'calmm'; there are /shop/calm"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    shop: Desk, words: list[str], status: int, said: str
) -> None:
    assert said in shop.run(*words, status=status)


def test_who_may_only_look_is_told_too_much_of_nothing(shop: Desk) -> None:
    with shop.client() as client:
        (told,) = client.why("three", most=1)
        assert told["is_cut"]
        own = [it for it in told["events"] if it["address"] == "/shop/three"]
        assert own[-1]["event"] in ("child_failed", "last_lines")


def test_a_lost_reaper(desk: Desk) -> None:
    desk.run("start", desk.write(SLEEPER))
    (reaper,) = psutil.Process(desk.pid("calm")).parents()[:1]
    reaper.kill()
    until(lambda: "reaper was lost" in desk.run("why", "calm"))
    started, lost = story(desk, "calm").splitlines()[1:]
    assert "started, pid #, by " in started
    assert lost.startswith("  TIME  the reaper was lost (")


def test_the_story_goes_on_over_lives_of_the_daemon(desk: Desk) -> None:
    desk.run("start", desk.write(SLEEPER))
    desk.run("kill", "--yes")
    told = story(desk, "calm")
    assert told.startswith("/shop/calm: the daemon does not run; this is what its journal tells.")
    assert "there are /shop/calm" in desk.run("why", "calmm", status=1)
    desk.run("daemon", "start")
    until(lambda: "with the daemon" in desk.run("why", "calm"))
    lines = story(desk, "calm").splitlines()
    by = f"{user()} (supctl kill all, pid #)"
    assert lines[2:] == [
        f"  TIME  asked to stop, has 10 s, by {by}",
        "  TIME  stopped after # (killed by SIGTERM)",
        "  TIME  started, pid #, with the daemon",
    ]


def test_a_daemon_that_was_killed_is_told_of(desk: Desk) -> None:
    desk.run("start", desk.write(SLEEPER))
    with desk.client() as client:
        daemon = psutil.Process(client.about()["pid"])
    daemon.kill()
    until(lambda: "under a new daemon" in desk.run("why", "calm"))
    told = story(desk, "calm")
    assert "  TIME  started, pid #, by " in told  # nothing of it is lost
    lost = r"under a new daemon: the one before was lost \(killed by SIGKILL\)"
    assert re.search(rf"  TIME  runs on, pid #, [\d.]+ m?s old, {lost}", told)
    assert "; the one before it was lost (killed by SIGKILL)" in story(desk, "--all")


def test_last_words_of_who_has_outlived_a_daemon(desk: Desk) -> None:
    script = "echo before $$; until test -e go; do sleep 0.05; done; echo after; rm go; exit 3"
    desk.run("start", desk.write(f"[apps.a]\ncommand = ['sh', '-c', '{script}']\n"))
    first = desk.pid("a")
    (desk.directory / "go").touch()
    until(lambda: "| after" in desk.run("why", "a"))
    until(lambda: desk.pid("a") not in (0, None, first))
    second = desk.pid("a")
    with desk.client() as client:
        psutil.Process(client.about()["pid"]).kill()
    (desk.directory / "go").touch()
    until(lambda: story(desk, "a").count("| after") == 2)
    *_, told = desk.run("why", "a", "--since", "1h").partition("under a new daemon")
    said = [line.strip() for line in told.splitlines() if "|" in line]
    assert said == [f"| before {second}", "| after"]


def test_what_was_deleted_is_still_told_of(desk: Desk) -> None:
    desk.run("start", desk.write(SLEEPER))
    desk.run("delete", "shop", "--yes")
    told = story(desk, "calm")
    assert told.startswith("/shop/calm is not there any more.\n")
    assert f"asked to stop, has 10 s, by {user()} (supctl delete shop, pid #)" in told
    again = desk.write(SLEEPER.replace("1000", "1001"))
    desk.run("start", again)
    desk.run("reload", desk.write(SLEEPER.replace("1000", "1002")))
    assert f"by {user()} (supctl apply {desk.directory}/shop.toml, pid #)" in story(desk, "calm")


def test_without_a_journal_there_is_no_daemon(desk: Desk) -> None:
    assert "no daemon listens at" in desk.run("why", "calm", status=1)


def test_damage_is_told(desk: Desk) -> None:
    desk.run("start", desk.write(SLEEPER))
    desk.run("stop", "calm")
    desk.run("kill", "--yes")
    path: Path = segments_of(desk.home.journal)[-1]
    path.write_bytes(path.read_bytes().replace(b'"grace":10', b'"grace":90'))
    told = story(desk, "calm")
    assert "1 record of the journal cannot be read" in told
    assert "stopped after # (killed by SIGTERM)" in told


def test_output_cannot_give_orders_to_a_terminal(desk: Desk) -> None:
    script = r"printf 'a\033[2Jb\n'; exit 1"
    shop = f"[apps.evil]\ncommand = ['sh', '-c', '''{script}''']\nrestart = 'never'\n"
    desk.run("start", desk.write(shop))
    desk.run("wait", "evil", "--for", "stopped")
    until(lambda: "[2Jb" in desk.run("why", "evil"))
    assert "\033" not in desk.run("why", "evil")


def test_what_is_in_a_process_of_its_own_knows_whose_command_it_was(desk: Desk) -> None:
    app = "command = ['sleep', '1000']\n"
    desk.run(
        "start",
        desk.write(
            "[apps.apart]\nisolation = 'process'\n"
            f"[apps.apart.apps.a]\n{app}[apps.apart.apps.b]\n{app}"
        ),
    )
    desk.run("signal", "USR1", "a")
    until(lambda: "restart 1" in desk.run("why", "a"))
    desk.run("stop", "a")
    desk.run("stop", "apart")
    by = f"by {user()} (supctl"
    lines = story(desk, "apart/a").splitlines()[1:]
    assert f"started, pid #, {by} start {desk.directory}/shop.toml, pid #)" in lines[0]
    assert f"SIGUSR1 sent {by} signal SIGUSR1, pid #)" in lines[1]
    assert lines[2].endswith(f"; the signal was sent {by} signal SIGUSR1, pid #)")
    assert f"asked to stop, has 10 s, {by} stop, pid #)" in lines[-2]
    assert f"asked to stop, has 10 s, {by} stop shop/apart, pid #)" in story(desk, "apart/b")
