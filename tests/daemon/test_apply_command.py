"""``supctl plan``, ``apply`` and ``scale``."""

from __future__ import annotations

import json
import os
import signal

from .conftest import Desk, until

SHOP = """
[apps.db]
command = ["sleep", "1001"]
restart = "unless-stopped"
[apps.web.apps.api]
command = ["sleep", "1002"]
instances = 2
[apps.web.apps.proxy]
command = ["sleep", "1003"]
depends_on = ["api"]
"""


def pids(desk: Desk) -> dict[str, int]:
    return {row["address"]: row["pid"] for row in desk.json("status") if row["pid"]}


def test_a_file_that_has_changed_is_followed_and_what_has_not_runs_on(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP))
    first = pids(desk)
    desk.write(SHOP.replace("1003", "1004") + "[apps.cron]\ncommand = ['sleep', '77']\n")
    assert desk.run("apply", "shop") == "shop/cron added\nshop/web/proxy restarted (command)\n"
    then = pids(desk)
    kept = {"/shop/db", "/shop/web/api:1", "/shop/web/api:2"}
    assert {it for it in first if then.get(it) == first[it]} == kept
    assert desk.run("apply", "shop.toml") == "shop is what its file says\n"
    assert desk.json("apply", "shop.toml") == []
    desk.write(SHOP)
    desk.run("apply", "shop")
    desk.run("kill", "--yes")
    desk.run("daemon", "start")  # with what it was made last
    assert set(pids(desk)) == set(first)


EDITED = """
[apps.db]
command = ["sleep", "1001"]
restart = "never"
[apps.web]
strategy = "rest_for_one"
[apps.web.apps.api]
command = ["sleep", "1002"]
instances = 3
[apps.web.apps.proxy]
command = ["sleep", "1003"]
depends_on = ["api"]
env = { TOKEN = "word" }
limits = { pids = 50 }
"""


def test_a_plan_tells_what_is_done_then(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP))
    first = pids(desk)
    desk.write(EDITED)
    assert desk.run("plan", "shop").splitlines() == [
        "WILL BE    NAME            WHY",
        "changed    shop/db         restart unless-stopped -> never",
        "changed    shop/web        strategy one_for_one -> rest_for_one",
        "added      shop/web/api:3  2 run, the file says 3",
        "restarted  shop/web/proxy  env.TOKEN changed",
        "                           limits.pids none -> 50",
        "2 others stay as now",
    ]
    assert pids(desk) == first
    planned = {row["address"]: row for row in desk.json("plan", "shop", "--exit-code", status=3)}
    assert "word" not in str(planned)
    done = {row["address"]: row for row in desk.json("apply", "shop")}
    assert {it: row["did"] for it, row in done.items()} == {
        it: row["will"] for it, row in planned.items() if row["will"]
    }
    assert all(planned[it]["because"] == row["because"] for it, row in done.items())
    then = pids(desk)
    assert {it for it in first if then[it] != first[it]} == {"/shop/web/proxy"}
    assert desk.run("plan", "shop", "--exit-code") == "shop is what its file says\n"


def test_a_plan_shows_what_was_stopped_or_scaled_by_hand(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP))
    desk.run("scale", "api", "3")
    desk.run("stop", "db")
    assert desk.run("plan", "shop").splitlines() == [
        "WILL BE  NAME            WHY",
        "removed  shop/web/api:3  3 run, the file says 2",
        "5 others stay as now",
        'shop/db stays stopped, although its file has it run ("supctl start shop/db")',
    ]
    desk.run("apply", "shop")
    assert desk.states()["/shop/db"] == "stopped"
    (db,) = (row for row in desk.json("plan", "shop") if row["drift"])
    assert (db["address"], db["drift"], db["will"]) == ("/shop/db", "stopped", "")


TUNED = """
[apps.worker]
command = ["sh", "-c", "while :; do echo working; sleep 0.02; done"]
limits = { pids = 40 }
stop = { grace = "5s" }
log = { max_size = "1M" }
"""
RETUNED = """
[apps.worker]
command = ["sh", "-c", "while :; do echo working; sleep 0.02; done"]
limits = { pids = 60, memory = "64M" }
stop = { signal = "INT", grace = "1s" }
log = { mode = "json" }
ready = { delay = "10ms" }
"""


def test_limits_log_stop_and_ready_are_changed_in_place(desk: Desk) -> None:
    desk.run("start", desk.write(TUNED))
    first = pids(desk)
    log = desk.home.logs / "shop" / "worker.out.log"
    until(lambda: log.exists() and b"working\n" in log.read_bytes())
    desk.write(RETUNED)
    assert desk.run("plan", "shop").splitlines() == [
        "WILL BE  NAME         WHY",
        "changed  shop/worker  ready none -> when it has run for 0.01 s (from its next start on)",
        "                      stop.signal SIGTERM -> SIGINT",
        "                      stop.grace 5 s -> 1 s",
        "                      limits.memory none -> 64.0 MiB",
        "                      limits.pids 40 -> 60",
        "                      log.mode raw -> json",
        "                      log.max_size 1.0 MiB -> 50.0 MiB",
    ]
    desk.run("apply", "shop")
    assert pids(desk) == first
    until(lambda: b'"text":"working"}\n' in log.read_bytes())
    for _ in range(2):  # also those who take over have it so
        with desk.client() as client:
            os.kill(client.daemon["pid"], signal.SIGKILL)
        assert pids(desk) == first
    desk.write(TUNED)
    desk.run("apply", "shop")
    assert pids(desk) == first
    desk.run("stop", "worker")
    lines = log.read_bytes().splitlines()
    assert set(lines[:1] + lines[-1:]) == {b"working"}
    assert {it if it == b"working" else json.loads(it)["text"].encode() for it in lines} == {
        b"working"
    }


def test_a_project_that_is_not_there_is_planned_and_started(desk: Desk) -> None:
    desk.run("daemon", "start")
    desk.write(SHOP)
    assert desk.run("plan", "shop.toml") == "WILL BE  NAME  WHY\nadded    shop\n"
    assert desk.run("apply", "shop.toml") == "shop added\n"
    assert desk.run("reload", "shop") == "shop is what its file says\n"
    desk.write(SHOP + "instances = 0\n")
    assert "instances is 0" in desk.run("plan", "shop", status=2)


def test_a_file_with_a_mistake_changes_nothing(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP))
    first = pids(desk)
    desk.write(SHOP + "instances = 0\n")
    assert "instances is 0" in desk.run("apply", "shop", status=2)
    assert pids(desk) == first
    (desk.directory / "shop.toml").unlink()
    assert "shop.toml" in desk.run("apply", "shop", status=2)
    assert "nothing is called 'blog'; there are /shop" in desk.run("apply", "blog", status=1)


def test_a_project_under_another_name_is_found_by_its_file(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP), "--name", "mine")
    desk.write(SHOP.replace("1001", "1005"))
    assert desk.run("apply", "shop.toml") == "mine/db restarted (command)\n"


def test_a_profile_stays_until_another_is_asked_for(desk: Desk) -> None:
    profile = "[profiles.test.apps.db]\ncommand = ['sleep', '1006']\n"
    desk.run("start", desk.write(SHOP + profile), "--profile", "test")
    first = pids(desk)
    assert desk.run("apply", "shop") == "shop is what its file says\n"
    desk.run("scale", "api", "2")
    desk.run("kill", "--yes")
    desk.run("daemon", "start")
    assert set(pids(desk)) == set(first)
    assert desk.run("apply", "shop.toml") == "shop is what its file says\n"
    assert "profile is 'tset'" in desk.run("apply", "shop", "--profile", "tset", status=2)
    assert desk.run("apply", "shop", "--profile", "") == "shop/db restarted (command)\n"
    assert desk.run("apply", "shop") == "shop is what its file says\n"


def test_what_does_not_start_any_more_is_told_and_the_rest_is_done(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP))
    with desk.client() as client:
        (project,) = client.projects()
        assert project == {
            "name": "shop",
            "source": str(desk.directory / "shop.toml"),
            "profile": "",
            "watch_config": "",
        }
        tree = json.loads(desk.home.desired.read_bytes())["projects"]["shop"]["tree"]
        tree["apps"]["db"]["command"] = ["/not/there"]
        tree["apps"]["web"]["apps"]["proxy"]["command"] = ["sleep", "1004"]
        told = {it["address"]: it for it in client.update("shop", tree)}
    assert told["/shop/db"]["error"]["code"] == "start_failed"
    assert "/not/there" in told["/shop/db"]["error"]["message"]
    assert told["/shop/web/proxy"]["did"] == "restarted"
    assert desk.states()["/shop/db"] == "backoff"


def test_instances_come_and_go_and_those_that_stay_run_on(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP))
    first = pids(desk)
    assert desk.run("scale", "api", "+2") == "shop/web/api:3 added\nshop/web/api:4 added\n"
    assert desk.run("scale", "web/api", "-1") == "shop/web/api:4 removed\n"
    assert desk.run("scale", "api:1", "3") == "there are so many already\n"
    assert first.items() <= pids(desk).items()
    desk.run("kill", "--yes")
    desk.run("daemon", "start")
    assert "/shop/web/api:3" in pids(desk)
    desk.run("apply", "shop")
    assert set(pids(desk)) == set(first)


def test_new_instances_of_what_is_stopped_are_stopped(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP))
    desk.run("stop", "db")
    assert desk.run("scale", "db", "2").splitlines() == [
        "shop/db removed", "shop/db:1 added", "shop/db:2 added"
    ]  # fmt: skip
    assert desk.states()["/shop/db:1"] == desk.states()["/shop/db:2"] == "stopped"
    desk.run("kill", "--yes")
    desk.run("daemon", "start")
    assert desk.states()["/shop/db:1"] == desk.states()["/shop/db:2"] == "stopped"


def test_what_cannot_be_scaled_says_so(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP))
    assert "wanted 1 or more" in desk.run("scale", "proxy", "-1", status=2)
    assert "/shop/web, which is no program" in desk.run("scale", "web", "2", status=1)
    assert "99999999999999999999 is too many" in desk.run("scale", "api", "9" * 20, status=2)
    assert "api.instances" in desk.run("scale", "api", "+9999", status=2)
    assert "x is no number of instances" in desk.run("scale", "api", "x", status=2)
    assert "nothing is called 'apy'" in desk.run("scale", "apy", "2", status=1)


def test_what_does_not_get_ready_can_be_mended_while_it_is_started(desk: Desk) -> None:
    desk.run("daemon", "start")
    wrong = SHOP.replace("restart", 'ready = { output = "nevr" }\nrestart', 1)
    with desk.popen("start", desk.write(wrong)) as start:
        until(lambda: desk.states().get("/shop/db") == "starting")
        desk.write(SHOP)
        assert "shop/db restarted" in desk.run("apply", "shop")
        out, err = start.communicate(timeout=30)
    assert (start.returncode, out, err) == (0, "shop added\n", "")
    assert set(desk.states().values()) == {"running"}
