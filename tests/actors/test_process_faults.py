"""What may go wrong with an actor in a process of its own: a clear error, and nobody waits."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

import supctl
from supctl import Tree
from supctl import events as ev
from supctl.errors import (
    ActorDied,
    ActorGone,
    CannotEncode,
    InvalidConfig,
    RemoteError,
    StartFailed,
    SupctlError,
)
from tests.actors.elsewhere import (
    Counter,
    Deaf,
    Ponderer,
    Slow,
    Stillborn,
    Villain,
    apart,
    appears,
)

Open = Callable[..., AbstractAsyncContextManager[Tree]]


async def until(tree: Tree, kind: type[ev.Event], address: str, times: int = 1) -> ev.Event:
    """Return the event of that kind about an address that has come, or comes, so many times."""

    def is_it(event: ev.Event) -> bool:
        nonlocal times
        times -= isinstance(event, kind) and event.address == address
        return times == 0

    with tree.subscribe() as subscription:
        for event in tree.latest_events:
            if is_it(event):
                return event
        async for event in subscription:
            if is_it(event):
                return event
    raise AssertionError(f"the tree ended without {kind.__name__} of {address}")


# The process ends.


async def test_a_death_fails_the_call_with_status_and_last_words(open_workers: Open) -> None:
    async with open_workers(apart("a", Villain)) as tree:
        with pytest.raises(ActorDied) as caught:
            await tree["a"].ref.die()
        told = str(caught.value)
        assert told.startswith("/a died: crashed (killed by SIGKILL); its last words:\n")
        assert told.endswith("these are\nmy last words")


@asynccontextmanager
async def eight_steps_at_once(
    ref: Any, gate: Path
) -> AsyncIterator[tuple[trio.Nursery, list[int]]]:
    """Have it find eight steps together, and what the block asks for in the nursery behind them.

    The list is filled with their answers.
    """
    answers: list[int] = []

    async def step() -> None:
        answers.append(await ref.step())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ref.ponder, str(gate))
        await wait_all_tasks_blocked(0.05)
        for _ in range(8):
            nursery.start_soon(step)
        await wait_all_tasks_blocked()
        yield nursery, answers


async def test_what_was_done_before_a_death_is_answered(open_workers: Open, tmp_path: Path) -> None:
    async def fall() -> None:
        with pytest.raises(ActorDied):
            await ref.fall()

    async with open_workers(apart("a", Ponderer)) as tree:
        ref, gate = tree["a"].ref, tmp_path / "gate"
        async with eight_steps_at_once(ref, gate) as (nursery, answers):
            nursery.start_soon(fall)
            await wait_all_tasks_blocked()
            gate.touch()
        assert sorted(answers) == [*range(1, 9)]


async def test_an_answer_does_not_wait_for_what_comes_behind(
    open_workers: Open, tmp_path: Path
) -> None:
    async with open_workers(apart("a", Ponderer)) as tree:
        ref, gate, end = tree["a"].ref, tmp_path / "gate", tmp_path / "end"
        async with eight_steps_at_once(ref, gate) as (nursery, answers):
            nursery.start_soon(ref.ponder, str(end))  # that was long the last time
            await wait_all_tasks_blocked()
            gate.touch()
            with trio.fail_after(10):
                while len(answers) < 8:  # noqa: ASYNC110 -- nothing announces it
                    await trio.sleep(0.001)
            end.touch()


async def test_a_death_fails_every_call_and_the_replacement_answers(
    open_workers: Open, tmp_path: Path
) -> None:
    """Half of the calls are answered, then one takes for ever, and the others wait behind it."""
    backoff = supctl.Backoff(initial=0)
    async with open_workers(apart("a", Counter, backoff=backoff)) as tree:
        counter, sums, deaths = tree["a"].ref, [], []

        async def ask(method: str, *args: object) -> None:
            try:
                sums.append(await counter.call(method, *args))
            except ActorDied as died:
                deaths.append(died)

        async with trio.open_nursery() as nursery:
            for _ in range(500):
                nursery.start_soon(ask, "add", 1)
            while len(sums) < 500:
                await trio.lowlevel.checkpoint()
            nursery.start_soon(ask, "sleep", str(tmp_path / "began"), str(tmp_path / "ended"))
            await appears(tmp_path / "began")
            for _ in range(500):
                nursery.start_soon(ask, "add", 1)
            await trio.lowlevel.checkpoint()
            tree["a"].signal(9)
        assert (sorted(sums), len(deaths)) == (list(range(1, 501)), 501)
        with pytest.raises(ActorGone):
            await counter.add(1)
        await until(tree, ev.ChildStarted, "/a", times=2)
        assert await tree["a"].ref.add(1) == 1


async def test_sys_exit_is_a_crash(open_workers: Open) -> None:
    async with open_workers(apart("a", Villain)) as tree:
        with pytest.raises(ActorGone):
            await tree["a"].ref.quit()
        exited = await until(tree, ev.ChildExited, "/a")
        assert str(exited.reason) == "crashed (SystemExit: 3)"  # type: ignore[attr-defined]


async def test_an_end_without_a_word_is_a_crash(open_workers: Open) -> None:
    async with open_workers(apart("a", Villain)) as tree:
        with pytest.raises(ActorDied, match="exited with code 0, without a word"):
            await tree["a"].ref.vanish()


@pytest.mark.parametrize("method", ["close_everything", "scribble"])
async def test_who_breaks_its_own_line_is_replaced(open_workers: Open, method: str) -> None:
    async with open_workers(apart("a", Villain)) as tree:
        with pytest.raises(ActorGone):
            await tree["a"].ref.call(method)
        exited = await until(tree, ev.ChildExited, "/a")
        assert not exited.reason.is_normal  # type: ignore[attr-defined]


async def test_a_process_killed_in_the_middle_of_a_frame(open_workers: Open) -> None:
    async with open_workers(apart("a", Counter)) as tree:
        counter = tree["a"].ref
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                with pytest.raises(ActorDied):
                    await counter.huge(60_000_000)

            nursery.start_soon(ask)
            process = psutil.Process(tree["a"].pid)
            while process.memory_info().rss < 60_000_000:  # noqa: ASYNC110 -- nothing announces it
                await trio.sleep(0.001)
            tree["a"].signal(9)


async def test_what_it_has_started_ends_with_it(open_workers: Open) -> None:
    async with open_workers(apart("a", Villain)) as tree:
        stray = psutil.Process(await tree["a"].ref.fork_and_leave())
        await tree["a"].stop()
    assert psutil.wait_procs([stray], timeout=5) == ([stray], [])


async def test_who_does_not_stop_is_killed(open_workers: Open) -> None:
    async with open_workers(apart("a", Deaf, grace=0.2)) as tree:
        assert await tree["a"].ref.hello() == "hello"
        await tree["a"].stop()
        assert tree["a"].reason is not None
        assert tree["a"].reason.kind == "killed"
        assert any(isinstance(event, ev.ChildKilled) for event in tree.latest_events)


async def test_who_blocks_its_loop_can_be_stopped(open_workers: Open) -> None:
    async with open_workers(apart("a", Villain, grace=0.2)) as tree:
        tree["a"].ref.cast("hold", 1000)
        await tree["a"].stop()
        assert tree["a"].status.state == "stopped"


# What cannot be asked or answered.


async def test_what_cannot_be_sent_is_said_at_once(open_workers: Open) -> None:
    async with open_workers(apart("a", Counter)) as tree:
        counter = tree["a"].ref
        with pytest.raises(CannotEncode, match=r"args\[0\]\[1\] is a builtins?\.?object|object"):
            await counter.echo([1, object()])
        with pytest.raises(CannotEncode, match="object"):
            await counter.unsendable()
        assert await counter.add(1) == 1


async def test_a_result_that_is_too_large_is_said_to_the_caller(open_workers: Open) -> None:
    async with open_workers(apart("a", Counter)) as tree:
        counter = tree["a"].ref
        with pytest.raises(SupctlError, match=r"67,108,864|64 MiB|67108864"):
            await counter.huge(70_000_000)
        assert await counter.add(1) == 1


async def test_methods_that_are_not_for_others(open_workers: Open) -> None:
    async with open_workers(apart("a", Counter)) as tree:
        counter = tree["a"].ref
        for name in ("nothing", "_private", "init", "finish", "total"):
            with pytest.raises(AttributeError):
                await counter.call(name)
        # Where the class is not known, the far end refuses.
        with pytest.raises(AttributeError):
            await (await counter.me())._target.call("init", (), {}, 5.0)
        assert await counter.add(1) == 1


async def test_an_error_that_nobody_knows_here(open_workers: Open) -> None:
    async with open_workers(apart("a", Counter)) as tree:
        with pytest.raises(RemoteError, match="nobody knows me") as caught:
            await tree["a"].ref.fail_strangely()
        assert caught.value.type_name.endswith("Strange")
        assert "raise Strange" in "".join(caught.value.__notes__)


async def test_a_class_that_cannot_be_imported(open_workers: Open) -> None:
    with pytest.raises(StartFailed, match=r"/a did not start: .*no_such_module"):
        async with open_workers(apart("a", "no_such_module:Counter")):
            pass


async def test_arguments_that_cannot_be_sent(open_workers: Open) -> None:
    with pytest.raises(StartFailed, match="cannot be sent"):
        async with open_workers(apart("a", Counter, lambda: 1)):
            pass


async def test_a_module_to_preload_that_fails(open_workers: Open) -> None:
    with pytest.raises(StartFailed, match="no_such_module"):
        async with open_workers(apart("a", Counter), preload=["no_such_module"]):
            pass


async def test_a_process_that_dies_before_it_is_up_is_told_with_its_words(
    open_workers: Open,
) -> None:
    told = r"exited with code 4\); its last words:\nnot my day"
    with pytest.raises(StartFailed, match=told):
        async with open_workers(apart("a", Stillborn)):
            pass


async def test_a_stop_right_behind_the_start_is_obeyed(open_workers: Open) -> None:
    async with open_workers(apart("a", Slow, grace=30.0), wait_up=False) as tree:
        while tree["a"].status.state != "starting":
            await trio.lowlevel.checkpoint()
        tree.stop()
        await tree.wait()
    assert not any(isinstance(event, ev.ChildKilled) for event in tree.latest_events)


async def test_an_end_can_be_asked_for_when_all_is_over(open_workers: Open) -> None:
    async with open_workers(apart("a", Counter)) as tree:
        ref = tree["a"].ref
    assert str(await ref.wait()) == "shutdown"
    with pytest.raises(ActorGone, match="shutdown"):
        await ref.add(1)


@pytest.mark.parametrize(
    "options", [{"start_method": "frok"}, {"preload": "numpy"}], ids=lambda it: next(iter(it))
)
async def test_options_that_cannot_be(open_workers: Open, options: dict[str, str]) -> None:
    with pytest.raises(InvalidConfig, match=next(iter(options))):
        async with open_workers(apart("a", Counter), **options):
            pass


# Scripts.

GUARDED = """
import tempfile
import trio
import supctl

class Hello(supctl.Actor):
    async def hello(self):
        return "hello from " + __name__

async def main():
    worker = supctl.Worker("a", Hello, isolation="process")
    spec = supctl.Supervisor("r", [worker])
    async with supctl.open_tree(spec, log_directory=tempfile.mkdtemp()) as tree:
        print(await tree["a"].ref.hello())

{guard}trio.run(main)
"""


def run_script(folder: Path, guard: str) -> subprocess.CompletedProcess[str]:
    script = folder / "script.py"
    script.write_text(GUARDED.format(guard=guard))
    env = {**os.environ, "TMPDIR": str(folder)}
    return subprocess.run(
        [sys.executable, script], env=env, capture_output=True, text=True, timeout=30
    )


def test_actors_of_a_script(tmp_path: Path) -> None:
    done = run_script(tmp_path, 'if __name__ == "__main__":\n    ')
    assert (done.stdout, done.returncode) == ("hello from __mp_main__\n", 0), done.stderr


def test_a_script_without_a_guard_is_told_so(tmp_path: Path) -> None:
    done = run_script(tmp_path, "")
    assert done.returncode == 1
    assert 'if __name__ == "__main__"' in done.stderr


def test_nobody_survives_us(tmp_path: Path) -> None:
    """A parent that is killed takes its actors with it, whatever they do."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os, tempfile, trio, supctl\n"
        "from tests.actors.elsewhere import apart, Counter, Villain\n"
        "async def main():\n"
        "    workers = [supctl.Worker(n, k, isolation='process')\n"
        "               for n, k in (('a', Counter), ('b', Villain))]\n"
        "    spec = supctl.Supervisor('r', workers)\n"
        "    async with supctl.open_tree(spec, log_directory=tempfile.mkdtemp()) as tree:\n"
        "        tree['b'].ref.cast('hold', 1000)\n"
        "        print(tree['a'].pid, tree['b'].pid, flush=True)\n"
        "        await trio.sleep_forever()\n"
        "trio.run(main)\n"
    )
    root = Path(__file__).parents[2]
    env = {**os.environ, "PYTHONPATH": f"{root}:{root / 'src'}", "TMPDIR": str(tmp_path)}
    parent = subprocess.Popen([sys.executable, script], env=env, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        actors = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
    assert len(actors) == 2
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(actors, timeout=5)
    assert not alive
