"""``supctl up`` as the first process of a container: a PID namespace of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from supctl.backends.init import stand_behind_init

PATIENCE = 20.0
"""Seconds after which what has not come about will not."""

UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]


def cannot() -> str:
    """Return why this machine has no PID namespaces for us; empty if it has."""
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        return "unshare and nsenter of util-linux are not here"
    tried = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, timeout=20)
    return f"no PID namespace can be made: {tried.stderr.strip()}" if tried.returncode else ""


pytestmark = pytest.mark.skipif(bool(cannot()), reason=cannot() or "they can be made")


def until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, f"there is never {what}"
        time.sleep(0.01)


class Container:
    """``supctl up`` as PID 1."""

    def __init__(self, directory: Path, text: str) -> None:
        (directory / "supctl.toml").write_text(dedent(text))
        self._output = directory / "output"
        with self._output.open("wb") as output:
            self.outer = subprocess.Popen(
                [*UNSHARE, sys.executable, "-m", "supctl", "up", "--log-dir", "logs"],
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def text(self) -> str:
        return self._output.read_text()

    @property
    def pid(self) -> int:
        """Of PID 1, as it is seen from here."""
        return children_of(self.outer.pid)[0]

    def shows(self, text: str) -> None:
        until(lambda: text in self.text, f"{text!r} in the output")

    def run(self, command: str) -> None:
        """Run a command in it, as ``docker exec`` does."""
        subprocess.run(
            ["nsenter", "-t", str(self.pid), "-p", "-m", "sh", "-c", command],
            check=True,
            timeout=20,
        )


def children_of(pid: int) -> list[int]:
    return [int(it) for it in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def contain(tmp_path: Path) -> Iterator[Callable[[str], Container]]:
    made: list[Container] = []

    def make(text: str) -> Container:
        made.append(Container(tmp_path, text))
        return made[0]

    yield make
    for container in made:
        if container.outer.poll() is None:
            container.outer.kill()  # and with it, all in there (--kill-child)
            container.outer.wait(20)


SHELL = 'for s in HUP USR1 USR2 WINCH; do trap "echo got $s" $s; done; echo ready'
ONE = f"""
[apps.main]
command = ["sh", "-c", '''{SHELL}; while :; do sleep 0.05; done''']
essential = true

[apps.side]
command = ["sleep", "1000"]
"""


def test_signals_go_to_the_essential_app_and_sigterm_stops_in_order(
    contain: Callable[[str], Container],
) -> None:
    container = contain(ONE)
    container.shows("everything is started")
    container.shows("main | ready")
    for name in ("HUP", "USR1", "USR2", "WINCH"):
        os.kill(container.pid, getattr(signal, f"SIG{name}"))
        container.shows(f"main | got {name}")
    os.kill(container.pid, signal.SIGTERM)
    assert container.outer.wait(20) == 0
    assert "everything is stopped" in container.text


def test_who_is_meant_is_asked_for_where_it_is_not_clear(
    contain: Callable[[str], Container],
) -> None:
    container = contain(ONE.replace("essential = true\n", ""))
    container.shows("everything is started")
    os.kill(container.pid, signal.SIGWINCH)
    os.kill(container.pid, signal.SIGUSR1)
    container.shows("SIGUSR1: nobody knows which of 2 apps it is for; make one app essential")
    assert "SIGWINCH" not in container.text


def test_the_end_of_the_essential_app_is_that_of_the_container(
    contain: Callable[[str], Container],
) -> None:
    container = contain("""
        [apps.job]
        command = ["sh", "-c", "exit 3"]
        restart = "never"
        essential = true

        [apps.side]
        command = ["sleep", "1000"]
        """)
    assert container.outer.wait(20) == 3
    assert "job, which is essential: crashed (exited with code 3)" in container.text


def test_strangers_are_reaped(contain: Callable[[str], Container]) -> None:
    container = contain(ONE)
    container.shows("everything is started")
    own = children_of(container.pid)
    container.run("sleep 0.3 & sleep 1000 &")  # their parent ends: PID 1 has them
    until(lambda: len(children_of(container.pid)) == len(own) + 1, "one stranger that lives")
    (stranger,) = set(children_of(container.pid)) - set(own)
    os.kill(stranger, signal.SIGKILL)
    until(lambda: children_of(container.pid) == own, "no stranger, dead or alive")


def test_when_supctl_is_killed_its_apps_end_in_order(
    contain: Callable[[str], Container], tmp_path: Path
) -> None:
    container = contain('''
        [apps.main]
        command = ["sh", "-c", """
            trap 'echo > ended; exit' TERM; echo ready; while :; do sleep 0.05; done
        """]
        ''')
    container.shows("main | ready")
    (supctl,) = children_of(container.pid)
    os.kill(supctl, signal.SIGKILL)
    assert container.outer.wait(20) == 128 + signal.SIGKILL
    assert (tmp_path / "ended").exists()


def test_who_is_not_the_first_process_goes_on_as_it_is() -> None:
    pid = os.getpid()
    assert not stand_behind_init()
    assert os.getpid() == pid
