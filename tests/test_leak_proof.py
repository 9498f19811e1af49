"""The proof at the end of the session can fail: a session that leaks is run, and is told so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the proof reads /proc")

CLEAN = """
import subprocess, sys

def test_clean(tmp_path):
    (tmp_path / "file").write_text("x")
    subprocess.run([sys.executable, "-c", "print()"], check=True)
"""

LEAKING = """
import os, socket, subprocess, sys, tempfile

KEPT = []  # at hand, so that no warning of the interpreter tells before the proof does

def test_child():
    KEPT.append(subprocess.Popen(["sleep", os.environ["NAP"]]))

def test_orphan_in_a_session_of_its_own_with_no_environment():
    script = f"setsid sleep {os.environ['NAP']}.5 <&- >&- 2>&- &"
    subprocess.run(["/bin/sh", "-c", script], env={}, check=True)

def test_zombie():
    KEPT.append(subprocess.Popen(["true"]))

def test_descriptor():
    KEPT.append(os.pipe())

def test_socket():
    KEPT.append(socket.socket(socket.AF_UNIX))
    here = os.getcwd()
    os.chdir(os.environ["XDG_RUNTIME_DIR"])  # the whole path may be longer than an address
    KEPT[-1].bind("supctl.sock")
    os.chdir(here)

def test_file():
    with open(os.path.join(tempfile.gettempdir(), "left"), "w"):
        pass
"""


KILLED = """
import os, signal, subprocess, tempfile

def test_takes_its_worker_with_it():
    subprocess.Popen(["sleep", os.environ["NAP"]], start_new_session=True, env={})
    with open(os.path.join(tempfile.gettempdir(), "left"), "w"):
        pass
    os.kill(os.getpid(), signal.SIGKILL)
"""

SILENT = """
import os

class Last:
    def pytest_sessionfinish(self):
        os._exit(0)

def test_ends_its_worker_before_the_proof(request):
    request.config.pluginmanager.register(Last())
"""

WHILE_ANOTHER_LOOKS = """
import os, subprocess, tempfile

def test_leaks():
    subprocess.Popen(["sleep", os.environ["NAP"]])
    with open(os.path.join(tempfile.gettempdir(), "supctl-left"), "w"):
        pass
    open("../leaked", "w").close()
    open("../proved").close()
"""

WHILE_ANOTHER_LEAKS = """
def test_lasts_from_before_the_leaks():
    open("../leaked").close()
"""


NAP = str(100_000_000 + os.getpid())
"""Seconds of a sleep that nobody else on this machine sleeps."""


def sleepers() -> list[Path]:
    """Return the /proc entries of all that sleep for that long."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it ended meanwhile
            if path.read_bytes().startswith(f"sleep\0{NAP}".encode()):
                found.append(path)
    return found


ALONE, IN_WORKERS = (), ("-p", "xdist", "-n", "1")
shapes = pytest.mark.parametrize("shape", [ALONE, IN_WORKERS], ids=["alone", "in workers"])


class Session:
    """A session of its own, in a folder of its own, with the proof of this one."""

    def __init__(self, place: Path, name: str, text: str, shape: tuple[str, ...]) -> None:
        self._shape = shape
        self._folder = place / name
        self._folder.mkdir()
        shutil.copy(Path(__file__).with_name("leak_proof.py"), self._folder)
        (self._folder / "test_inner.py").write_text(text)
        (self._folder / "pytest.ini").write_text("[pytest]\n")
        self._temporary = place / "tmp"
        self._temporary.mkdir(exist_ok=True)

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "leak_proof", *self._shape],
            cwd=self._folder,
            env={
                "PATH": "/usr/bin:/bin",
                "TMPDIR": str(self._temporary),
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # they take a second to import
                "NAP": NAP,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self) -> tuple[int, str]:
        """Return its status and what it said; nothing of it is left by then."""
        with self.start() as session:
            said, _ = session.communicate()
        assert list(self._temporary.glob("tests-of-supctl-*")) == [], said
        assert sleepers() == [], said
        return session.returncode, said


def told_by(status: int, said: str) -> str:
    """Return what the proof of a session says, which has failed."""
    assert status == 1, said
    return said.partition("left behind by this session")[2]


@shapes
def test_a_clean_session_passes(tmp_path: Path, shape: tuple[str, ...]) -> None:
    status, said = Session(tmp_path, "clean", CLEAN, shape).run()
    assert status == 0, said
    assert "left behind" not in said


@shapes
def test_leaks_are_listed_and_ended(tmp_path: Path, shape: tuple[str, ...]) -> None:
    status, said = Session(tmp_path, "leaking", LEAKING, shape).run()
    assert "6 passed" in said
    told = told_by(status, said)
    end = " (of gw" if shape else "\n"
    for leak in (f"sleep {NAP}", f"sleep {NAP}.5", "left", "supctl.sock"):
        assert f"{leak}{end}" in told
    for leak in ("zombie", "-> pipe:"):
        assert leak in told


def test_what_a_killed_worker_left_is_listed_and_ended(tmp_path: Path) -> None:
    told = told_by(*Session(tmp_path, "killed", KILLED, IN_WORKERS).run())
    for leak in (
        "what is not known, without a proof: Not properly terminated (of gw0)",
        f"sleep {NAP}\n",
        "gw0/tmp/left\n",
    ):
        assert leak in told


def test_worker_that_proves_nothing_fails_the_run(tmp_path: Path) -> None:
    status, said = Session(tmp_path, "silent", SILENT, IN_WORKERS).run()
    assert "1 passed" in said
    assert "what is not known, without a proof: Not properly terminated (of gw0)" in told_by(
        status, said
    )


@shapes
def test_sessions_beside_each_other_blame_nobody_else(
    tmp_path: Path, shape: tuple[str, ...]
) -> None:
    for name in ("leaked", "proved"):
        os.mkfifo(tmp_path / name)
    with (
        Session(tmp_path, "leaking", WHILE_ANOTHER_LOOKS, shape).start() as leaking,
        Session(tmp_path, "clean", WHILE_ANOTHER_LEAKS, shape).start() as clean,
    ):
        said, _ = clean.communicate()
        (tmp_path / "proved").write_text("")
        told, _ = leaking.communicate()
    assert clean.returncode == 0, said
    assert "tmp/supctl-left" in told
