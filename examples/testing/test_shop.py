"""How the shop and its worker behave when things go wrong: real programs, real faults."""

from __future__ import annotations

import sys
import urllib.request
from http.client import RemoteDisconnected
from pathlib import Path

import pytest

from supctl import App, Backoff, Supervisor
from supctl.testing import (
    BlockingSupervised,
    Http,
    Program,
    SharedApp,
    SharedApps,
    SimulatedWorld,
    Supervised,
    chaos,
)

HERE = Path(__file__).parent
SOON = Backoff(initial=0.05)


def shop_on(port: int) -> App:
    return App("shop", [sys.executable, HERE / "shop.py", str(port)], backoff=SOON)


def worker_in(jobs: Path) -> App:
    return App("worker", [sys.executable, HERE / "worker.py", jobs], backoff=SOON)


def get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as reply:
        return str(reply.read().decode())


# One shop serves all tests that only read from it, in all workers of `pytest -n`.


@pytest.fixture(scope="session")
def shop(supervised_shared: SharedApps) -> SharedApp:
    return supervised_shared("shop", shop_on, ready=Http)


@pytest.mark.parametrize("number", range(1, 9))
def test_orders_are_served(shop: SharedApp, number: int) -> None:
    assert get(shop.port, f"/orders/{number}") == f"this is /orders/{number}\n"


# Who breaks things has a shop of his own.


def test_shop_comes_back_after_its_bug(supervised: BlockingSupervised, free_port: int) -> None:
    shop = supervised(shop_on(free_port))["shop"]
    shop.wait_ready(Http(free_port))
    with pytest.raises(RemoteDisconnected):
        get(free_port, "/orders/0")
    shop.wait_restarted()
    shop.wait_ready(Http(free_port))
    assert "SIGSEGV" in str(shop.reason)
    assert "no such order" in shop.output


def test_shop_that_hangs_answers_when_it_goes_on(
    supervised: BlockingSupervised, free_port: int
) -> None:
    shop = supervised(shop_on(free_port))["shop"]
    shop.wait_ready(Http(free_port))
    shop.hang()
    with pytest.raises(TimeoutError):
        urllib.request.urlopen(f"http://127.0.0.1:{free_port}/", timeout=0.2)
    shop.resume()
    assert get(free_port, "/")


def test_worker_crashes_on_an_empty_job_and_does_the_next(
    supervised: BlockingSupervised, tmp_path: Path, assert_no_leaks: None
) -> None:
    for name, text in [("1", "flour"), ("2", ""), ("3", "eggs")]:
        (tmp_path / f"{name}.job").write_text(text)
    worker = supervised(worker_in(tmp_path))["worker"]
    worker.wait_restarted()
    assert worker.wait_output(r"^3: (\w+)$")[1] == b"eggs"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.done", "2.begun", "3.done"]


async def test_everything_comes_back_after_a_storm(
    supervised: Supervised, free_port: int, tmp_path: Path
) -> None:
    spec = Supervisor("all", [shop_on(free_port), worker_in(tmp_path)], max_restarts=None)
    tree = await supervised(spec)
    with chaos(tree, seed=7, rate=20):
        for app in tree.apps():
            await app.wait_restarted(times=2, timeout=10)
    await tree["shop"].wait_ready(Http(free_port))
    (tmp_path / "after.job").write_text("calm")
    await tree["worker"].wait_output("after: calm")


# What takes days is rehearsed in virtual time.


async def test_shop_that_cannot_start_gives_up_within_the_hour(
    simulated_world: SimulatedWorld,
) -> None:
    spec = App("shop", ["shop"], give_up_after=10, backoff=Backoff(initial=1, maximum=600))
    tree = await simulated_world(spec, programs={"shop": Program(lifetime=1, code=1)})
    await tree["shop"].wait_state("failed", timeout=3600)
    assert tree["shop"].restarts == 10
