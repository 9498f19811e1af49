"""Supervisors in processes of their own: their subtrees look as if they were local."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import trio

from supctl import (
    Actor,
    App,
    DynamicSupervisor,
    PartitionSupervisor,
    Pool,
    Supervisor,
    Tree,
    Worker,
    open_tree,
)
from supctl import events as ev
from supctl.errors import (
    ActorDied,
    AlreadyPresent,
    AlreadyRunning,
    GaveUp,
    InvalidConfig,
    InvalidState,
    ProcessNotFound,
    StartFailed,
    TreeEnded,
    Unsupported,
)
from supctl.exits import ExitKind
from supctl.specs import Backoff, ChildSpec, Stop
from supctl.specs.policy import NO_BACKOFF
from tests.supervision import subtree
from tests.supervision.subtree import Clerk

Open = Callable[..., AbstractAsyncContextManager[Tree]]
PROGRAMS = Path(__file__).parents[1] / "programs"


@pytest.fixture
def open_root(tmp_path: Path) -> Open:
    """Open a tree with these children."""

    @asynccontextmanager
    async def opened(*children: ChildSpec, **options: Any) -> AsyncIterator[Tree]:
        spec = Supervisor("root", children, max_restarts=None)
        async with open_tree(spec, log_directory=tmp_path / "logs", **options) as tree:
            yield tree

    return opened


def isolated(*children: ChildSpec, **options: Any) -> Supervisor:
    options = {"isolation": "process", "backoff": NO_BACKOFF, **options}
    return Supervisor("sub", children, **options)


def sleeper(name: str, **options: Any) -> App:
    return App(name, ["sleep", "1000"], backoff=NO_BACKOFF, **options)


async def until(subscription: Any, kind: type[ev.Event], address: str) -> Any:
    async for event in subscription:
        if isinstance(event, kind) and event.address == address:
            return event
    raise AssertionError(f"the tree ended without {kind.__name__} of {address}")


# It is as if local.


@pytest.mark.parametrize("isolation", ["task", "process"])
@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
async def test_the_same_is_told_and_seen(tmp_path: Path, isolation: str, strategy: str) -> None:
    told: list[Any] = []
    seen: list[Any] = []

    def hear(event: ev.Event) -> None:
        told.append((event.kind, event.address))
        if isinstance(event, ev.ChildStarted | ev.ChildExited) and event.address != "/sub":
            seen.append((event.kind, event.address, tree[event.address].state if trees else ""))

    trees: list[Tree] = []
    spec = Supervisor(
        "root",
        [
            Supervisor(
                "sub",
                [sleeper("a"), sleeper("b"), Supervisor("deep", [Worker("w", Clerk)])],
                strategy=strategy,
                isolation=isolation,
            )
        ],
    )
    async with open_tree(spec, log_directory=tmp_path / "logs", on_event=hear) as tree:
        trees.append(tree)
        with tree.subscribe() as subscription:
            tree["sub/a"].signal(signal.SIGKILL)
            await until(subscription, ev.ChildStarted, "/sub/a")
            if strategy != "one_for_one":
                await until(subscription, ev.ChildStarted, "/sub/deep")
        rows = [
            (row.address, row.kind, row.state, row.restarts, row.depth) for row in tree.status()
        ]
        assert rows[1:] == [
            ("/sub/a", "app", "running", 1, 1),
            ("/sub/b", "app", "running", 0, 1),
            ("/sub/deep", "supervisor", "running", 0, 1),
            ("/sub/deep/w", "worker", "running", 0, 2),
        ]
        assert str(tree["sub/a"].reason) == "crashed (killed by SIGKILL)"
        assert bool(tree["sub"].pid) is (isolation == "process")
    expected = EXPECTED.setdefault(strategy, (told, seen))
    assert told == expected[0]
    assert seen == expected[1]
    assert not (tmp_path / "logs" / "sub.err.log").exists()  # nothing went wrong over there


EXPECTED: dict[str, Any] = {}
"""By strategy, what was told and seen by the first of the two who came."""


async def test_actors_of_a_subtree_share_its_process(open_root: Open) -> None:
    deep = Supervisor("deep", [Worker("c", Clerk)])
    own = Worker("own", Clerk, isolation="process")
    async with open_root(Worker("here", Clerk), isolated(Worker("a", Clerk), deep, own)) as tree:
        a, c, own_ref, here = (tree[it].ref for it in ("sub/a", "sub/deep/c", "sub/own", "here"))
        assert await a.pid() == await c.pid() == tree["sub"].pid
        assert len({await own_ref.pid(), await a.pid(), os.getpid()}) == 3
        assert await own_ref.pid() == tree["sub/own"].pid
        # From everywhere to everywhere.
        assert await a.add_to(here, 1) == 1
        assert await here.add_to(a, 2) == 2
        assert await own_ref.add_to(c, 3) == 3
        assert await here.add_to(own_ref, 4) == 4
        assert await own_ref.add_to(here, 4) == 5
        assert [n async for n in own_ref.count(100)] == list(range(100))
        await own_ref.enlist("mine")
        assert await a.find("mine") == own_ref


async def test_requests_go_down(open_root: Open) -> None:
    async with open_root(isolated(sleeper("a"), Worker("b", Clerk), max_restarts=9)) as tree:
        sub = tree.supervisor("sub")
        handle = await sub.start_child(Worker("new", Clerk, 5))
        assert handle is not None
        assert await handle.ref.add(1) == 6
        with pytest.raises(AlreadyRunning):
            await sub.start_child(Worker("new", Clerk))
        with pytest.raises(InvalidState, match="new is running"):
            await sub.restart_child("new")
        await sub.terminate_child("new")
        assert handle.state == "stopped"
        with pytest.raises(AlreadyPresent):
            await sub.start_child(Worker("new", Clerk))
        with pytest.raises(InvalidState, match="/sub/new is stopped"):
            _ = handle.ref
        assert await sub.restart_child("new") is not None
        assert [row.name for row in await sub.which_children()] == ["new", "b", "a"]
        assert (await sub.count_children()).active == 3
        assert await sub.get_child_spec("a") is tree["sub/a"].spec
        await tree["sub/new"].stop()
        await sub.delete_child("new")
        with pytest.raises(ProcessNotFound, match="there are /sub/a, /sub/b"):
            _ = tree["sub/new"].state
        with pytest.raises(ProcessNotFound):
            await sub.get_child_spec("new")
        with pytest.raises(StartFailed, match="no_such_program"):
            await sub.start_child(App("bad", ["no_such_program"]))
        lasting = Worker("x", Clerk, isolation="process", on_daemon_loss="survive")
        with pytest.raises(StartFailed, match="wanted 'restart' below a supervisor with"):
            await sub.start_child(lasting)
        before = tree["sub/a"].pid
        await tree["sub/a"].restart()
        assert tree["sub/a"].pid not in (0, before)


async def test_apps_below_are_paused_and_counted_anew(open_root: Open) -> None:
    async with open_root(isolated(sleeper("a"))) as tree:
        app = tree["sub/a"]
        with tree.subscribe() as subscription:
            os.kill(app.pid, signal.SIGKILL)
            await until(subscription, ev.ChildStarted, "/sub/a")
            assert app.restarts == 1
            app.reset()
            app.pause()
            await until(subscription, ev.ChildPaused, "/sub/a")
            assert (app.state, app.restarts) == ("paused", 0)
            with pytest.raises(InvalidState, match="an app that runs"):
                app.pause()
            app.resume()
            await until(subscription, ev.ChildResumed, "/sub/a")
            assert app.state == "running"
            with pytest.raises(InvalidState, match="an app that is paused"):
                app.resume()
        with pytest.raises(Unsupported, match="no app"):
            tree["sub"].pause()


async def test_a_temporary_child_that_has_ended_can_be_started_again(open_root: Open) -> None:
    once = Worker("once", subtree.finish, restart="temporary")
    async with open_root(isolated(once, sleeper("a"))) as tree, trio.open_nursery() as nursery:
        with tree.subscribe() as subscription:
            if tree["sub/once"].state != "exited":
                await until(subscription, ev.ChildExited, "/sub/once")
            assert tree["sub/once"].state == "exited"
            nursery.start_soon(tree["sub/once"].start)
            await until(subscription, ev.ChildExited, "/sub/once")


async def test_every_kind_of_supervisor_can_be_below(open_root: Open) -> None:
    children = (
        DynamicSupervisor("rooms", Worker("room", Clerk)),
        PartitionSupervisor("shards", Worker("shard", Clerk), partitions=3),
        Pool("pool", subtree.double, size=2),
        Pool("desks", Clerk, size=2, isolation="task"),
        Supervisor("made", subtree.made),
    )
    async with open_root(isolated(*children)) as tree:
        rooms = tree.supervisor("sub/rooms")
        for number in (1, 2):
            handle = await rooms.start_instance(3)
            assert handle is not None
            assert handle.address == f"/sub/rooms/{number}"
        assert await tree["sub/rooms/2"].ref.add(1) == 4
        await rooms.terminate_child("2")
        assert [row.name for row in await rooms.which_children()] == ["1"]
        assert tree.supervisor("sub/shards").route("key").state == "running"
        assert await tree.pool("sub/pool").map(subtree.double, range(100)) == [*range(0, 200, 2)]
        assert await tree.pool("sub/desks").call("add", 3) == 3
        assert await tree["sub/made/made"].ref.add(2) == 42
        assert tree["sub/made/too"].state == "running"


async def test_a_supervisor_of_one_kind_can_have_the_process_itself(open_root: Open) -> None:
    options: dict[str, Any] = {"isolation": "process"}
    rooms = DynamicSupervisor("rooms", Worker("room", Clerk), hung_after=None, **options)
    made = Supervisor("made", subtree.made, **options)
    ignored = Supervisor("ignored", subtree.not_needed, **options)
    async with open_root(rooms, made, ignored) as tree:
        assert (await tree.supervisor("rooms").start_instance(1)) is not None
        assert await tree["rooms/1"].ref.pid() == tree["rooms"].pid
        assert await tree["made/made"].ref.add(2) == 42
        assert tree["ignored"].state == "stopped"


async def test_one_isolated_subtree_in_another(open_root: Open) -> None:
    inner = Supervisor(
        "inner",
        [Worker("w", Clerk), Worker("p", Clerk, isolation="process"), sleeper("s")],
        isolation="process",
        backoff=NO_BACKOFF,
    )
    async with open_root(isolated(inner, Worker("w", Clerk))) as tree:
        refs = [tree[it].ref for it in ("sub/w", "sub/inner/w", "sub/inner/p")]
        pids = [await ref.pid() for ref in refs]
        assert pids[:2] == [tree["sub"].pid, tree["sub/inner"].pid]
        assert len({os.getpid(), *pids}) == 4
        assert await refs[0].add_to(refs[2], 7) == 7
        app = psutil.Process(tree["sub/inner/s"].pid)
        with tree.subscribe() as subscription:
            tree["sub"].signal(signal.SIGKILL)
            await until(subscription, ev.ChildStarted, "/sub")
        assert not app.is_running()
        assert all(not psutil.pid_exists(pid) for pid in pids)
        assert await tree["sub/inner/p"].ref.add(1) == 1


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
async def test_output_is_kept_where_the_tree_is(
    open_root: Open, tmp_path: Path, start_method: str
) -> None:
    seen: list[tuple[str, bytes]] = []
    said = App("said", ["sh", "-c", "echo $PPID; echo err >&2"], restart="temporary")
    own = Worker("own", Clerk, isolation="process")
    async with open_root(
        isolated(said, own),
        tap=lambda address, name, data: seen.append((address, data)),
        start_method=start_method,
    ) as tree:
        await tree["sub"].stop()
    assert (tmp_path / "logs" / "sub" / "said.err.log").read_bytes() == b"err\n"
    assert ("/sub/said", b"err\n") in seen
    assert (tmp_path / "logs" / "sub" / "said.out.log").stat().st_size > 0


async def test_a_rehearsed_script_with_a_subtree_runs(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(SCRIPT)
    done = await trio.run_process([sys.executable, str(script)], capture_stdout=True)
    assert done.stdout == b"3 True\n"


SCRIPT = """
import trio
from supctl import Actor, Supervisor, Worker, open_tree

class Counter(Actor):
    async def add(self, n):
        return n + 1

    async def is_of(self, pid):
        import os
        return os.getpid() == pid

def children():
    return [Worker("c", Counter)]

async def main():
    sub = Supervisor("sub", children, isolation="process")
    async with open_tree(Supervisor("r", [sub]), log_directory="logs") as tree:
        ref = tree["sub/c"].ref
        print(await ref.add(2), await ref.is_of(tree["sub"].pid))

if __name__ == "__main__":
    import os
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    trio.run(main)
"""


# Its end.


async def test_a_killed_process_takes_all_with_it_before_it_is_replaced(open_root: Open) -> None:
    deaf = App("deaf", [sys.executable, str(PROGRAMS / "ignore_term.py")], stop=Stop(grace=0.3))
    own = Worker("own", Clerk, isolation="process")
    async with open_root(isolated(sleeper("a"), deaf, Worker("w", Clerk), own)) as tree:
        old = [psutil.Process(row.pid) for row in tree.status() if row.pid]
        ref = tree["sub/w"].ref
        with tree.subscribe() as subscription:
            tree["sub"].signal(signal.SIGKILL)
            lost = await until(subscription, ev.ChildExited, "/sub/own")
            gone = await until(subscription, ev.ChildExited, "/sub")
            assert not any(it.is_running() for it in old)
            assert (lost.reason.kind, gone.reason.kind) == (ExitKind.LOST, ExitKind.CRASHED)
            assert isinstance(tree.chain(lost)[-2], ev.ChildStarted)
            await until(subscription, ev.ChildStarted, "/sub")
        with pytest.raises(ActorDied, match="killed by SIGKILL"):
            await ref.add(1)
        assert [row.state for row in tree.status()] == ["running"] * 5
        assert await tree["sub/w"].ref.add(1) == 1


def _name(process: psutil.Process) -> str:
    """Return the name of a process that may have ended."""
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


async def test_killed_again_and_again_it_leaves_nothing(open_root: Open) -> None:
    inner = Supervisor("inner", [Worker("w", Clerk), sleeper("s")], isolation="process")
    own = Worker("p", Clerk, isolation="process")
    lives: Counter[str] = Counter()

    def hear(event: ev.Event) -> None:
        lives[event.address] += isinstance(event, ev.ChildStarted)
        lives[event.address] -= isinstance(event, ev.ChildExited)

    async with open_root(
        isolated(sleeper("a"), own, inner, start="concurrent"), on_event=hear
    ) as tree:
        for _ in range(10):
            with tree.subscribe() as subscription:
                os.kill(tree["sub"].pid, signal.SIGKILL)
                await until(subscription, ev.ChildStarted, "/sub")
        running = {row.pid for row in tree.status() if row.pid}
        assert await tree["sub/inner/w"].ref.add(1) == 1
        ours = psutil.Process().children(recursive=True)
        sleeps = {it.pid for it in ours if _name(it) == "sleep"}
        assert sleeps <= running
    assert set(lives.values()) == {0}


async def test_a_crowd_is_told_of_in_full(open_root: Open, tmp_path: Path) -> None:
    """Supervision does not wait, and what it tells is neither refused nor lost."""
    lives: Counter[str] = Counter()

    def hear(event: ev.Event) -> None:
        lives[event.address] += isinstance(event, ev.ChildStarted)
        lives[event.address] -= isinstance(event, ev.ChildExited)
        crashed.extend([event] if isinstance(event, ev.SupervisorReport) else [])

    crashed: list[ev.Event] = []
    grace = 60.0  # it is not about how fast they stop
    crowd = [Worker(f"w{it}", subtree.wait_for_ever, grace=grace) for it in range(3000)]
    async with open_root(isolated(*crowd, start="concurrent"), on_event=hear) as tree:
        assert {row.state for row in tree.status()} == {"running"}
        await tree["sub"].stop()
        assert tree["sub"].state == "stopped"
    assert set(lives.values()) == {0}
    assert crashed == []
    assert not (tmp_path / "logs" / "sub.err.log").exists()


async def test_calls_learn_how_the_process_ended(open_root: Open) -> None:
    async with open_root(isolated(Worker("w", Clerk))) as tree:
        with pytest.raises(ActorDied, match=r"(?s)exited with code 7.*the last words of all"):
            await tree["sub/w"].ref.end_process()


async def test_one_that_hangs_is_replaced(open_root: Open) -> None:
    async with open_root(isolated(Worker("w", Clerk), sleeper("a"), hung_after=1.0)) as tree:
        with tree.subscribe() as subscription:
            tree["sub/w"].ref.cast("block")
            gone = await until(subscription, ev.ChildExited, "/sub")
            assert "no sign of life" in str(gone.reason)
            await until(subscription, ev.ChildStarted, "/sub")
        assert tree["sub/a"].state == "running"


async def test_it_gives_up_like_any_other(open_root: Open) -> None:
    async with open_root(isolated(Worker("w", Clerk, backoff=NO_BACKOFF), max_restarts=1)) as tree:
        with tree.subscribe() as subscription:
            tree["sub/w"].ref.cast("crash")
            await until(subscription, ev.ChildStarted, "/sub/w")
            tree["sub/w"].ref.cast("crash")
            gave_up = await until(subscription, ev.SupervisorGaveUp, "/sub")
            gone = await until(subscription, ev.ChildExited, "/sub")
            assert gone.cause == gave_up.seq
            await until(subscription, ev.ChildStarted, "/sub")
        first = next(it for it in tree.chain(gone) if isinstance(it, ev.ChildExited))
        assert "as told" in str(first.reason)


async def test_giving_up_again_and_again_ends_the_tree(tmp_path: Path) -> None:
    failing = Worker("w", subtree.finish, backoff=NO_BACKOFF)
    spec = Supervisor("root", [isolated(failing)])
    with pytest.raises(GaveUp, match="/sub"):
        async with open_tree(spec, log_directory=tmp_path / "logs"):
            await trio.sleep_forever()


async def test_killing_the_tree_kills_what_is_below(open_root: Open) -> None:
    deaf = App("deaf", [sys.executable, str(PROGRAMS / "ignore_term.py")], stop=Stop(grace=60))
    async with open_root(isolated(deaf, Worker("p", Clerk, isolation="process"))) as tree:
        old = [psutil.Process(row.pid) for row in tree.status() if row.pid]
        tree.kill()
        with trio.fail_after(10):
            await tree.ended.wait()
        assert not any(it.is_running() for it in old)


def test_a_killed_program_leaves_nothing(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(TELLING)
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        processes = [psutil.Process(int(word)) for word in program.stdout.readline().split()]
        assert len(processes) == 3
        program.kill()
    _, alive = psutil.wait_procs(processes, timeout=20)
    assert alive == []


TELLING = """
import os, trio
from supctl import App, Supervisor, Worker, open_tree

async def stay():
    await trio.sleep_forever()

async def main():
    inside = [App("a", ["sleep", "1000"]), Worker("w", stay, isolation="process")]
    sub = Supervisor("sub", inside, isolation="process")
    async with open_tree(Supervisor("r", [sub]), log_directory="logs") as tree:
        print(*(row.pid for row in tree.status() if row.pid), flush=True)
        await trio.sleep_forever()

if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    trio.run(main)
"""


# What does not work.


class Local(Actor):
    """At the top of a module: it can be found."""


def test_code_without_a_place_is_refused() -> None:
    class Inside(Actor):
        pass

    def made() -> list[ChildSpec]:
        return []

    for child in (
        Worker("w", Inside),
        Supervisor("deep", [Worker("w", Inside)]),
        DynamicSupervisor("d", Worker("w", Inside)),
        Supervisor("made", made),
    ):
        with pytest.raises(InvalidConfig, match="has no place"):
            isolated(child)
    with pytest.raises(InvalidConfig, match="has no place"):
        DynamicSupervisor("d", Worker("w", Inside), isolation="process")
    isolated(Worker("w", Local))


@pytest.mark.parametrize("fields", [{"isolation": "thread"}, {"hung_after": 0.0}])
def test_bad_values_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfig, match=next(iter(fields))):
        Supervisor("s", **fields)


async def test_a_root_has_no_process_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="'task' for the root"):
        async with open_tree(Supervisor("r", isolation="process"), log_directory=tmp_path):
            pass


@pytest.mark.parametrize(
    ("child", "why"),
    [
        (Worker("w", Clerk, object()), r"args\[2\]\.children\[0\]\.args\[0\], of type object"),
        (Worker("w", "no_such_module:Thing"), "no_such_module"),
        (App("a", ["no_such_program"]), "no_such_program"),
        (Supervisor("made", subtree.not_possible), "no children today"),
    ],
)
async def test_a_start_that_fails_says_why(open_root: Open, child: ChildSpec, why: str) -> None:
    with pytest.raises(StartFailed, match=why):
        async with open_root(isolated(child)):
            pass


# What operators rely on.


async def test_an_essential_app_ends_the_tree_from_another_process(tmp_path: Path) -> None:
    job = App("job", ["sh", "-c", "exit 7"], restart="temporary", essential=True)
    spec = Supervisor("root", [isolated(Supervisor("deep", [job])), sleeper("other")])
    with pytest.raises(TreeEnded, match="job, which is essential: crashed") as caught:
        async with open_tree(spec, log_directory=tmp_path / "logs") as tree:
            await tree.wait()
    assert caught.value.exit_code == 7


async def test_restarts_that_overlap_are_one_and_a_delete_is_seen(tmp_path: Path) -> None:
    soon = Backoff(initial=1000, maximum=1000)
    failing = App("waits", ["sleep", "1000"], backoff=soon)
    spec = Supervisor("root", [isolated(sleeper("a"), failing, stop=Stop(grace=3))])
    async with open_tree(spec, log_directory=tmp_path / "logs") as tree:
        before = tree["sub/a"].pid
        with tree.subscribe() as subscription:
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(tree["sub/a"].restart)
            await tree["sub/a"].stop()
            kinds: list[str] = []
            while kinds.count("child_exited") < 2:
                event = await anext(aiter(subscription))
                kinds += [event.kind] if event.address == "/sub/a" else []
        assert kinds.count("child_started") == 1
        assert tree["sub/a"].pid != before
        spec_there = tree["sub/a"].spec
        assert isinstance(spec_there, App)
        assert spec_there.stop.grace == 3
        with tree.subscribe() as subscription:
            tree["sub/waits"].signal(signal.SIGKILL)
            await until(subscription, ev.RestartScheduled, "/sub/waits")
        assert tree["sub/waits"].state == "backoff"
        await tree["sub/waits"].stop()
        assert tree["sub/waits"].state == "stopped"
        await tree["sub/waits"].delete()
        assert [row.address for row in tree.status()] == ["/sub", "/sub/a"]


async def test_failed_starts_are_borne_in_another_process(tmp_path: Path) -> None:
    soon = Backoff(initial=1000, maximum=1000)
    missing = App("missing", ["no-such-program-here"], backoff=soon)
    needy = sleeper("needy", depends_on=["missing"])
    sub = isolated(missing, needy, sleeper("a"), start_failures="retry")
    async with open_tree(Supervisor("root", [sub]), log_directory=tmp_path / "logs") as tree:
        assert [row.state for row in tree.status()] == ["running", "backoff", "waiting", "running"]
