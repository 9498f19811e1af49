"""What apps say of their logs is done, wherever in the tree they are."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from supctl import App, Log, Supervisor, open_tree
from supctl.errors import StartFailed
from supctl.events import ChildExited, Event
from supctl.logs.rotated import rotated_files
from supctl.specs.log import LogMode

SAYS = "import sys; print('out'); print('err', file=sys.stderr)"
ISOLATIONS = ["task", "process"]


def app(name: str, log: Log | None = None, instances: int = 1, code: str = SAYS) -> App:
    command = [sys.executable, "-SIc", code]
    return App(name, command, restart="transient", log=log, instances=instances)


async def ran(spec: Supervisor, directory: Path, count: int, usual: Log | None = None) -> None:
    """Run a tree until so many apps have ended, and all they said is stored."""
    ended = trio.Event()
    exits: list[Event] = []

    def hear(event: Event) -> None:
        if isinstance(event, ChildExited):
            exits.append(event)
        if len(exits) == count:
            ended.set()

    async with open_tree(spec, log_directory=directory, log=usual, on_event=hear):
        await ended.wait()


async def until(found: Callable[[], object]) -> None:
    """Wait until there is something that another thread brings, and tells nobody of."""

    def wait() -> None:
        while not found():
            time.sleep(0.001)

    await trio.to_thread.run_sync(wait, abandon_on_cancel=True)


def files(directory: Path) -> dict[str, str]:
    found = [path for path in directory.rglob("*.log") if path.is_file()]
    return {str(path.relative_to(directory)): path.read_text() for path in found}


@pytest.mark.parametrize("isolation", ISOLATIONS)
async def test_every_app_has_its_own(tmp_path: Path, isolation: str) -> None:
    apps = [
        app("usual"),
        app("both", Log(together=True)),
        app("none", Log(mode=LogMode.NONE)),
        app("many", Log(merged=True), instances=2),
        app("named", Log(file=str(tmp_path / "here.log"))),
    ]
    spec = Supervisor("root", [Supervisor("web", apps, isolation=isolation)])
    await ran(spec, tmp_path / "logs", 6)
    found = files(tmp_path / "logs")
    assert sorted(found.pop("web/both.all.log").split()) == ["err", "out"]
    assert found == {
        "web/usual.out.log": "out\n",
        "web/usual.err.log": "err\n",
        "web/many.out.log": "out\nout\n",
        "web/many.err.log": "err\nerr\n",
        "web/named.err.log": "err\n",
    }
    assert (tmp_path / "here.log").read_text() == "out\n"


@pytest.mark.parametrize("isolation", ISOLATIONS)
async def test_objects_say_where_they_come_from(tmp_path: Path, isolation: str) -> None:
    code = "import os; print(os.getpid())"
    apps = [app("api", Log(LogMode.JSON), instances=2, code=code)]
    spec = Supervisor("root", [Supervisor("web", apps, isolation=isolation)])
    await ran(spec, tmp_path, 2)
    for number in (1, 2):
        told = json.loads((tmp_path / f"web/api@{number}.out.log").read_text())
        assert (told["app"], told["instance"], told["stream"]) == ("/web/api", number, "stdout")
        assert told["pid"] == int(told["text"])


async def test_the_tree_says_it_for_all(tmp_path: Path) -> None:
    apps = [app("a"), app("b", Log())]
    await ran(Supervisor("root", apps), tmp_path, 2, Log(together=True))
    assert set(files(tmp_path)) == {"a.all.log", "b.out.log", "b.err.log"}


async def test_a_file_of_several_has_whole_lines(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "for number in range(500):\n"
        "    line = b'%s %d %s\\n' % (sys.argv[1].encode(), number, b'x' * 500)\n"
        "    os.write(1, line[:250]); os.write(1, line[250:])\n"
    )
    log = Log(file=str(tmp_path / "all"), max_size=65536, keep=None)
    apps = [
        App(name, [sys.executable, "-SIc", code, name], restart="transient", log=log)
        for name in "abc"
    ]
    await ran(Supervisor("root", apps), tmp_path / "logs", 3)
    parts = [it.path.read_bytes() for it in rotated_files(tmp_path / "all")]
    assert len(parts) > 5
    lines = b"".join([*parts, (tmp_path / "all").read_bytes()]).splitlines()
    for name in (b"a", b"b", b"c"):
        own = [line for line in lines if line.startswith(name)]
        assert own == [b"%s %d %s" % (name, number, b"x" * 500) for number in range(500)]
    assert len(lines) == 1500


@pytest.mark.parametrize("isolation", ISOLATIONS)
async def test_an_app_starts_without_a_log_unless_it_is_required(
    tmp_path: Path, isolation: str
) -> None:
    (tmp_path / "taken").mkdir()
    taken = str(tmp_path / "taken")
    apps = [app("careless", Log(file=taken)), app("careful", Log(file=taken, required=True))]
    spec = Supervisor("root", [Supervisor("web", apps, isolation=isolation)])
    with pytest.raises(StartFailed, match="Is a directory; wanted a log that can be written"):
        await ran(spec, tmp_path / "logs", 9)
    alone = Supervisor("root", apps[:1])
    await ran(alone, tmp_path / "logs", 1)


async def test_figures_last_lines_and_rotation(tmp_path: Path) -> None:
    code = "import sys; print('begin', flush=True); sys.stdin.read(); import time; time.sleep(60)"
    async with open_tree(Supervisor("root", [app("a", code=code)]), log_directory=tmp_path) as tree:
        handle = tree["a"]
        await until(lambda: handle.last_lines)
        (line,) = handle.last_lines
        assert (line.stream, line.text) == ("stdout", b"begin")
        out, err = handle.logs
        assert (out.stream, out.bytes, out.lines, err.bytes) == ("stdout", 6, 1, 0)
        assert out.path == str(tmp_path / "a.out.log")
        tree.logs.rotate(["/a"])
        await until(lambda: rotated_files(tmp_path / "a.out.log"))
        assert handle.logs[0].rotations == 1
