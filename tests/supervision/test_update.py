"""A tree that runs becomes what another spec says."""

from __future__ import annotations

from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import TYPE_CHECKING, Any

import pytest
import trio
from trio.testing import MockClock

from supctl import (
    App,
    Backoff,
    Delay,
    Health,
    Http,
    Limits,
    Stop,
    Supervisor,
    Tcp,
    Watchdog,
    open_tree,
)
from supctl.backends.simulated import Program, SimulatedBackend
from supctl.errors import InvalidConfig
from supctl.events import ChildExited, ChildStarted
from supctl.exits import ExitKind
from supctl.supervision.comparison import foresee
from supctl.supervision.tree import Tree

if TYPE_CHECKING:
    from tests.supervision.conftest import OpenSimulated


def app(name: str, *, command: str = "forever", **keys: Any) -> App:
    return App(name, [command], env={}, **keys)


def root(*children: App | Supervisor, **keys: Any) -> Supervisor:
    return Supervisor("r", children, **keys)


def pids(tree: Tree) -> dict[str, int]:
    return {row.address: row.pid for row in tree.status() if row.kind == "app"}


async def updated(tree: Tree, spec: Supervisor) -> dict[str, str]:
    changes = await tree.update(spec)
    assert [change.error for change in changes if change.error] == []
    return {change.address: change.did for change in changes}


async def test_only_what_has_changed_is_touched(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    before = root(app("a"), app("b"), app("c"), Supervisor("s", [app("d"), app("e")]))
    after = root(
        app("a"), app("b", command="other"), Supervisor("s", [app("f"), app("d")]), app("g")
    )
    async with open_simulated(before, {"other": Program()}) as tree:
        first = pids(tree)
        assert await updated(tree, after) == {
            "/b": "restarted", "/c": "removed", "/s/e": "removed", "/s/f": "added", "/g": "added"
        }  # fmt: skip
        then = pids(tree)
        assert list(then) == ["/a", "/b", "/s/f", "/s/d", "/g"]
        assert {it for it in first if first[it] == then.get(it)} == {"/a", "/s/d"}
        assert await updated(tree, after) == {}


async def test_what_is_foreseen_is_what_is_done_and_for_the_same_reasons(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    before = Supervisor(
        "s",
        [
            app("a"),
            app("b"),
            app("c"),
            app("d", instances=2),
            app("f"),
            Supervisor("g", [app("h")]),
        ],
    )
    after = Supervisor(
        "s",
        [
            app("b", command="other", restart="transient"),
            app("c", stop=Stop(grace=3)),
            app("d", instances=3),
            app("e"),
            Supervisor("f", [app("i")]),
            Supervisor("g", [app("h", min_uptime=2)], strategy="one_for_all"),
        ],
        backoff=Backoff(initial=7),
    )
    async with open_simulated(root(before), {"other": Program()}) as tree:
        await tree["s/b"].stop()
        foreseen = [it for it in foresee(tree, "/s", after) if it.verdict.will]
        done = {it.address: it for it in await tree.update(after, "/s")}
        assert {it.address: it.verdict.will for it in foreseen} == {
            address: it.did for address, it in done.items()
        }
        for it in foreseen:
            change = done[it.address]
            assert (it.verdict.keys, it.verdict.because) == (change.keys, change.because)
        assert {it.address: (it.verdict.will, it.verdict.keys) for it in foreseen} == {
            "/s": ("changed", ("backoff.initial",)),
            "/s/a": ("removed", ()),
            "/s/b": ("changed", ("command", "restart")),
            "/s/c": ("changed", ("stop.grace",)),
            "/s/d:1": ("changed", ("instances",)),
            "/s/d:2": ("changed", ("instances",)),
            "/s/d:3": ("added", ()),
            "/s/e": ("added", ()),
            "/s/f": ("restarted", ("kind",)),
            "/s/g": ("changed", ("strategy",)),
            "/s/g/h": ("changed", ("min_uptime",)),
        }
        assert all(not it.verdict.will for it in foresee(tree, "/s", after))


async def test_what_is_restarted_later_is_what_it_was_made_last(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    async with open_simulated(root(Supervisor("s", [app("a")])), {}) as tree:
        await updated(tree, root(Supervisor("s", [app("a"), app("b")])))
        await tree["s"].restart()
        assert list(pids(tree)) == ["/s/a", "/s/b"]


async def test_another_policy_ends_nobody_and_holds_from_the_next_end(
    autojump_clock: MockClock, open_simulated: OpenSimulated, read_until: Any
) -> None:
    brief = {"brief": Program(lifetime=5.0, code=1)}
    before = root(app("a", command="brief", restart="temporary"), app("b"))
    after = root(
        app("a", command="brief", backoff=Backoff(initial=1.0)), app("b"),
        max_restarts=None, strategy="rest_for_one",
    )  # fmt: skip
    async with open_simulated(before, brief) as tree:
        first = pids(tree)
        assert await updated(tree, after) == {"/a": "changed"}
        assert pids(tree) == first
        with tree.subscribe() as subscription:
            started = await read_until(subscription, ChildStarted, 2)
        assert started[-1].address == "/b"  # it follows its elder, by the new strategy
        assert tree["a"].restarts == 1


async def test_what_was_stopped_stays_stopped_and_starts_as_what_it_is_now(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    async with open_simulated(root(app("a"), Supervisor("s", [app("b")])), {}) as tree:
        await tree["a"].stop()
        await tree["s"].stop()
        after = root(app("a", command="never"), Supervisor("s", [app("b"), app("c")]))
        assert (await updated(tree, after))["/a"] == "changed"
        assert tree["a"].state == tree["s"].state == "stopped"
        await tree["s"].start()
        assert list(pids(tree)) == ["/a", "/s/b", "/s/c"]


async def test_instances_come_and_go(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    async with open_simulated(root(app("a", instances=2), app("b", depends_on=["a"])), {}) as tree:
        first = pids(tree)
        more = root(app("a", instances=4), app("b", depends_on=["a"]))
        assert await updated(tree, more) == {
            "/a:1": "changed", "/a:2": "changed", "/a:3": "added", "/a:4": "added"
        }  # fmt: skip
        assert list(pids(tree)) == ["/a:1", "/a:2", "/a:3", "/a:4", "/b"]
        assert {**pids(tree), **first} == pids(tree)
        assert set((await updated(tree, root(app("a", instances=2), app("b")))).values()) == {
            "removed", "changed"
        }  # fmt: skip
        assert pids(tree) == first


async def test_one_that_does_not_start_harms_no_other(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    async with open_simulated(root(app("a")), {}) as tree:
        changes = await tree.update(root(app("a"), app("b", command="not there"), app("c")))
        told = {change.address: change for change in changes}
        assert told["/b"].did == ""
        assert "not there" in str(told["/b"].error)
        assert told["/c"].did == "added"
        assert tree["b"].state == "exited"


async def test_who_is_parked_is_not_started(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    kept = {"restart": "unless-stopped"}
    async with open_simulated(root(app("a")), {}, parked={"/b", "/c"}) as tree:
        await updated(tree, root(app("a"), app("b", **kept), app("c")))
        assert tree["b"].state == "stopped"
        assert tree["c"].state == "running"


async def test_the_root_stays_what_it_is(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    async with open_simulated(root(app("a")), {}) as tree:
        with pytest.raises(InvalidConfig, match="a root of the same kind"):
            await tree.update(Supervisor("other", [app("a")]))


async def test_a_subtree_in_a_process_of_its_own_is_updated_too(tmp_path: Any) -> None:
    from supctl import open_tree

    def spec(*names: str) -> Supervisor:
        apps = [App(name, ["sleep", "1000"]) for name in names]
        return root(Supervisor("s", apps, isolation="process"))

    async with open_tree(spec("a", "b"), log_directory=tmp_path) as tree:
        first = pids(tree)
        assert await updated(tree, spec("b", "c")) == {"/s/a": "removed", "/s/c": "added"}
        then = pids(tree)
        assert list(then) == ["/s/b", "/s/c"]
        assert then["/s/b"] == first["/s/b"]
        await tree["s"].restart()
        assert list(pids(tree)) == ["/s/b", "/s/c"]


async def test_one_supervisor_is_updated_and_stays_so_when_those_above_are_restarted(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    inner = Supervisor("in", [app("a")])
    async with open_simulated(root(app("x"), Supervisor("out", [inner, app("y")])), {}) as tree:
        first = pids(tree)
        await tree.supervisor("out").start_child(app("z"))
        changes = await tree.update(Supervisor("in", [app("a"), app("b")]), "out/in")
        assert [(change.address, change.did) for change in changes] == [("/out/in/b", "added")]
        assert first.items() <= pids(tree).items()
        assert list(pids(tree)) == ["/x", "/out/in/a", "/out/in/b", "/out/y", "/out/z"]
        await tree["out"].restart()
        assert list(pids(tree)) == ["/x", "/out/in/a", "/out/in/b", "/out/y", "/out/z"]
        with pytest.raises(InvalidConfig, match="a supervisor called in"):
            await tree.update(Supervisor("other", []), "out/in")


async def test_limits_and_stop_are_changed_while_it_runs(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    backend = SimulatedBackend({"forever": Program(deaf_to=frozenset({SIGTERM}))})
    limited, freed = Limits(memory=2**20), Limits(memory=2**30, pids=7)
    before = root(app("a", limits=limited), app("b"), app("c", limits=limited))
    async with open_tree(before, backend=backend, log_directory=tmp_path) as tree:
        first = pids(tree)
        (process,) = (it for it in backend.processes if it.pid == first["/a"])
        after = root(
            app("a", limits=freed, stop=Stop(SIGINT, grace=60)),
            app("b", limits=limited),
            app("c"),
        )
        changes = {it.address: it for it in await tree.update(after)}
        assert {it: changes[it].did for it in changes} == {
            "/a": "changed", "/b": "restarted", "/c": "changed"
        }  # fmt: skip
        assert changes["/b"].because == ("limits.memory",)
        assert {it for it in first if first[it] == pids(tree)[it]} == {"/a", "/c"}
        assert (process.spec.memory, process.spec.pids, process.spec.grace) == (2**30, 7, 60)
        await tree["a"].stop()
        assert process.signals[0] == SIGINT
        assert tree["a"].reason is not None
        assert tree["a"].reason.kind is ExitKind.SHUTDOWN


async def test_what_is_not_ready_yet_is_restarted_for_another_way_to_be(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    programs = {"late": Program(ready_after=1000), "soon": Program(ready_after=1)}
    late, soon = (app(it, command=it, ready=Tcp(1)) for it in programs)
    retry = {"start_failures": "retry", "start": "concurrent"}
    tree_spec = root(late, soon, **retry)
    async with open_simulated(tree_spec, programs, wait_up=False) as tree:
        await trio.sleep(5)
        assert [row.state for row in tree.status()] == ["starting", "ready"]
        other = [app(it, command=it, ready=Delay(2)) for it in programs]
        assert await updated(tree, root(*other, **retry)) == {
            "/late": "restarted",
            "/soon": "changed",
        }


async def test_another_health_check_is_asked_from_now_on_and_nothing_is_restarted(
    autojump_clock: MockClock, open_simulated: OpenSimulated
) -> None:
    rarely, often = Health(Tcp(1), interval=3600), Health(Http(2), interval=10, timeout=2)
    programs = {"a": [Program(hangs_after=25.0), Program()]}
    async with open_simulated(
        root(app("a", command="a", health=rarely, stop=Stop(grace=0))), programs
    ) as tree:
        first, began_at = pids(tree), trio.current_time()
        await trio.sleep(30)
        after = root(app("a", command="a", health=often, stop=Stop(grace=0)))
        assert await updated(tree, after) == {"/a": "changed"}
        assert pids(tree) == first
        await trio.sleep(30)
        (end,) = [it for it in tree.latest_events if isinstance(it, ChildExited)]
        assert end.at - began_at == 52.0  # asked at 30, 40 and 50
        assert end.reason.kind is ExitKind.UNHEALTHY
        watched = root(app("a", command="a", health=Watchdog(10), stop=Stop(grace=0)))
        assert await updated(tree, watched) == {"/a": "restarted"}
