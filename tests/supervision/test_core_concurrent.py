"""``start="concurrent"``: a child waits for those it depends on, and for nobody else."""

from __future__ import annotations

from supctl.errors import InvalidState
from supctl.exits import NORMAL, SHUTDOWN
from supctl.supervision import messages as m
from supctl.supervision.core import Phase
from tests.supervision.world import SLOW, World, policy


def concurrent(*children: str | m.ChildPolicy, slow: str = "", **keys: object) -> World:
    """Begin; ``slow``: the names of children whose starts and stops the test answers."""
    world = World(*children, concurrent=True, slow=slow.split(), **keys)  # type: ignore[arg-type]
    world.feed(m.Begin())
    return world


def needs(name: str, *others: str) -> m.ChildPolicy:
    return policy(name, depends_on=others)


# The start phase.


def test_children_start_and_stop_together() -> None:
    world = concurrent("a", "b", "c", slow="a b c")
    assert world.seen() == "+a +b +c"
    assert [world.rise(name) for name in "bca"] == ["", "", "up"]
    world.feed(m.Shutdown())
    assert world.seen() == "-c -b -a"
    assert [world.exit(name, SHUTDOWN) for name in "bca"] == ["", "", "over"]


def test_a_child_starts_as_soon_as_those_it_depends_on_are_up() -> None:
    world = concurrent(
        "db",
        "cache",
        needs("api", "db", "cache"),
        needs("web", "api"),
        "cron",
        slow="db cache api cron",
    )
    assert world.seen() == "+db +cache +cron"
    assert world.rise("cache") == ""
    assert world.rise("db") == "+api"
    assert world.rise("api") == "+web"
    assert world.rise("cron") == "up"


def test_a_slow_child_holds_up_only_those_that_depend_on_it() -> None:
    world = concurrent(
        "slow", needs("a", "slow"), "b", needs("c", "b"), needs("d", "c"), slow="slow"
    )
    assert world.seen() == "+slow +b +c +d"
    assert world.rise("slow") == "+a up"


def test_a_start_that_is_ignored_holds_nobody_up() -> None:
    world = concurrent("a", needs("b", "a"), ignores=["a"])
    assert world.seen() == "~a +b up"


def test_a_failed_start_stops_all_and_begins_with_nobody_else() -> None:
    world = concurrent("a", "b", needs("c", "b"), slow="a b", fails=["b"])
    assert world.seen() == "+a !b -a"
    assert world.rise("a") == ""  # it came up after it was called off
    assert world.exit("a", SHUTDOWN) == "over"
    assert world.finished is not None
    assert world.finished.not_started == "b"


def test_what_arrives_in_the_start_phase_waits_for_its_end() -> None:
    world = concurrent("a", "b", slow="b")
    world.feed(m.WhichChildren("which"), m.TerminateChild("a", "token"))
    assert world.said(m.Reply) == []
    assert world.rise("b") == "+a +b up -a"
    assert world.answer_to("which") == [("b", "running"), ("a", "running")]
    assert world.answer_to("token") is None


# The end.


def test_children_stop_after_those_that_depend_on_them() -> None:
    world = concurrent("db", "cache", needs("api", "db", "cache"), needs("web", "api"))
    world.slow = {"db", "cache", "api", "web"}
    world.seen()
    world.feed(m.Shutdown())
    assert world.seen() == "-web"
    assert world.exit("web", SHUTDOWN) == "-api"
    assert world.exit("api", SHUTDOWN) == "-db -cache"
    assert world.exit("db", SHUTDOWN) == ""
    assert world.exit("cache", SHUTDOWN) == "over"


def test_urgent_shutdown_in_the_start_phase_keeps_that_order() -> None:
    world = concurrent("a", needs("b", "a"), needs("c", "b"), slow="b")
    assert world.seen() == "+a +b"
    world.feed(m.Shutdown(urgent=True))
    assert world.seen() == "-b"
    assert world.ignore("b") == "-a over"


def test_urgent_shutdown_takes_up_what_is_being_stopped() -> None:
    world = concurrent("a", needs("b", "a"))
    world.slow = {"b"}
    world.seen()
    world.feed(m.TerminateChild("b", "token"), m.Shutdown(urgent=True))
    assert world.seen() == "-b"
    assert isinstance(world.answer_to("token"), InvalidState)
    assert world.exit("b", SHUTDOWN) == "-a over"


# Restarts.


def test_restarts_do_not_wait_for_each_other() -> None:
    world = concurrent("a", "b")
    world.slow = {"a", "b"}
    world.seen()
    assert world.exit("a") == "+a"
    assert world.exit("b") == "+b"
    assert world.fail("a") == "+a"
    assert world.rise("b") == ""
    assert world.states() == "starting running"


def test_they_are_counted_together() -> None:
    world = concurrent("a", "b", "c", max_restarts=1)
    world.slow = {"a"}
    world.seen()
    assert world.exit("a") == "+a"
    assert world.exit("b") == "gave up b -c -a"
    assert world.fail("a") == "over"


def test_an_end_of_ones_own_is_seen_to_while_another_starts() -> None:
    significant = policy("s", "transient", significant=True)
    world = concurrent("a", significant, auto_shutdown="any_significant")
    world.slow = {"a"}
    world.seen()
    assert world.exit("a") == "+a"
    assert world.exit("s", NORMAL) == "no more s -a"
    assert world.fail("a") == "over"


# Requests.


def test_requests_about_one_child_do_not_wait_for_a_plan_about_another() -> None:
    world = concurrent("a", "b")
    world.slow = {"a"}
    world.seen()
    assert world.exit("a") == "+a"
    assert world.ask(m.TerminateChild, "b") is None
    assert world.ask(m.DeleteChild, "b") is None
    assert world.add("c") == 1
    assert world.ask(m.WhichChildren) == [("c", "running"), ("a", "starting")]
    assert world.ask(m.CountChildren) == m.Counts(specs=2, active=2, supervisors=0, workers=2)
    assert world.seen() == "-b +c"


def test_requests_about_a_child_wait_for_the_plan_about_it() -> None:
    world = concurrent("a")
    world.slow = {"a"}
    world.seen()
    world.feed(m.TerminateChild("a", 1), m.RestartChild("a", 2), m.DeleteChild("a", 3))
    assert world.said(m.Reply) == []
    assert world.exit("a", SHUTDOWN) == "-a +a"
    assert [reply.token for reply in world.said(m.Reply)] == [1]
    world.rise("a")
    assert world.answer_to(2) == 2
    assert isinstance(world.answer_to(3), InvalidState)


def test_a_restart_that_does_not_come_up_can_be_called_off() -> None:
    world = concurrent("a")
    world.slow = {"a"}
    world.seen()
    assert world.exit("a") == "+a"
    world.feed(m.TerminateChild("a", "token"))
    assert world.seen() == "-a"
    assert world.fail("a") == ""
    assert world.answer_to("token") is None
    assert world.states() == "stopped"


def test_who_asked_for_a_start_that_is_called_off_is_told() -> None:
    world = concurrent(slow="n")
    world.feed(m.StartChild(policy("n"), "start"), m.TerminateChild("n", "stop"))
    assert world.seen() == "up +n -n"
    error = world.answer_to("start")
    assert isinstance(error, InvalidState)
    assert error.target == "n"
    assert world.answers_to("stop") == []
    world.rise("n")  # it was on its way
    assert world.exit("n", SHUTDOWN) == ""
    assert world.answer_to("stop") is None
    assert str(world.core.state_of("n")) == "stopped"


def test_a_retry_of_a_child_that_was_terminated_is_void() -> None:
    world = concurrent("a")
    world.slow = {"a"}
    world.seen()
    assert world.exit("a") == "+a"
    world.feed(m.TerminateChild("a", 1), m.TerminateChild("a", 2), m.RestartChild("a", 3))
    assert world.fail("a") == "-a +a"
    assert [world.answer_to(token) for token in (1, 2)] == [None, None]
    assert world.rise("a") == ""
    assert world.answer_to(3) == 3


def test_a_patient_shutdown_lets_restarts_end() -> None:
    world = concurrent("a", policy("b", backoff=SLOW))
    world.slow = {"a"}
    world.seen()
    assert world.exit("a") == "+a"
    world.exit("b")
    world.feed(m.Shutdown())
    assert world.seen() == ""
    assert world.core.phase is Phase.RUNNING
    world.slow.clear()
    assert world.rise("a") == "-a over"
