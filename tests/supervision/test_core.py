"""The supervisor's decisions, fact by fact (numbers are those of ../shared/otp/SEMANTICS.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from supctl.errors import InvalidState, ProcessNotFound, StartFailed
from supctl.exits import NORMAL, SHUTDOWN, ExitKind, ExitReason, ExitStatus
from supctl.specs import Backoff, Intensity, Restart, Strategy
from supctl.specs.policy import NO_BACKOFF
from supctl.supervision import messages as m
from supctl.supervision.core import Phase, SupervisorCore
from supctl.supervision.plans import Impossible

CRASH = ExitReason(ExitKind.CRASHED, ExitStatus(code=1))
NO_START = ExitReason(ExitKind.START_FAILED, detail="scripted")
ALL = Strategy.ONE_FOR_ALL
REST = Strategy.REST_FOR_ONE


class World:
    """A world that does at once what the core says, and keeps a trace of it.

    ``fails``: names whose next starts fail, one entry a failure. ``slow``: names whose starts
    and stops are answered by the test.
    """

    def __init__(
        self,
        *children: str | m.ChildPolicy,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        max_restarts: int | None = 10,
        within: float = 5.0,
        concurrent: bool = False,
        fails: Iterable[str] = (),
        slow: Iterable[str] = (),
    ) -> None:
        policies = [
            child if isinstance(child, m.ChildPolicy) else m.ChildPolicy(child, backoff=NO_BACKOFF)
            for child in children
        ]
        self.names = [policy.name for policy in policies]
        self.core = SupervisorCore(
            policies,
            strategy=strategy,
            intensity=Intensity(max_restarts, within),
            concurrent=concurrent,
            random=lambda: 0.5,
        )
        self.now = 0.0
        self.trace: list[str] = []
        self.fails, self.slow = list(fails), set(slow)
        self.timers: list[m.SetTimer] = []
        self.replies: list[m.Reply] = []
        self.finished: m.Finished | None = None
        self.runs: dict[str, int] = {}

    def feed(self, event: m.Event) -> None:
        for command in self.core.handle(event, self.now):
            self.obey(command)

    def obey(self, command: m.Command) -> None:
        match command:
            case m.Start(name, run):
                self.runs[name] = run
                if name in self.fails:
                    self.fails.remove(name)
                    self.trace.append(f"!{name}")
                    self.feed(m.ChildNotUp(name, run, NO_START))
                else:
                    self.trace.append(f"+{name}")
                    if name not in self.slow:
                        self.feed(m.ChildUp(name, run))
            case m.Stop(name, run):
                self.trace.append(f"-{name}")
                if name not in self.slow:
                    self.feed(m.ChildDown(name, run, SHUTDOWN))
            case m.SetTimer():
                self.timers.append(command)
            case m.Reply():
                self.replies.append(command)
            case m.ChildFailed(name):
                self.trace.append(f"failed {name}")
            case m.GaveUp(name):
                self.trace.append(f"gave up {name}")
            case m.Finished():
                self.finished = command
                self.trace.append("over")
            case m.Up():
                self.trace.append("up")

    def up(self) -> World:
        self.feed(m.Begin())
        self.trace.clear()
        return self

    def exit(self, name: str, reason: ExitReason = CRASH) -> str:
        self.feed(m.ChildDown(name, self.runs[name], reason))
        return self.seen()

    def fire(self, timer: m.SetTimer) -> str:
        self.now += timer.delay
        self.feed(m.TimerFired(timer.name, timer.token))
        return self.seen()

    def ask(self, make: Callable[[str, object], m.Event], name: str) -> Exception | None:
        token = object()
        self.feed(make(name, token))
        (reply,) = [reply for reply in self.replies if reply.token is token]
        return reply.result if isinstance(reply.result, Exception) else None

    def seen(self) -> str:
        """Return what has happened since the last look."""
        told = " ".join(self.trace)
        self.trace.clear()
        return told

    def states(self) -> str:
        return " ".join(str(self.core.state_of(name)) for name in self.names)


def policy(name: str, restart: Restart | str = "permanent", **keys: object) -> m.ChildPolicy:
    keys.setdefault("backoff", NO_BACKOFF)
    return m.ChildPolicy(name, Restart(restart), **keys)  # type: ignore[arg-type]


# Starting and stopping.


def test_otp_start_01_children_start_in_order() -> None:
    world = World("a", "b", "c")
    world.feed(m.Begin())
    assert world.seen() == "+a +b +c up"


def test_otp_start_01_the_next_waits_for_the_one_before() -> None:
    world = World("a", "b", slow=["a"])
    world.feed(m.Begin())
    assert world.seen() == "+a"
    world.feed(m.ChildUp("a", 1))
    assert world.seen() == "+b up"


def test_otp_start_04_failed_start_is_rolled_back_in_reverse() -> None:
    world = World("a", policy("b", "temporary"), "c", "d", fails=["c"])
    world.feed(m.Begin())
    assert world.seen() == "+a +b !c -b -a over"
    assert world.finished is not None
    assert world.finished.not_started == "c"
    assert world.finished.reason.kind is ExitKind.START_FAILED


def test_otp_stop_04_children_stop_in_reverse_one_by_one() -> None:
    world = World("a", "b", "c", slow=["b"]).up()
    world.feed(m.ChildUp("b", 1))
    world.seen()
    world.feed(m.Shutdown())
    assert world.seen() == "-c -b"
    world.feed(m.ChildDown("b", 1, SHUTDOWN))
    assert world.seen() == "-a over"
    assert world.finished == m.Finished(SHUTDOWN)


@pytest.mark.parametrize(
    ("restart", "reason", "seen"),
    [
        ("permanent", CRASH, "+a"),
        ("permanent", NORMAL, "+a"),
        ("permanent", SHUTDOWN, "+a"),
        ("transient", CRASH, "+a"),
        ("transient", NORMAL, ""),
        ("transient", SHUTDOWN, ""),
        ("temporary", CRASH, ""),
        ("temporary", NORMAL, ""),
    ],
)
def test_otp_restart_types(restart: str, reason: ExitReason, seen: str) -> None:
    assert World(policy("a", restart), "b").up().exit("a", reason) == seen


# Intensity.


def test_otp_int_01_one_more_than_allowed_gives_up_and_stops_the_rest() -> None:
    world = World("a", "b", "c", max_restarts=2).up()
    assert [world.exit("b") for _ in range(3)] == ["+b", "+b", "gave up b -c -a over"]
    assert world.finished is not None
    assert world.finished.gave_up is not None
    assert world.finished.gave_up.restarts == 2
    assert world.finished.reason.is_normal  # OTP-NEST-01: its parent sees a shutdown


def test_otp_int_01_zero_forbids_any() -> None:
    assert World("a", max_restarts=0).up().exit("a") == "gave up a over"


@pytest.mark.parametrize(("age", "seen"), [(5.0, "gave up a over"), (5.001, "+a")])
def test_otp_int_02_exactly_as_old_as_the_window_still_counts(age: float, seen: str) -> None:
    world = World("a", max_restarts=1, within=5.0).up()
    assert world.exit("a") == "+a"
    world.now += age
    assert world.exit("a") == seen


def test_otp_int_03_the_window_slides() -> None:
    world = World("a", max_restarts=2, within=5.0).up()
    for _ in range(20):
        assert world.exit("a") == "+a"
        world.now += 2.6


def test_otp_int_05_failed_attempts_count() -> None:
    world = World("a", max_restarts=3, fails=[]).up()
    world.fails = ["a", "a", "a", "a"]
    assert world.exit("a") == "!a !a !a gave up a over"


def test_otp_int_06_a_group_restart_counts_once() -> None:
    world = World("a", "b", "c", strategy=ALL, max_restarts=2).up()
    assert world.exit("b") == "-c -a +a +b +c"
    assert world.exit("a") == "-c -b +a +b +c"
    assert world.exit("c") == "gave up c -b -a over"


def test_unlimited_intensity_remembers_nothing() -> None:
    world = World("a", max_restarts=None).up()
    for _ in range(1000):
        assert world.exit("a") == "+a"
    assert len(world.core._window) == 0


# Groups.


def test_otp_ofa_02_temporary_members_go_with_the_group_and_stay_away() -> None:
    world = World("a", policy("t", "temporary"), "b", strategy=ALL).up()
    assert world.exit("a") == "-b -t +a +b"
    assert world.exit("b") == "-a +a +b"


def test_otp_ofa_03_a_group_restart_revives_what_was_stopped() -> None:
    world = World("a", policy("t", "transient"), "b", strategy=ALL).up()
    world.exit("t", NORMAL)
    assert world.ask(m.TerminateChild, "b") is None
    world.seen()
    assert world.exit("a") == "+a +t +b"


def test_otp_ofa_04_a_member_that_does_not_start_begins_the_group_anew() -> None:
    world = World("a", "b", "c", strategy=ALL, max_restarts=2).up()
    world.fails = ["b"]
    assert world.exit("c") == "-b -a +a !b -a +a +b +c"


def test_otp_ofa_05_the_offender_is_the_member_that_did_not_start() -> None:
    world = World("a", "b", strategy=ALL, max_restarts=1).up()
    world.fails = ["b", "b"]
    assert world.exit("a") == "-b +a !b gave up b -a over"


def test_otp_rfo_01_only_those_after_it_are_concerned() -> None:
    world = World("a", "b", "c", "d", strategy=REST).up()
    assert world.exit("b") == "-d -c +b +c +d"
    assert world.exit("d") == "+d"


def test_otp_rfo_02_the_retry_begins_at_the_member_that_did_not_start() -> None:
    world = World("a", "b", "c", "d", strategy=REST).up()
    world.fails = ["c"]
    assert world.exit("b") == "-d -c +b !c +c +d"


def test_otp_rfo_03_a_temporary_child_pulls_nobody_with_it() -> None:
    world = World("a", policy("t", "temporary"), "b", strategy=REST).up()
    assert world.exit("t") == ""


# Retries and bursts.


def test_otp_again_01_a_retry_waits_behind_what_has_arrived() -> None:
    world = World("a", "b", slow=["a"]).up()
    world.feed(m.ChildUp("a", 1))
    world.seen()
    assert world.exit("a") == "+a"
    world.feed(m.ChildDown("b", 1, CRASH))
    world.feed(m.ChildNotUp("a", 2, NO_START))
    assert world.seen() == "+b +a"


def test_otp_again_02_a_stop_is_obeyed_before_the_retry() -> None:
    world = World("a", "b", slow=["a"]).up()
    world.feed(m.ChildUp("a", 1))
    world.exit("a")
    world.seen()
    world.feed(m.Shutdown())
    world.feed(m.ChildNotUp("a", 2, NO_START))
    assert world.seen() == "-b over"


def test_otp_burst_01_exits_of_members_are_used_up_by_the_group_restart() -> None:
    world = World("a", "b", policy("t", "transient"), strategy=ALL, slow=["b"], max_restarts=1)
    world.up()
    world.feed(m.ChildUp("b", 1))
    world.seen()
    world.exit("a")  # stops t at once, and waits for b
    assert world.states() == "stopped stopping stopped"
    world.feed(m.ChildDown("b", 1, CRASH))
    world.slow.clear()
    world.feed(m.ChildUp("b", 2))
    assert world.finished is None
    assert world.states() == "running running running"


def test_otp_burst_02_each_exit_is_a_restart_of_its_own() -> None:
    world = World("a", "b", slow=["a"], max_restarts=1).up()
    world.feed(m.ChildUp("a", 1))
    world.seen()
    assert world.exit("a") == "+a"
    world.feed(m.ChildDown("b", 1, CRASH))
    world.feed(m.ChildUp("a", 2))
    assert world.seen() == "gave up b -a"


# Requests.


def test_otp_api_03_04_terminate_and_restart() -> None:
    world = World("a", "b").up()
    assert isinstance(world.ask(m.RestartChild, "a"), InvalidState)
    assert world.ask(m.TerminateChild, "a") is None
    assert world.ask(m.TerminateChild, "a") is None
    assert world.ask(m.RestartChild, "a") is None
    assert isinstance(world.ask(m.TerminateChild, "x"), ProcessNotFound)
    assert isinstance(world.ask(m.RestartChild, "x"), ProcessNotFound)
    assert world.seen() == "-a +a"


def test_otp_api_03_a_terminated_temporary_child_is_forgotten() -> None:
    world = World(policy("t", "temporary")).up()
    assert world.ask(m.TerminateChild, "t") is None
    assert isinstance(world.ask(m.RestartChild, "t"), ProcessNotFound)


def test_otp_again_06_a_failed_request_is_answered_and_not_retried() -> None:
    world = World("a", "b").up()
    world.ask(m.TerminateChild, "a")
    world.fails = ["a"]
    assert isinstance(world.ask(m.RestartChild, "a"), StartFailed)
    assert world.seen() == "-a !a"
    assert world.states() == "stopped running"


def test_requests_to_a_supervisor_that_ends_are_refused() -> None:
    world = World("a", slow=["a"]).up()
    world.feed(m.ChildUp("a", 1))
    world.feed(m.Shutdown())
    token = object()
    world.feed(m.RestartChild("a", token))
    world.feed(m.ChildDown("a", 1, SHUTDOWN))
    assert isinstance(world.replies[-1].result, InvalidState)
    assert isinstance(world.ask(m.TerminateChild, "a"), InvalidState)


# What OTP does not have.

SLOW = Backoff(initial=1.0, factor=2.0, maximum=8.0, reset_after=60.0)  # full jitter, random 0.5


def test_back_off_grows_to_its_maximum_and_is_reset_by_a_stable_run() -> None:
    world = World(policy("a", backoff=SLOW), max_restarts=None).up()
    delays = []
    for _ in range(6):
        assert world.exit("a") == ""
        delays.append(world.timers[-1].delay)
        assert world.core.due_at("a") == world.now + delays[-1]
        assert world.fire(world.timers[-1]) == "+a"
    assert delays == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    world.now += 60.0
    world.exit("a")
    assert world.timers[-1].delay == 0.5


def test_a_group_is_stopped_at_once_and_waits_once() -> None:
    world = World("a", policy("b", backoff=SLOW), "c", strategy=ALL).up()
    assert world.exit("b") == "-c -a"
    assert world.fire(world.timers[-1]) == "+a +b +c"
    assert len(world.timers) == 1


def test_a_timer_that_was_overtaken_does_nothing() -> None:
    world = World("a", policy("b", backoff=SLOW), strategy=ALL).up()
    world.exit("b")
    assert world.ask(m.TerminateChild, "b") is None
    assert world.ask(m.RestartChild, "b") is None
    world.seen()
    assert world.fire(world.timers[0]) == ""


def test_give_up_after_fails_one_child_and_its_siblings_live_on() -> None:
    world = World(policy("a", give_up_after=2), "b", max_restarts=10).up()
    assert [world.exit("a") for _ in range(3)] == ["+a", "+a", "failed a"]
    assert world.states() == "failed running"
    assert world.ask(m.RestartChild, "a") is None
    assert [world.exit("a") for _ in range(3)] == ["+a +a", "+a", "failed a"]


def test_a_group_restart_leaves_a_failed_child_alone() -> None:
    world = World(policy("a", give_up_after=0), "b", "c", strategy=ALL).up()
    assert world.exit("a") == "failed a"
    assert world.exit("b") == "-c +b +c"


def test_a_failed_restart_waits_for_its_own_back_off() -> None:
    world = World(policy("a", backoff=SLOW), max_restarts=None).up()
    world.fails = ["a"]
    world.exit("a")
    assert world.fire(world.timers[-1]) == "!a"
    assert world.timers[-1].delay == 1.0
    assert world.fire(world.timers[-1]) == "+a"


@pytest.mark.parametrize("concurrent", [False, True])
def test_urgent_shutdown_calls_off_the_start_phase(concurrent: bool) -> None:
    world = World("a", "b", "c", slow=["b"], concurrent=concurrent)
    world.feed(m.Begin())
    world.seen()
    world.feed(m.Shutdown(urgent=True))
    assert world.seen() == ("-c -b -a" if concurrent else "-b")
    world.feed(m.ChildUp("b", 1))  # it was on its way
    world.feed(m.ChildDown("b", 1, SHUTDOWN))
    assert world.seen() == ("over" if concurrent else "-a over")
    assert world.core.phase is Phase.OVER


def test_urgent_shutdown_calls_off_a_group_restart_and_a_back_off() -> None:
    world = World("a", "b", "c", strategy=ALL, slow=["b"]).up()
    world.feed(m.ChildUp("b", 1))
    world.seen()
    world.exit("a")
    assert world.seen() == ""
    world.feed(m.Shutdown(urgent=True))
    world.feed(m.ChildDown("b", 1, SHUTDOWN))
    assert world.seen() == "over"


def test_concurrent_children_start_and_stop_together() -> None:
    world = World("a", "b", "c", concurrent=True, slow=["a", "b", "c"])
    world.feed(m.Begin())
    assert world.seen() == "+a +b +c"
    for name in "bca":
        world.feed(m.ChildUp(name, 1))
    assert world.seen() == "up"
    world.feed(m.Shutdown())
    assert world.seen() == "-c -b -a"


def test_concurrent_restarts_do_not_wait_for_each_other() -> None:
    world = World("a", "b", concurrent=True).up()
    world.slow = {"a", "b"}
    assert world.exit("a") == "+a"
    assert world.exit("b") == "+b"
    world.feed(m.ChildNotUp("a", 2, NO_START))
    assert world.seen() == "+a"


def test_what_cannot_be_is_said_to_be_a_bug() -> None:
    world = World("a").up()
    for event in (
        m.Begin(),
        m.ChildUp("a", 1),
        m.ChildNotUp("a", 1, NO_START),
        m.ChildDown("a", 7, CRASH),
    ):
        with pytest.raises(Impossible):
            world.feed(event)


def test_a_timer_of_an_earlier_wait_does_not_end_a_later_one() -> None:
    world = World(policy("a", backoff=SLOW), max_restarts=None).up()
    world.exit("a")
    world.ask(m.TerminateChild, "a")
    world.ask(m.RestartChild, "a")
    world.exit("a")
    first, second = world.timers
    assert world.fire(first) == ""
    assert world.fire(second) == "+a"


def test_a_used_up_exit_is_not_taken_for_a_later_one() -> None:
    policies = [policy("a"), policy("t", "transient"), policy("z")]
    world = World(*policies, strategy=ALL, slow=["z"]).up()
    world.feed(m.ChildUp("z", 1))
    world.seen()
    world.exit("a")  # stops z, which takes its time; t has to wait for it
    world.feed(m.ChildDown("t", 1, NORMAL))  # will be used up by the group restart
    world.feed(m.ChildDown("z", 1, SHUTDOWN))
    assert world.seen() == "+a +t +z"
    world.feed(m.ChildDown("t", 2, CRASH))  # of its new life, while z still starts
    world.feed(m.ChildUp("z", 2))
    assert world.seen() == "-z"  # the crash counts, and it is the crash


def test_a_member_that_fails_for_good_does_not_hold_up_its_group() -> None:
    world = World("a", policy("b", give_up_after=0), "c", strategy=ALL).up()
    world.fails = ["b"]
    assert world.exit("c") == "-b -a +a !b failed b +c"
