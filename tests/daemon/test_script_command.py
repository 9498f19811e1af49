"""``supctl start NAME --script FILE``: a program without a file of ours."""

from __future__ import annotations

import json

import pytest

from .conftest import Desk, until

TELL = """
import json, os, sys, time
print(json.dumps([sys.argv, os.getcwd(), dict(os.environ)]), flush=True)
time.sleep(1000)
"""


def said(desk: Desk, project: str) -> tuple[list[str], str, dict[str, str]]:
    path = desk.home.logs / project / f"{project}.out.log"
    until(lambda: path.exists() and path.read_bytes().endswith(b"\n"))
    arguments, directory, environ = json.loads(path.read_text())
    return arguments, directory, environ


def test_a_script_is_run_by_its_suffix(desk: Desk) -> None:
    desk.write(TELL, "app.py")
    words = ("--script", "app.py", "--env", "A=b", "--max-memory", "512M", "--max-cpu", "50")
    desk.run("start", "api", *words, "--", "--port", "80")
    arguments, directory, environ = said(desk, "api")
    assert arguments == ["./app.py", "--port", "80"]
    assert directory == str(desk.directory)
    assert (environ["A"], environ["NO_COLOR"]) == ("b", "1")
    limits = desk.json("describe", "api/api")["spec"]["limits"]
    assert (limits["memory"], limits["cpu"]) == (512 * 2**20, 0.5)
    assert desk.states() == {"/api": "running", "/api/api": "running"}


def test_without_a_name_it_is_called_as_its_script(desk: Desk) -> None:
    desk.write("sleep 1000\n", "work er.sh")
    desk.run("start", "--script", "work er.sh", "--instances", "2")
    assert desk.states() == {
        "/work-er": "running",
        "/work-er/work-er:1": "running",
        "/work-er/work-er:2": "running",
    }


def test_an_interpreter_can_be_named(desk: Desk) -> None:
    desk.write(TELL, "app.txt")
    desk.run("start", "a", "--script", "app.txt", "--interpreter", "python3 -B")
    assert said(desk, "a")[0] == ["./app.txt"]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("a", "--script", "nowhere.py", "--interpreter", "none"), "nowhere.py"),
        (("a/b", "--script", "app.py"), "is no name to use"),
        (("a", "--script", "app.py", "--max-memory", "much"), "is 'much'"),
        (("a", "--script", "app.py", "--max-cpu", "x"), "is 'x%'"),
        (("a", "--script", "app.py", "--env", "x"), "--env is 'x'"),
        (("a", "--max-cpu", "50"), "--max-cpu is for what --script starts"),
    ],
)
def test_what_cannot_work_starts_nothing(desk: Desk, words: tuple[str, ...], wanted: str) -> None:
    desk.write(TELL, "app.py")
    assert wanted in desk.run("start", *words, status=2)
    assert "not running" in desk.run("daemon", "status", status=3)
