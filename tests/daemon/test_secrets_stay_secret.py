"""The text of a secret is with the program that has it, and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from .conftest import Desk, until

SECRET = "open-sesame-4711"
FILE = """
[apps.api]
command = ["sleep", "1000"]
env = {{ TOKEN = {{ file = "token" }}, PATH = "{path}" }}
health = {{ exec = ["sh", "-c", "test -n $TOKEN"], interval = "50ms" }}
port = 4000

[apps.fails]
command = ["sh", "-c", "exit 3"]
env = {{ TOKEN = {{ file = "token" }} }}
restart = "never"
"""


def test_it_is_nowhere_to_be_found(desk: Desk) -> None:
    token = desk.directory / "token"
    token.write_text(f"{SECRET}\n")
    token.chmod(0o600)
    file = desk.write(FILE.format(path=os.environ["PATH"]))
    outputs = [
        desk.run("check", file),
        desk.run("start", file),
        desk.run("rehearse", file, "--hours", "1"),
    ]
    assert f"TOKEN from {token}" in outputs[0]
    assert _environ(desk)["TOKEN"] == SECRET
    outputs += [*_all_that_is_told(desk), desk.run("env", "api", "--show"), desk.run("env", "api")]
    assert f'TOKEN="$(cat {token})"' in outputs[-1]
    pid = desk.pid("api")
    psutil.Process(desk.json("daemon", "status")["pid"]).kill()
    until(lambda: desk.pid("api") == pid)
    outputs += [desk.run("restart", "api"), desk.run("daemon", "upgrade")]
    assert _environ(desk)["TOKEN"] == SECRET
    token.unlink()
    outputs += [desk.run("restart", "api", status=1), *_all_that_is_told(desk)]
    outputs += [desk.run("why", "api"), desk.run("plan", file), desk.run("daemon", "logs")]
    assert f"the secret TOKEN is to come from {token}, which does not exist" in "".join(outputs)
    assert not [text for text in outputs if SECRET in text]
    assert not _files_with(SECRET.encode(), desk.directory, desk.base)
    token.write_text(SECRET)
    until(lambda: desk.states()["/shop/api"] == "running")


def _environ(desk: Desk) -> dict[str, str]:
    return psutil.Process(desk.pid("api")).environ()


def _all_that_is_told(desk: Desk) -> list[str]:
    file = f"{desk.directory}/token"
    with desk.client() as client:
        env, described = client.env("api", show=True), client.describe("api")
        assert env["TOKEN"] == {"file": file}
        assert described["spec"]["secrets"] == [f"TOKEN from {file}"]
        told = [env, described, client.status(), [*client.events()], client.inspect()]
        return [str(it) for it in (*told, client.health(), client.save())]


def _files_with(text: bytes, *places: Path) -> list[Path]:
    files = (it for place in places for it in place.rglob("*") if it.is_file())
    return [it for it in files if text in it.read_bytes()]
