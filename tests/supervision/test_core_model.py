"""Whatever happens in whatever order: the promises that a supervisor's core must keep.

A machine of hypothesis plays the world: starts and stops are answered late or never, children
end when they like, operators ask, timers fire. The model keeps the whole history, naively.
"""

from __future__ import annotations

from hypothesis import Phase as Generation
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from supctl.exits import NORMAL, SHUTDOWN, ExitKind, ExitReason
from supctl.specs import Backoff, Intensity, Restart, Strategy
from supctl.specs.policy import NO_BACKOFF
from supctl.supervision import messages as m
from supctl.supervision.core import Phase, SupervisorCore

NAMES = ("a", "b", "c", "d")
REASONS = st.sampled_from([NORMAL, SHUTDOWN, ExitReason(ExitKind.CRASHED)])
NO_START = ExitReason(ExitKind.START_FAILED)
BACKOFFS = st.sampled_from([NO_BACKOFF, Backoff(initial=1.0, maximum=4.0, reset_after=10.0)])


class Supervision(RuleBasedStateMachine):
    """The world around one core."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.starting: dict[str, int] = {}
        self.running: dict[str, int] = {}
        self.stopping: set[str] = set()
        self.timers: list[tuple[float, m.SetTimer]] = []
        self.asked: list[object] = []
        self.answered: list[object] = []
        self.restarted_at: list[float] = []
        self.finished: m.Finished | None = None

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        self.strategy = data.draw(st.sampled_from(Strategy))
        self.concurrent = self.strategy is Strategy.ONE_FOR_ONE and data.draw(st.booleans())
        self.max_restarts = data.draw(st.integers(0, 4))
        self.policies = {
            name: m.ChildPolicy(
                name,
                data.draw(st.sampled_from(Restart)),
                data.draw(BACKOFFS),
                data.draw(st.none() | st.integers(0, 3)),
            )
            for name in NAMES[: data.draw(st.integers(1, 4))]
        }
        self.core = SupervisorCore(
            self.policies.values(),
            strategy=self.strategy,
            intensity=Intensity(self.max_restarts, 5.0),
            concurrent=self.concurrent,
            random=lambda: 0.5,
        )
        self.feed(m.Begin())

    def feed(self, event: m.Event) -> None:
        for command in self.core.handle(event, self.now):
            self.check(command)

    def check(self, command: m.Command) -> None:
        assert self.finished is None or isinstance(command, m.Reply), "said after the end"
        match command:
            case m.Start(name, run):
                assert name not in self.starting, "started twice"
                assert name not in self.running, "two lives at once"
                if not self.concurrent:
                    assert not self.stopping, "started before the last of the group was down"
                    assert not self.starting, "started before the one before it was up"
                self.starting[name] = run
            case m.Stop(name):
                assert name in self.starting or name in self.running, "stopped what does not live"
                assert name not in self.stopping, "asked to stop twice"
                self.stopping.add(name)
            case m.SetTimer(delay=delay):
                self.timers.append((self.now + delay, command))
            case m.Reply(token):
                assert token in self.asked
                assert token not in self.answered
                self.answered.append(token)
            case m.RestartScheduled(name):
                self.restarted_at.append(self.now)
                recent = [at for at in self.restarted_at if at >= self.now - 5.0]
                assert len(recent) <= self.max_restarts, "more restarts than the intensity allows"
            case m.Finished():
                self.finished = command

    def alive(self) -> bool:
        return self.finished is None

    @precondition(lambda self: self.starting)
    @rule(data=st.data(), succeeds=st.booleans())
    def start_is_answered(self, data: st.DataObject, succeeds: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.starting)))
        run = self.starting.pop(name)
        if succeeds:
            self.running[name] = run
            self.feed(m.ChildUp(name, run))
        else:
            self.stopping.discard(name)
            self.feed(m.ChildNotUp(name, run, NO_START))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), reason=REASONS)
    def child_ends(self, data: st.DataObject, reason: ExitReason) -> None:
        name = data.draw(st.sampled_from(sorted(self.running)))
        run = self.running.pop(name)
        self.stopping.discard(name)
        self.feed(m.ChildDown(name, run, reason))

    @precondition(lambda self: self.timers)
    @rule()
    def timer_fires(self) -> None:
        at, timer = min(self.timers, key=lambda entry: entry[0])
        self.timers.remove((at, timer))
        self.now = max(self.now, at)
        self.feed(m.TimerFired(timer.name, timer.token))

    @rule(seconds=st.sampled_from([0.5, 5.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        """Time passes, but not beyond a timer that is due."""
        due = min((at for at, _ in self.timers), default=self.now + seconds)
        self.now = min(self.now + seconds, max(due, self.now))

    @rule(data=st.data(), kind=st.sampled_from([m.TerminateChild, m.RestartChild]))
    def somebody_asks(
        self, data: st.DataObject, kind: type[m.TerminateChild] | type[m.RestartChild]
    ) -> None:
        token = object()
        self.asked.append(token)
        self.feed(kind(data.draw(st.sampled_from([*self.policies, "nobody"])), token))

    @precondition(alive)
    @rule(urgent=st.booleans(), really=st.integers(0, 5))
    def parent_stops(self, urgent: bool, really: int) -> None:
        if really == 0:  # seldom, or nothing else would happen
            self.feed(m.Shutdown(urgent=urgent))

    @invariant()
    def the_end_is_the_end(self) -> None:
        if self.finished is not None:
            assert not self.starting
            assert not self.running
            assert self.core.phase is Phase.OVER
            assert set(self.asked) == set(self.answered)

    @invariant()
    def somebody_is_always_awaited(self) -> None:
        """While the core is between steps, an answer is due: it cannot wait for ever."""
        if self.finished is None and set(self.asked) != set(self.answered):
            assert self.starting or self.stopping

    @invariant()
    def a_core_that_ends_is_not_idle(self) -> None:
        if self.finished is None and hasattr(self, "core") and self.core.phase is Phase.ENDING:
            assert self.stopping, "it ends, but nobody was asked to stop"

    @invariant()
    def what_waits_has_a_timer_or_a_turn(self) -> None:
        if self.finished is not None or not hasattr(self, "core"):
            return
        busy = bool(self.starting or self.stopping)
        for name in self.policies:
            if self.core.state_of(name) is m.ChildState.WAITING and not busy:
                assert any(timer.name == name for _, timer in self.timers)

    def teardown(self) -> None:
        """Whatever has happened, a stop brings it to its end."""
        if not hasattr(self, "core"):
            return
        if self.finished is None:
            self.feed(m.Shutdown(urgent=True))
        for _ in range(100):
            if self.finished is not None:
                break
            for name in sorted(self.starting):
                self.stopping.discard(name)
                self.feed(m.ChildNotUp(name, self.starting.pop(name), NO_START))
            for name in sorted(self.running):
                self.stopping.discard(name)
                self.feed(m.ChildDown(name, self.running.pop(name), SHUTDOWN))
        assert self.finished is not None
        self.the_end_is_the_end()


TestSupervision = Supervision.TestCase
# A failing run is printed as it was found: shrinking one of forty steps can take minutes.
TestSupervision.settings = settings(
    max_examples=100, stateful_step_count=40, phases=[Generation.explicit, Generation.generate]
)
