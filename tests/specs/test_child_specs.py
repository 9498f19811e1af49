"""What apps and workers refuse when they are made, and that they are values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from supctl import App, Limits, Stop, Worker
from supctl.errors import InvalidConfig


def app(**keys: Any) -> Callable[[], object]:
    return lambda: App(**{"name": "a", "command": ["x"], **keys})


def worker(**keys: Any) -> Callable[[], object]:
    return lambda: Worker(**{"name": "a", "actor": "m:C", **keys})


def _local_class() -> type:
    class Local:
        """Nobody can import it."""

    return Local


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (app(name=""), "name"),
        (app(name="a/b"), "name"),
        (app(name="-a"), "name"),
        (app(name="a:1"), "name"),
        (app(name="x" * 129), "name"),
        (app(command=[]), "command"),
        (app(command=[""]), "command"),
        (app(command="sleep 1"), "command"),
        (app(command=["a\0b"]), "command"),
        (app(env={"": "x"}), "env"),
        (app(env={"A=B": "x"}), "env"),
        (app(env={"A": "x\0"}), "env.A"),
        (app(env={"A": 1}), "env.A"),
        (app(restart="sometimes"), "restart"),
        (app(give_up_after=-1), "give_up_after"),
        (app(significant=True), "significant"),
        (app(significant=True, restart="permanent"), "significant"),
        (app(depends_on="db"), "depends_on"),
        (app(instances=0), "instances"),
        (app(umask=0o1000), "umask"),
        (app(nice=20), "nice"),
        (app(rlimits={"nofile": (5, 4)}), "rlimits.nofile"),
        (app(rlimits={"nofile": (-2, 4)}), "rlimits.nofile"),
        (lambda: Stop(signal=999), "signal"),
        (lambda: Stop(grace=-1), "grace"),
        (lambda: Stop(grace=math.nan), "grace"),
        (lambda: Stop(grace=math.inf), "grace"),
        (lambda: Limits(memory=0), "memory"),
        (lambda: Limits(cpu=0), "cpu"),
        (lambda: Limits(cpu=math.nan), "cpu"),
        (lambda: Limits(pids=0), "pids"),
        (worker(actor="no-colon"), "actor"),
        (worker(actor="a:b:c"), "actor"),
        (worker(isolation="thread"), "isolation"),
        (lambda: Worker("w", _local_class(), isolation="process"), "actor"),
        (lambda: Worker("w", "m:C", on_daemon_loss="survive"), "on_daemon_loss"),
        (lambda: Worker("w", "m:C", on_daemon_loss="stay"), "on_daemon_loss"),
        (worker(grace=-1), "grace"),
        (worker(give_up_after=-1), "give_up_after"),
        (worker(significant=True), "significant"),
        (worker(depends_on="db"), "depends_on"),
        (worker(restart="sometimes"), "restart"),
    ],
)
def test_a_spec_that_cannot_work_is_refused_when_it_is_made(
    make: Callable[[], object], field: str
) -> None:
    with pytest.raises(InvalidConfig) as caught:
        make()
    assert caught.value.field == field
    assert "wanted" in str(caught.value)


@pytest.mark.parametrize("restart", ["transient", "temporary"])
def test_what_ends_for_good_may_be_significant(restart: str) -> None:
    assert App("a", ["x"], significant=True, restart=restart).significant


def test_specs_are_values() -> None:
    def make(value: str = "1") -> App:
        return App("a", ["x"], env={"A": value})

    assert make() == make()
    assert hash(make()) == hash(make())
    assert make() != make("2")
    with pytest.raises(AttributeError):
        make().name = "b"  # type: ignore[misc]
    with pytest.raises(TypeError):
        make().env["B"] = "2"  # type: ignore[index]
    assert Worker("w", "m:C", 1, kwargs={"k": 2}) == Worker("w", "m:C", 1, kwargs={"k": 2})
    assert Worker("w", "m:C", 1) != Worker("w", "m:C", 2)
