"""The simulated world: virtual time, scripts for programs, faults that come again."""

from __future__ import annotations

import errno
import time

import pytest
import trio

from supctl import App, Backoff, Supervisor
from supctl.errors import InvalidConfig, Unsupported
from supctl.testing import (
    Chaos,
    Http,
    Output,
    Program,
    SimulatedWorld,
    Supervised,
    Tcp,
    WaitFailed,
    WaitTimedOut,
    chaos,
)


def app(name: str, **keys: object) -> App:
    return App(name, [name], **{"backoff": Backoff(initial=0), **keys})  # type: ignore[arg-type]


async def test_an_hour_takes_no_time(simulated_world: SimulatedWorld) -> None:
    begun, at = time.monotonic(), trio.current_time()
    daily = {"a": [Program(lifetime=3600, code=3), Program()]}
    tree = await simulated_world(app("a"), programs=daily)
    await tree["a"].wait_restarted(timeout=4000)
    assert trio.current_time() - at == 3600
    assert time.monotonic() - begun < 10
    assert "exited with code 3" in str(tree["a"].reason)


async def test_time_out_is_virtual_too(simulated_world: SimulatedWorld) -> None:
    tree = await simulated_world(app("a"), programs={"a": Program()})
    at = trio.current_time()
    with pytest.raises(WaitTimedOut):
        await tree["a"].wait_restarted(timeout=600)
    assert trio.current_time() - at == 600


async def test_output_comes_at_its_time(simulated_world: SimulatedWorld) -> None:
    lines = ((1.0, b"listening on po"), (2.0, b"rt 80"), (2.01, b"80\n"))
    at = trio.current_time()
    tree = await simulated_world(app("a"), programs={"a": Program(output=lines)})
    await tree["a"].wait_ready(Output("listening"))
    assert trio.current_time() - at == 1.0
    assert (await tree["a"].wait_output(r"port (\d+)"))[1] == b"8080"
    assert trio.current_time() - at == 2.01


async def test_quiet_life_does_not_inherit_output(simulated_world: SimulatedWorld) -> None:
    lives = [Program(lifetime=5, output=((1.0, b"up\n"),)), Program()]
    tree = await simulated_world(app("a"), programs={"a": lives})
    await tree["a"].wait_output("up")
    await tree["a"].wait_restarted()
    with pytest.raises(WaitFailed, match="it has closed its output"):
        await tree["a"].wait_output("up")


async def test_slow_and_failing_starts(simulated_world: SimulatedWorld) -> None:
    lives = [
        Program(lifetime=1, code=1),
        Program(fails_to_start=errno.ENOMEM),
        Program(start_delay=30),
    ]
    tree = await simulated_world(app("a"), programs={"a": lives})
    await tree["a"].wait_state("backoff")
    with pytest.raises(WaitFailed, match="start failed"):
        await tree["a"].wait_restarted()
    at = trio.current_time()
    await tree["a"].wait_state("running", timeout=60)
    assert trio.current_time() - at >= 30


async def test_programs_change_while_the_tree_runs(simulated_world: SimulatedWorld) -> None:
    tree = await simulated_world(app("a", restart="transient"), programs={"a": Program()})
    simulated_world.programs["a"] = Program(lifetime=7, code=0)
    tree["a"].crash()
    await tree["a"].wait_restarted()
    await tree["a"].wait_state("exited", timeout=10)


async def test_scripts_become_ready_and_fall_ill(simulated_world: SimulatedWorld) -> None:
    spec = app("a", ready=Tcp(80), health=Http(80))
    at = trio.current_time()
    tree = await simulated_world(spec, programs={"a": Program(ready_after=5, unhealthy_after=300)})
    assert (trio.current_time() - at, tree["a"].state) == (5.0, "ready")
    await tree["a"].wait_restarted(timeout=1000)
    await tree["a"].wait_ready(timeout=10)
    assert str(tree["a"].reason) == "unhealthy (status 503, 3 times in a row)"


@pytest.mark.parametrize("condition", [Tcp(80), Http(80)])
async def test_there_are_no_ports_in_it(
    simulated_world: SimulatedWorld, condition: Tcp | Http
) -> None:
    tree = await simulated_world(app("a"), programs={"a": Program()})
    with pytest.raises(Unsupported, match=f"{type(condition).__name__} is not for a simulated pr"):
        await tree["a"].wait_ready(condition)


async def test_real_programs_are_refused_by_name(simulated_world: SimulatedWorld) -> None:
    spec = Supervisor("shop", [Supervisor("web", [app("a"), App("api", ["uvicorn"])])])
    with pytest.raises(InvalidConfig) as caught:
        await simulated_world(spec, programs={"a": Program()})
    assert str(caught.value) == (
        "api.command is 'uvicorn'; wanted a program of this world, such as a "
        "(add it to simulated_world.programs; real programs are for supervised)"
    )


async def test_supervised_is_refused_in_virtual_time(
    simulated_world: SimulatedWorld, supervised: Supervised
) -> None:
    with pytest.raises(Unsupported, match="supervised is not for a test in virtual time; give its"):
        await supervised(App("a", ["true"]))


async def test_chaos_of_one_seed_comes_again(simulated_world: SimulatedWorld) -> None:
    async def stormy_minute(seed: int) -> list[str]:
        tree = await simulated_world(app("a"), app("b"), programs={"a": Program(), "b": Program()})
        with chaos(tree, seed=seed, rate=0.5) as harm:
            await trio.sleep(60)
        return harm.done

    first = await stormy_minute(7)
    assert await stormy_minute(7) == first
    assert await stormy_minute(8) != first
    assert 10 < len(first) < 60
    assert {line.split()[3] for line in first} == {"crash", "kill", "hang"}
    assert {line.split()[4].rstrip(",") for line in first} == {"/a", "/b"}


async def test_chaos_ends_with_its_block(simulated_world: SimulatedWorld) -> None:
    tree = await simulated_world(app("a"), programs={"a": Program()})
    with chaos(tree, rate=10, faults=["hang"]) as harm:
        await trio.sleep(60)
    done = list(harm.done)
    assert done
    await trio.sleep(600)
    assert harm.done == done
    assert tree["a"].restarts == 0


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"rate": 0}, "rate is 0; wanted more than 0 faults a second"),
        ({"rate": float("nan")}, "rate is nan"),
        ({"faults": ["fire"]}, r"faults is \['fire'\]; wanted some of crash, kill, hang"),
        ({"faults": "kill"}, "faults is 'kill'; wanted some of crash, kill, hang"),
        ({"faults": []}, "faults is "),
    ],
)
async def test_chaos_that_cannot_be_is_refused(
    simulated_world: SimulatedWorld, keys: dict[str, object], message: str
) -> None:
    tree = await simulated_world(app("a"), programs={"a": Program()})
    with pytest.raises(InvalidConfig, match=message):
        chaos(tree, **keys)  # type: ignore[arg-type]


def test_chaos_needs_a_tree() -> None:
    with pytest.raises(InvalidConfig, match=r"chaos\(tree\) is 3; wanted a tree of supervised or"):
        Chaos(3)  # type: ignore[arg-type]
