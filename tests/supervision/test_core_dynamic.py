"""Children of one kind, started at run time (facts SOFO of ../shared/otp/SEMANTICS.md)."""

from __future__ import annotations

import pytest

from supctl.errors import AlreadyRunning, ProcessNotFound, StartFailed, Unsupported
from supctl.exits import NORMAL, SHUTDOWN
from supctl.supervision import messages as m
from tests.supervision.world import CRASH, DYNAMIC, KILLED, SLOW, World, policy

TYPES = ["permanent", "transient", "temporary"]


def dynamic(*names: str, restart: str = "permanent", max_restarts: int = 10) -> World:
    world = World(strategy=DYNAMIC, max_restarts=max_restarts, reports=True).up()
    for name in names:
        world.add(policy(name, restart))
    world.seen()
    return world


def test_otp_sofo_01_nothing_is_started_at_start() -> None:
    world = World(strategy=DYNAMIC)
    world.feed(m.Begin())
    assert world.seen() == "up"
    assert world.add("a") == 1
    assert world.seen() == "+a"


def test_otp_sofo_02_they_are_restarted_one_by_one_and_counted_together() -> None:
    world = dynamic("a", "b", max_restarts=2)
    world.reports = False
    assert world.exit("a") == "+a"
    assert world.exit("b") == "+b"
    assert world.exit("a") == "gave up a -b over"


def test_otp_sofo_02_a_retry_can_be_called_off() -> None:
    world = dynamic("a")
    world.slow = {"a"}
    world.exit("a")
    world.feed(m.TerminateChild("a", "token"))
    assert world.fail("a").endswith("(forgotten a)")
    assert world.answer_to("token") is None
    assert world.core.state_of("a") is None


@pytest.mark.parametrize("restart", TYPES)
def test_otp_sofo_03_what_does_not_start_is_not_kept(restart: str) -> None:
    world = dynamic()
    world.fails = ["a"]
    assert isinstance(world.add(policy("a", restart)), StartFailed)
    assert world.seen() == "!a (forgotten a)"
    world.ignores = {"a"}
    assert world.add(policy("a", restart)) is None
    assert world.seen() == "~a (forgotten a)"
    assert world.ask(m.WhichChildren) == []


@pytest.mark.parametrize("restart", ["transient", "temporary"])
def test_otp_sofo_04_what_has_ended_is_gone(restart: str) -> None:
    world = dynamic("a", "b", restart=restart)
    assert world.exit("a", NORMAL) == "(forgotten a)"
    assert world.ask(m.WhichChildren) == [("b", "running")]


def test_otp_sofo_05_an_ignored_restart_drops_the_instance() -> None:
    """Ours: OTP keeps an entry without a process and breaks on it in its own end."""
    world = dynamic("a", "b")
    world.ignores = {"a"}
    assert world.exit("a").endswith("~a (forgotten a)")
    assert world.ask(m.CountChildren) == m.Counts(specs=1, active=1, supervisors=0, workers=1)
    world.feed(m.Shutdown())
    assert world.seen() == "-b (forgotten b) over"


def test_otp_sofo_06_all_are_stopped_at_once() -> None:
    world = dynamic("a", "b", "c")
    world.slow = {"a", "b", "c"}
    world.feed(m.Shutdown())
    assert sorted(world.seen().split()) == ["-a", "-b", "-c"]
    for name in "bc":
        assert world.exit(name, SHUTDOWN) == f"(forgotten {name})"
    assert world.exit("a", SHUTDOWN) == "(forgotten a) over"


def test_otp_sofo_06_ill_ends_are_reported_together_by_reason() -> None:
    world = dynamic("a", "b", "c", "d", restart="transient")
    world.slow = {"a", "b", "c", "d"}
    world.feed(m.Shutdown())
    for name, reason in [("a", CRASH), ("b", KILLED), ("c", NORMAL), ("d", CRASH)]:
        world.exit(name, reason)
    ill = m.Context.SHUTDOWN_ERROR
    assert world.said(m.Report) == [m.Report(ill, "", CRASH, 2), m.Report(ill, "", KILLED, 1)]
    assert world.finished == world.commands[-1]  # the reports come before the last word


def test_otp_sofo_06_an_instance_that_is_terminated_is_reported_by_name() -> None:
    world = dynamic("a", "b")
    world.ends = {"a": CRASH}
    world.ask(m.TerminateChild, "a")
    assert world.seen() == "-a (shutdown_error a: crashed) (forgotten a)"


@pytest.mark.parametrize("kind", [m.RestartChild, m.DeleteChild])
@pytest.mark.parametrize("name", ["a", "x"])
def test_otp_sofo_07_nothing_is_kept_that_could_be_restarted(
    kind: type[m.RestartChild | m.DeleteChild], name: str
) -> None:
    error = dynamic("a").ask(kind, name)
    assert isinstance(error, Unsupported)
    assert error.instead == "start a new child"


def test_otp_sofo_07_a_terminated_instance_is_gone() -> None:
    world = dynamic("a")
    assert world.ask(m.TerminateChild, "a") is None
    assert world.seen() == "-a (forgotten a)"
    assert isinstance(world.ask(m.TerminateChild, "a"), ProcessNotFound)


def test_names_of_instances_are_unique_too() -> None:
    assert isinstance(dynamic("a").add("a"), AlreadyRunning)


def test_otp_sofo_08_those_that_are_restarting_do_not_count_as_active() -> None:
    world = World(strategy=DYNAMIC).up()
    world.add(policy("a", backoff=SLOW))
    world.add(policy("s", is_supervisor=True))
    assert world.ask(m.CountChildren) == m.Counts(specs=1, active=2, supervisors=1, workers=1)
    world.exit("a")
    assert world.ask(m.CountChildren) == m.Counts(specs=1, active=1, supervisors=1, workers=1)
    assert world.ask(m.WhichChildren) == [("s", "running"), ("a", "waiting")]


def test_otp_sofo_08_it_is_not_looked_whether_they_live() -> None:
    world = dynamic("a", "b")
    world.slow = {"b"}
    world.exit("b")
    world.feed(m.CountChildren("count"))
    world.exit("a")
    world.rise("b")
    assert world.answer_to("count") == m.Counts(specs=1, active=2, supervisors=0, workers=2)


def test_an_instance_that_fails_for_good_is_gone() -> None:
    world = World(strategy=DYNAMIC).up()
    world.add(policy("a", give_up_after=1))
    world.seen()
    assert world.exit("a") == "+a"
    assert world.exit("a") == "failed a"
    assert world.core.state_of("a") is None


def test_thousands_come_and_go() -> None:
    names = [f"n{number}" for number in range(3000)]
    world = dynamic(*names, restart="temporary")
    for name in names[::3]:
        world.exit(name)
    assert world.ask(m.CountChildren) == m.Counts(specs=1, active=2000, supervisors=0, workers=2000)
    world.feed(m.Shutdown())
    assert world.finished is not None
