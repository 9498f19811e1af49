"""Children that start when others have completed, or ended."""

from __future__ import annotations

from typing import Any

import pytest

from supctl.exits import NORMAL, ExitKind, ExitReason
from supctl.specs import Restart
from supctl.supervision import messages as m
from supctl.supervision.history import History
from tests.supervision.world import ALL, REST, SLOW, World, policy

FINISHED = ExitReason(ExitKind.FINISHED)
BOTH = pytest.mark.parametrize("retries", [False, True])


def job(restart: str = "transient", **keys: Any) -> m.ChildPolicy:
    return policy("job", restart, **keys)


API = policy("api", after_success=("job",))
CLEANUP = policy("cleanup", after_end=("job",))


def begun(world: World) -> str:
    world.feed(m.Begin())
    return world.seen()


def again(world: World, child: m.ChildPolicy) -> m.ChildPolicy:
    """Return the policy of a child that another core takes over."""
    values = {key: getattr(child, key) for key in child.__slots__}
    return m.ChildPolicy(**{**values, "past": world.core.legacy_of(child.name, world.now)})


@BOTH
@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.parametrize("restart", ["transient", "temporary"])
@pytest.mark.parametrize("reason", [NORMAL, FINISHED])
def test_who_waits_for_success_starts_when_it_has_come(
    retries: bool, concurrent: bool, restart: str, reason: ExitReason
) -> None:
    world = World(job(restart), API, "web", retries=retries, concurrent=concurrent)
    assert begun(world) == "+job +web api waits for job's end up"
    assert world.exit("job", reason) == "+api"


@BOTH
def test_who_is_to_be_up_for_others_keeps_them_waiting_as_well(retries: bool) -> None:
    web = policy("web", depends_on=("api",))
    world = World(job(), API, web, "cron", retries=retries)
    held = "api waits for job's end web waits for api up"
    assert begun(world) == f"+job +cron {held}"
    assert world.exit("job", NORMAL) == "+api +web"


@BOTH
@pytest.mark.parametrize("restart", ["transient", "temporary"])
def test_a_failure_for_good_is_an_end_and_no_success(retries: bool, restart: str) -> None:
    world = World(job(restart, give_up_after=0), API, CLEANUP, retries=retries)
    begun(world)
    told = "failed job " * (restart == "transient")
    assert world.exit("job") == f"{told}api waits for job's success +cleanup"
    held = world.core.held_for("api")
    assert held is not None
    assert (held.needs, held.awaits, held.failed) == ((), (), ("job",))


def test_a_failure_that_is_followed_by_a_restart_is_no_end() -> None:
    world = World(job(backoff=SLOW), API, CLEANUP, retries=True)
    begun(world)
    assert world.exit("job") == ""
    assert world.fire(world.said(m.SetTimer)[0]) == "+job"
    assert world.exit("job", NORMAL) == "+api +cleanup"


def test_success_may_come_when_it_is_started_once_more() -> None:
    world = World(job("temporary"), API, retries=True)
    begun(world)
    world.exit("job")
    world.add(job("temporary"))
    assert world.seen() == "+job"
    assert world.exit("job", NORMAL) == "+api"


def test_a_stop_is_an_end_and_no_success() -> None:
    world = World(job(), API, CLEANUP, retries=True).up()
    world.ask(m.TerminateChild, "job")
    assert world.seen() == "-job api waits for job's success +cleanup"


def test_what_never_ran_has_not_ended() -> None:
    world = World(job(autostart=False), API, CLEANUP, retries=True).up()
    world.ask(m.TerminateChild, "job")
    assert (world.seen(), world.states()) == ("", "stopped held held")


def test_a_start_that_fails_for_good_is_an_end() -> None:
    world = World(job("temporary"), API, CLEANUP, retries=True, fails=["job"])
    assert begun(world) == "!job +cleanup api waits for job's success up"


def test_one_that_is_not_needed_has_done_all_that_there_was_to_do() -> None:
    world = World(job(), API, CLEANUP, retries=True, ignores=["job"])
    assert begun(world) == "~job +api +cleanup up"


@BOTH
def test_what_becomes_of_it_later_is_of_no_concern(retries: bool) -> None:
    """It counts once and for all; and who has started is not stopped with it."""
    world = World(job(), API, retries=retries).up()
    world.exit("job", NORMAL)
    assert world.ask(m.RestartChild, "job") == 2
    assert world.seen() == "+job"
    assert world.exit("api") == "+api"
    world.ask(m.TerminateChild, "job")
    assert world.seen() == "-job"
    assert world.exit("api") == "+api"
    assert world.ask(m.RenewChild, "api") == 4


def test_somebody_may_start_it_at_once() -> None:
    world = World(job(), API, retries=True).up()
    world.ask(m.RestartChild, "api")
    assert world.seen() == "+api"


def test_one_that_is_new_starts_in_order_if_that_is_asked_for() -> None:
    world = World(job(), API, retries=True).up()
    token = object()
    world.feed(m.RestartChild("api", token, in_order=True))
    assert world.answer_to(token) == 0
    assert world.seen() == "api waits for job's end"
    assert world.exit("job", NORMAL) == "+api"


@BOTH
def test_an_added_one_waits_too(retries: bool) -> None:
    world = World(job(), retries=retries).up()
    assert world.add(API) == 0
    assert world.seen() == "api waits for job's end"
    assert world.exit("job", NORMAL) == "+api"


def test_what_is_deleted_is_waited_for_no_more() -> None:
    world = World(job(autostart=False), API, retries=True).up()
    world.ask(m.DeleteChild, "job")
    assert world.seen() == "+api"


@BOTH
@pytest.mark.parametrize("strategy", [REST, ALL])
def test_a_group_is_restarted_without_who_waits(retries: bool, strategy: Any) -> None:
    world = World(
        job(), API, policy("web", depends_on=("api",)), strategy=strategy, retries=retries
    )
    begun(world)
    assert world.exit("job") == "+job"
    assert world.exit("job", NORMAL) == "+api +web"


def test_the_end_of_all_starts_nobody() -> None:
    significant = job(significant=True)
    world = World(significant, API, auto_shutdown="any_significant", retries=True).up()
    assert world.exit("job", NORMAL) == "no more job over"


@pytest.mark.parametrize("restart", ["transient", "temporary"])
def test_another_core_knows_that_it_has_completed(restart: str) -> None:
    world = World(job(restart), API, retries=True, slow=["api"]).up()
    world.exit("job", NORMAL)
    other = World(again(world, job(restart)), API, CLEANUP, retries=True)
    assert begun(other) == "+api +cleanup up"


def test_another_core_knows_that_it_has_failed() -> None:
    world = World(job("temporary"), API, retries=True).up()
    world.exit("job")
    other = World(again(world, job("temporary")), again(world, API), CLEANUP, retries=True)
    assert begun(other) == "+cleanup api waits for job's success up"


def test_what_was_left_of_ends_is_not_more_than_is_needed() -> None:
    world = World(job(), API, retries=True).up()
    assert world.core.legacy_of("job", 0.0).completed is None
    world.exit("job", NORMAL)
    assert world.core.legacy_of("job", 0.0).completed is True
    assert world.core.legacy_of("nobody", 0.0) == History(state=m.ChildState.STOPPED)


def test_children_that_come_and_go_leave_nothing() -> None:
    world = World(retries=True).up()
    world.add(policy("passing", Restart.TEMPORARY))
    world.exit("passing", NORMAL)
    assert world.core.legacy_of("passing", 0.0).completed is None


@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.parametrize("retries", [False, True])
def test_one_that_ignores_its_start_has_completed(concurrent: bool, retries: bool) -> None:
    last = policy("b", "temporary", after_success=("a",))
    world = World("a", last, ignores=["a"], concurrent=concurrent, retries=retries)
    world.feed(m.Begin())
    assert world.states() == "stopped running"
