"""What "supctl why" tells of a death by a limit, where the kernel has real limits."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.vm,
    pytest.mark.skipif(
        "VM_CGROUP" not in os.environ, reason="needs real cgroups v2; run `make test-vm`"
    ),
    pytest.mark.timeout(150),  # starting a process takes 30 times as long as elsewhere
]

OWN = Path(os.environ.get("VM_CGROUP", "/nowhere"))
CONTROLLERS = ("memory", "cpu", "pids")


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """Return a cgroup for somebody to be alone in; we are in one beside it meanwhile."""
    ours, other = OWN / "tests", OWN / "daemon"
    ours.mkdir()
    other.mkdir()
    (ours / "cgroup.procs").write_text(str(os.getpid()))
    (OWN / "cgroup.subtree_control").write_text(" ".join(f"+{it}" for it in CONTROLLERS))
    yield other
    other.rmdir()
    (OWN / "cgroup.subtree_control").write_text(" ".join(f"-{it}" for it in CONTROLLERS))
    (OWN / "cgroup.procs").write_text(str(os.getpid()))
    ours.rmdir()


@pytest.fixture
def supctl(tmp_path: Path, cgroup: Path) -> Iterator[Callable[..., str]]:
    """Return what runs a command and gives back what it has printed; the daemon runs already."""
    environ = {**os.environ, "SUPCTL_HOME": str(tmp_path), "NO_COLOR": "1"}
    ours = [sys.executable, "-m", "supctl"]

    def run(*words: str) -> str:
        done = subprocess.run(
            [*ours, *words],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    move = f'echo $$ > {cgroup}/cgroup.procs && exec "$@"'
    words = ["sh", "-c", move, "sh", *ours, "daemon", "run"]
    with subprocess.Popen(words, env=environ, stdin=subprocess.DEVNULL) as daemon:
        while not (tmp_path / "run" / "control.sock").exists():
            assert daemon.poll() is None
            time.sleep(0.1)
        try:
            yield run
        finally:
            run("kill", "--yes")


def test_out_of_memory(supctl: Callable[..., str], tmp_path: Path, programs: Path) -> None:
    hungry = f"{sys.executable} -S {programs / 'eat_memory.py'} 400"
    script = f"echo about to eat; exec {hungry}"
    app = {"command": ["sh", "-c", script], "limits": {"memory": "64M"}, "restart": "never"}
    (tmp_path / "shop.json").write_text(json.dumps({"apps": {"hog": app}}))
    supctl("start", str(tmp_path / "shop.json"))

    supctl("wait", "hog", "--for", "stopped", "--timeout", "60")
    told = supctl("why", "hog")
    while "| about to eat" not in told:
        time.sleep(0.1)
        told = supctl("why", "hog")
    print(told)
    assert told.startswith("/shop/hog has ended: out of memory.\n")
    assert re.search(
        r"out of memory after [\d.]+ s: killed by the kernel at its limit of 64.0 MiB; "
        r"all its processes had 6\d\.\d MiB at the most",
        told,
    )
