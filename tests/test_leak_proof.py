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
    with open(os.path.join(tempfile.gettempdir(), "supctl-left"), "w"):
        pass
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


def run_session(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run a session of its own whose tests are ``text``, under this conftest."""
    shutil.copy(Path(__file__).with_name("conftest.py"), folder)
    (folder / "test_inner.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "tmp").mkdir()
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_inner.py"],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(folder / "tmp"), "NAP": NAP},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_clean_session_passes(tmp_path: Path) -> None:
    done = run_session(tmp_path, CLEAN)
    assert done.returncode == 0, done.stdout
    assert "left behind" not in done.stdout


def test_leaks_are_listed_and_ended(tmp_path: Path) -> None:
    done = run_session(tmp_path, LEAKING)
    assert "6 passed" in done.stdout, done.stdout
    assert done.returncode == 1
    told = done.stdout.partition("left behind by this session")[2]
    for leak in (
        f"sleep {NAP}\n",
        f"sleep {NAP}.5\n",
        "zombie",
        "-> pipe:",
        "supctl.sock",
        "supctl-left",
    ):
        assert leak in told, done.stdout
    assert list((tmp_path / "tmp").glob("tests-of-supctl-*")) == []
    assert sleepers() == []
