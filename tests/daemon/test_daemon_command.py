"""The daemon by its commands, as an operator meets it."""

from __future__ import annotations

import json
import os
import socket
import threading
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest

import supctl
from supctl.control.endpoint import connect
from supctl.control.home import Home
from supctl.errors import ConnectionLost, NoDaemon, ProcessNotFound, UnknownMethod

from .conftest import Desk

SHOP = """
[apps.db]
command = ["sleep", "1000"]

[apps.web]
strategy = "one_for_all"

[apps.web.apps.api]
command = ["sleep", "1000"]
instances = 2
"""


def test_a_day_of_an_operator(desk: Desk) -> None:
    assert "no daemon listens" in desk.run("status", status=1)
    assert desk.run("start", desk.write(SHOP)) == "shop added\n"
    assert set(desk.states().values()) == {"running"}
    assert desk.run("start", "shop.toml") == "shop was there\n"
    assert desk.run("stop", "api:2") == "shop/web/api:2 stopped (exit status 143)\n"
    assert desk.run("stop", "api:2") == "shop/web/api:2 was stopped (exit status 143)\n"
    assert desk.states()["/shop/web/api:2"] == "stopped"
    assert desk.run("start", "api") == "shop/web/api:1 was running\nshop/web/api:2 started\n"
    before = desk.pid("db")
    assert desk.json("restart", "db")[0]["did"] == "restarted"
    assert desk.pid("db") != before
    told = desk.json("describe", "db")
    assert told["spec"]["command"] == ["sleep", "1000"]
    assert [it["event"] for it in told["events"]][-1] == "child_started"
    assert "/shop/db" in desk.run("stop", "dbb", status=1)
    assert desk.run("delete", "shop") == "shop deleted\n"
    assert "nothing is kept alive yet" in desk.run("status")


def test_what_should_run_comes_back(desk: Desk) -> None:
    text = SHOP.replace("[apps.db]", "[apps.db]\nrestart = 'unless-stopped'")
    desk.run("start", desk.write(text))
    desk.run("stop", "db", "api:2")
    (desk.directory / "shop.toml").unlink()  # it is not needed any more
    assert "has ended" in desk.run("kill", "--yes")
    desk.run("daemon", "start")
    states = desk.states()
    assert states.pop("/shop/db") == "stopped"
    assert set(states.values()) == {"running"}  # what is restarted always, also after a stop
    assert desk.run("start", "db") == "shop/db started\n"


def test_a_program_that_does_not_start_keeps_nothing_else_from_it(desk: Desk) -> None:
    text = "[apps.a]\ncommand = ['sleep', '1000']\n[apps.b]\ncommand = ['./late']\n"
    late = desk.directory / "late"
    late.write_text("#!/bin/sh\nsleep 1000\n")
    late.chmod(0o755)
    desk.run("start", desk.write(text))
    late.unlink()
    desk.run("kill", "--yes")
    desk.run("daemon", "start")
    assert desk.states()["/shop/a"] == "running"
    assert desk.states()["/shop/b"] == "backoff"


def test_when_all_is_killed_it_comes_back_too(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP))
    apps = [psutil.Process(row["pid"]) for row in desk.json("status") if row["pid"]]
    desk.kill_all()
    assert all(it.is_running() for it in apps)
    assert "not running" in desk.run("daemon", "status", status=3)
    desk.run("daemon", "start")
    assert psutil.wait_procs(apps, timeout=20)[1] == []
    assert "what they left is ended" in desk.home.log.read_text()
    assert set(desk.states().values()) == {"running"}


def test_a_hundred_first_commands_start_one_daemon(desk: Desk) -> None:
    commands = [desk.popen("daemon", "start") for _ in range(20)]
    answers = {command.communicate(timeout=50)[0] for command in commands}
    assert [command.returncode for command in commands] == [0] * 20
    assert len(answers) == 1
    assert (desk.home.logs / "daemon.log").read_text().count("listens") == 1


def test_stale_files_of_a_killed_daemon_do_no_harm(desk: Desk) -> None:
    desk.home.make()
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(desk.home.socket))
    desk.home.lock.write_text(json.dumps({"pid": os.getpid()}))  # a stranger's by now
    assert "the daemon runs" in desk.run("daemon", "start")
    assert desk.run("ping") == "pong\n"


def test_a_second_daemon_is_refused(desk: Desk) -> None:
    desk.run("daemon", "start")
    pid = desk.json("daemon", "status")["pid"]
    assert f"the daemon of pid {pid} has it" in desk.run("daemon", "run", status=2)
    assert desk.run("ping") == "pong\n"


def test_a_home_with_a_long_and_strange_path(desk: Desk) -> None:
    base = desk.directory / ("ein sehr langer Weg, mit Leerzeichen und Ümläuten " * 3)
    base.mkdir()
    desk.home = Home.of({"SUPCTL_HOME": str(base)})
    assert desk.run("start", desk.write(SHOP)) == "shop added\n"
    assert desk.run("ping") == "pong\n"


def test_a_home_that_is_open_to_others_is_refused(desk: Desk) -> None:
    desk.home.run.mkdir(parents=True)
    desk.home.run.chmod(0o755)
    assert "ours alone, mode 700" in desk.run("daemon", "start", status=2)


def test_what_should_run_is_not_understood(desk: Desk) -> None:
    desk.home.make()
    desk.home.desired.write_text('{"version": 99}')
    said = desk.run("daemon", "start", status=1)
    assert "the daemon did not start" in said
    assert "version 99" in said
    assert desk.home.desired.read_text() == '{"version": 99}'


def test_bad_files_start_nothing(desk: Desk) -> None:
    assert "wanted" in desk.run("start", desk.write("[apps.a]\ncomand = 'x'"), status=2)
    assert not desk.home.run.exists()


def test_another_version_of_a_file_is_refused(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP))
    desk.write(SHOP.replace("1000", "999"))
    assert "another version" in desk.run("start", "shop.toml", status=1)
    assert desk.run("start", "shop.toml", "--name", "other") == "other added\n"
    assert desk.states()["/other/db"] == "running"


def test_commands_that_change_something_are_noted(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP))
    desk.run("status")
    desk.run("stop", "nobody", status=1)
    notes = [json.loads(line) for line in desk.home.audit.read_text().splitlines()]
    assert [(it["method"], it["result"].split(":")[0]) for it in notes] == [
        ("add", "ok"),
        ("stop", "ProcessNotFound"),
    ]
    assert {it["uid"] for it in notes} == {os.getuid()}


def test_garbage_on_the_socket_harms_nobody(desk: Desk) -> None:
    desk.run("daemon", "start")
    for garbage in (
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\xff" * 4096,
        b"\x00\x00\x00\x01",
        b"",
        b"\x00\x00\x00\x02\x91\x00",
    ):
        with desk.client() as client, connect(desk.home.address, 10) as stranger:
            stranger.sendall(garbage)
            stranger.shutdown(socket.SHUT_WR)
            while stranger.recv(65536):
                pass
            assert client.ping() == "pong"


def test_many_threads_share_one_client(desk: Desk) -> None:
    desk.run("start", desk.write(SHOP))
    failures: list[BaseException] = []

    def use() -> None:
        try:
            for _ in range(50):
                assert client.ping() == "pong"
                assert len(client.status()) == 5
                with pytest.raises(ProcessNotFound, match="nothing is called 'nobody'"):
                    client.stop("nobody")
        except BaseException as error:
            failures.append(error)

    with desk.client() as client:
        threads = [threading.Thread(target=use) for _ in range(4)]
        for thread in threads:
            thread.start()
        followed = client.events(follow=True)
        assert next(followed)["event"]
        for thread in threads:
            thread.join()
        followed.close()  # type: ignore[attr-defined]
        assert client.ping() == "pong"
    assert failures == []
    with pytest.raises(ConnectionLost, match="was closed"):
        client.ping()


async def test_programs_under_trio_have_the_same_methods(desk: Desk) -> None:
    with pytest.raises(NoDaemon, match="no daemon listens"):
        async with supctl.connect(desk.base):
            pass
    desk.run("start", desk.write(SHOP))
    async with supctl.connect(desk.base) as daemon:
        assert await daemon.ping() == "pong"
        (outcome,) = await daemon.stop("db", timeout=5)
        assert (outcome["did"], outcome["status"]) == ("stopped", 143)
        with pytest.raises(ProcessNotFound):
            await daemon.describe("nobody")
        async with aclosing(daemon.events("db", follow=True)) as events:  # type: ignore[type-var]
            told = [(await anext(events))["event"] for _ in range(4)]
        assert told == ["child_started", "command_given", "child_stopping", "child_exited"]
    with supctl.connect(desk.base) as client:
        assert client.start("db")[0]["did"] == "started"


def test_unknown_methods_and_arguments_are_told(desk: Desk) -> None:
    desk.run("daemon", "start")
    with desk.client() as client:
        with pytest.raises(UnknownMethod, match="there are about, add"):
            client._line.call("explode", {})
        with pytest.raises(Exception, match="unexpected keyword argument 'colour'"):
            client._line.call("status", {"colour": 1})
        assert client.ping() == "pong"


def test_a_client_that_is_killed_in_the_middle_harms_nobody(desk: Desk, tmp_path: Path) -> None:
    deaf = "[apps.deaf]\ncommand = ['sh', '-c', 'trap \"\" TERM; while :; do sleep 1; done']\n"
    desk.run("start", desk.write(deaf + "stop = { grace = '1s' }", "deaf.toml"))
    with desk.popen("stop", "deaf/deaf") as command:
        with desk.client() as client:
            for event in client.events("deaf/deaf", follow=True):
                if event["event"] == "child_stopping":
                    break
            command.kill()
            for event in client.events("deaf/deaf", follow=True):
                if event["event"] == "child_exited":
                    break
            assert client.status("deaf/deaf")[0]["state"] == "stopped"
        command.communicate(timeout=10)
