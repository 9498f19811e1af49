"""Instances of programs, each started with its own number and port."""

from __future__ import annotations

import socket
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from trio.testing import MockClock

from supctl import App, Log, Secret, Supervisor, Tcp, open_tree
from supctl.supervision.tree import Tree

if TYPE_CHECKING:
    from tests.supervision.conftest import OpenSimulated

TELLS = """
import os, sys, time
print(sys.argv[1:], os.environ["PORT"], os.environ["N"], os.getcwd(), flush=True)
time.sleep(1000)
"""
SERVES = """
import socket, sys, time
held = socket.create_server(("127.0.0.1", int(sys.argv[1])))
time.sleep(1000)
"""


def app(instances: int, **options: Any) -> App:
    command = [sys.executable, "-c", TELLS, "{instance}", "{{instance}}"]
    usual: dict[str, Any] = {"env": {"N": "{index}"}, "port": 7000}
    return App("api", command, instances=instances, **usual | options)


async def first_line(tree: Tree, name: str) -> str:
    async for line in tree[name].follow(last=1):
        return str(line)
    raise AssertionError(name)


def two_free_ports() -> int:
    """Return a port that is free together with the next one."""
    while True:
        with closing(socket.create_server(("127.0.0.1", 0))) as one:
            port: int = one.getsockname()[1]
            try:
                socket.create_server(("127.0.0.1", port + 1)).close()
            except OSError:
                continue
            return port


@pytest.mark.parametrize("isolation", ["task", "process"])
async def test_every_instance_has_its_own(tmp_path: Path, isolation: str) -> None:
    for number in (1, 2):
        (tmp_path / f"d{number}").mkdir()
    (tmp_path / "token").write_text("sesame")
    env = {"N": "{index}", "TOKEN": Secret(str(tmp_path / "token"))}
    log = Log(file=str(tmp_path / "{port}.log"))
    spec = app(2, cwd=tmp_path / "d{instance}", log=log, env=env)
    root = Supervisor("r", [Supervisor("s", [spec], isolation=isolation)])
    async with open_tree(root, log_directory=tmp_path / "logs") as tree:
        for number in (1, 2):
            expected = f"['{number}', '{{instance}}'] {6999 + number} {number - 1} "
            assert await first_line(tree, f"s/api:{number}") == f"{expected}{tmp_path}/d{number}"
            assert (tmp_path / f"{6999 + number}.log").read_text().startswith(expected)
            own = tree[f"s/api:{number}"].spec
            assert isinstance(own, App)
            assert (own.port, own.cwd) == (6999 + number, str(tmp_path / f"d{number}"))


async def test_those_that_stay_run_on_when_there_are_more_or_fewer(tmp_path: Path) -> None:
    async with open_tree(Supervisor("r", [app(2)]), log_directory=tmp_path) as tree:
        before = {name: tree[name].pid for name in ("api:1", "api:2")}
        for count in (4, 2):
            changes = await tree.update(Supervisor("r", [app(count)]))
            assert {it.did for it in changes} <= {"added", "removed", "changed"}
            assert {name: tree[name].pid for name in before} == before
        changes = await tree.update(Supervisor("r", [app(2, port=7100)]))
        assert {it.did: it.because for it in changes} == {"restarted": ("port",)}
        async for line in tree["api:2"].follow(last=1):
            if str(line).startswith("['2', '{instance}'] 7101 1"):  # one of before may come first
                break


async def test_a_simulated_program_needs_no_secret(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    spec = App("web", ["forever"], env={"TOKEN": Secret("/none")})
    async with open_simulated(Supervisor("r", [spec]), {}) as tree:
        assert tree["web"].state == "running"


async def test_a_probe_asks_the_instance() -> None:
    command = [sys.executable, "-c", SERVES, "{port}"]
    spec = App("api", command, instances=2, port=two_free_ports(), ready=Tcp("{port}"))
    async with open_tree(Supervisor("r", [spec])) as tree:
        assert [row.state for row in tree.status()] == ["ready", "ready"]
