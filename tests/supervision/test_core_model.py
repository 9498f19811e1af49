"""Whatever happens in whatever order: the promises that a supervisor's core must keep.

A machine of hypothesis plays the world: starts and stops are answered late or never, children
end when they like, operators ask, timers fire. A naive model keeps the whole history and says
what must not be in it.
"""

from __future__ import annotations

from itertools import count

from hypothesis import Phase as Generation
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from supctl.exits import NORMAL, SHUTDOWN, ExitKind, ExitReason
from supctl.specs import (
    AutoShutdown,
    Backoff,
    Exhausted,
    Intensity,
    Jitter,
    Restart,
    StartRate,
    Strategy,
)
from supctl.specs.policy import NO_BACKOFF
from supctl.supervision import messages as m
from supctl.supervision.core import Phase, SupervisorCore
from supctl.supervision.flags import Flags
from supctl.supervision.messages import ChildState
from tests.supervision.naive import HALF, Model, Setup, WitnessedPacer

NAMES = ("a", "b", "c", "d")
NEW_NAMES = (*NAMES, "e", "f")
CRASH = ExitReason(ExitKind.CRASHED)
NO_START = ExitReason(ExitKind.START_FAILED)
FINISHED = ExitReason(ExitKind.FINISHED)
ESCALATED = ExitReason(ExitKind.ESCALATED)
REASONS = st.sampled_from([NORMAL, SHUTDOWN, CRASH, FINISHED])
NEVER = 1e6
BACKOFFS = st.sampled_from(
    [
        NO_BACKOFF,
        Backoff(initial=1.0, maximum=4.0, reset_after=NEVER),
        Backoff(initial=0.5, maximum=9.0, jitter=Jitter.DECORRELATED, reset_after=NEVER),
    ]
)
REQUESTS = [m.TerminateChild, m.RestartChild, m.RenewChild, m.DeleteChild]
LIMITS = st.none() | st.builds(Intensity, st.integers(0, 3), st.just(10.0))
PACED = st.none() | st.builds(StartRate, st.integers(1, 3), st.just(3.0))
DOWN_FOR_GOOD = (None, ChildState.STOPPED, ChildState.FAILED)


@st.composite
def policies(draw: st.DrawFn, name: str, auto_shutdown: AutoShutdown) -> m.ChildPolicy:
    restart = draw(st.sampled_from(Restart))
    may_be_significant = (
        auto_shutdown is not AutoShutdown.NEVER and restart is not Restart.PERMANENT
    )
    return m.ChildPolicy(
        name,
        restart,
        draw(BACKOFFS),
        draw(st.none() | st.integers(0, 3)),
        draw(LIMITS),
        draw(st.sampled_from(Exhausted)),
        draw(st.sampled_from([0.0, 2.0])),
        essential=draw(st.integers(0, 9)) == 0,
        significant=may_be_significant and draw(st.booleans()),
        is_supervisor=draw(st.booleans()),
    )


@st.composite
def dependent(draw: st.DrawFn, children: list[m.ChildPolicy]) -> list[m.ChildPolicy]:
    """Let children depend on any before them: to be up, if not temporary, or to end."""
    made: list[m.ChildPolicy] = []
    for child in children:
        lasting = [it.name for it in made if it.restart is not Restart.TEMPORARY]
        needed = draw(some_of(lasting))
        rest = [it.name for it in made if it.name not in needed]
        ends = draw(some_of(rest)) if draw(st.booleans()) else ()
        well = tuple(name for name in ends if draw(st.booleans()))
        after = {"after_success": well, "after_end": tuple(set(ends) - set(well))}
        values = {key: getattr(child, key) for key in child.__slots__}
        made.append(m.ChildPolicy(**{**values, "depends_on": needed, **after}))
    return made


def some_of(names: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(names), unique=True).map(tuple) if names else st.just(())


@st.composite
def setups(draw: st.DrawFn) -> Setup:
    strategy = draw(st.sampled_from(Strategy))
    dynamic = strategy is Strategy.SIMPLE_ONE_FOR_ONE
    concurrent = (dynamic or strategy is Strategy.ONE_FOR_ONE) and draw(st.booleans())
    auto_shutdown = draw(st.sampled_from(AutoShutdown))
    names = () if dynamic else NAMES[: draw(st.integers(1, 4))]
    children = [draw(policies(name, auto_shutdown)) for name in names]
    retries = draw(st.booleans())
    if concurrent or retries or draw(st.booleans()):
        children = draw(dependent(children))
    limit = draw(st.none() | st.integers(0, 4))
    return Setup(children, strategy, concurrent, auto_shutdown, limit, 5.0, retries)


class Supervision(RuleBasedStateMachine):
    """The world around one core."""

    core: SupervisorCore
    model: Model

    @initialize(setup=setups(), paced=PACED)
    def begin(self, setup: Setup, paced: StartRate | None) -> None:
        pacer = None if paced is None else WitnessedPacer(paced)
        self.model = Model(setup, pacer)
        self.tokens = count()
        self.core = SupervisorCore(
            setup.policies,
            Flags(
                setup.strategy,
                Intensity(setup.max_restarts, setup.within),
                setup.auto_shutdown,
                concurrent=setup.concurrent,
                retries=setup.retries,
            ),
            random=lambda: HALF,
            pacer=pacer,
        )
        self.feed(m.Begin())

    @precondition(lambda self: self.over)
    @rule(setup=setups(), paced=PACED, request=st.sampled_from(REQUESTS))
    def another_begins(
        self, setup: Setup, paced: StartRate | None, request: type[m.TerminateChild]
    ) -> None:
        """Who asks too late is refused; then there is another supervisor to be looked at."""
        self.feed(request("a", next(self.tokens)))
        assert not self.model.pending
        self.begin(setup, paced)

    def feed(self, event: m.Event) -> list[m.Command]:
        self.model.hear(event)
        commands = self.core.handle(event, self.model.now)
        for command in commands:
            self.model.say(command)
        return commands

    @property
    def ready(self) -> bool:
        return hasattr(self, "model")

    @property
    def on(self) -> bool:
        return self.ready and self.model.finished is None

    @property
    def over(self) -> bool:
        return self.ready and self.model.finished is not None

    # What children do.

    @precondition(lambda self: self.ready and self.model.starting)
    @rule(data=st.data())
    def start_succeeds(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.model.starting)))
        self.feed(m.ChildUp(name, self.model.starting[name]))

    @precondition(lambda self: self.ready and self.model.starting)
    @rule(data=st.data(), how=st.integers(0, 9))
    def start_is_answered(self, data: st.DataObject, how: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.model.starting)))
        run = self.model.starting[name]
        if how == 0:
            self.feed(m.ChildIgnored(name, run))
        elif how < (3 if self.model.is_up else 1):  # else few would come through the start phase
            self.feed(m.ChildNotUp(name, run, NO_START))
        else:
            self.feed(m.ChildUp(name, run))

    @precondition(lambda self: self.ready and self.model.running)
    @rule(data=st.data())
    def child_crashes(self, data: st.DataObject) -> None:
        self.child_ends(data, CRASH)

    @precondition(lambda self: self.ready and self.model.running)
    @rule(data=st.data(), reason=REASONS)
    def child_ends(self, data: st.DataObject, reason: ExitReason) -> None:
        name = data.draw(st.sampled_from(sorted(self.model.running)))
        ends_it_all = self.ends_it_all(name, reason)
        commands = self.feed(m.ChildDown(name, self.model.running[name], reason))
        if ends_it_all is not None:
            assert (m.AutoShutdown(name) in commands) is ends_it_all

    @precondition(lambda self: self.ready and self.model.running)
    @rule(data=st.data(), really=st.integers(0, 9))
    def child_ends_the_tree(self, data: st.DataObject, really: int) -> None:
        if really == 0:
            name = data.draw(st.sampled_from(sorted(self.model.running)))
            was_ending = self.core.phase is Phase.ENDING
            commands = self.feed(m.ChildDown(name, self.model.running[name], ESCALATED))
            assert self.core.phase in (Phase.ENDING, Phase.OVER)
            assert was_ending or m.AutoShutdown(name) in commands

    def ends_it_all(self, name: str, reason: ExitReason) -> bool | None:
        """Return whether this end must end the supervisor; ``None`` if that is hard to tell."""
        if not self.model.quiet or not self.model.is_up:
            return None
        policy = self.model.known[name].policy
        may_fail = policy.give_up_after is not None or policy.limit is not None
        if may_fail or policy.essential:
            return None
        if not policy.significant or policy.is_restarted_after(reason):
            return False
        others = [it.policy for it in self.model.known.values() if it.policy is not policy]
        left = any(
            it.significant and self.core.state_of(it.name) not in DOWN_FOR_GOOD for it in others
        )
        return self.model.setup.auto_shutdown is AutoShutdown.ANY_SIGNIFICANT or not left

    # Time.

    @precondition(lambda self: self.ready and self.model.timers)
    @rule()
    def timer_fires(self) -> None:
        at, timer = min(self.model.timers, key=lambda entry: entry[0])
        self.model.now = max(self.model.now, at)
        self.feed(m.TimerFired(timer.name, timer.token))

    @precondition(lambda self: self.on)
    @rule(seconds=st.sampled_from([0.5, 3.0, 5.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        """Time passes, but not beyond a timer that is due."""
        now = self.model.now
        due = min((at for at, _ in self.model.timers), default=now + seconds)
        self.model.now = max(now, min(now + seconds, due))

    # What operators do.

    @precondition(lambda self: self.on)
    @rule(data=st.data(), kind=st.sampled_from(REQUESTS))
    def somebody_asks(self, data: st.DataObject, kind: type[m.TerminateChild]) -> None:
        names = [*self.model.known, "nobody"]
        self.feed(kind(data.draw(st.sampled_from(names)), next(self.tokens)))

    @precondition(lambda self: self.on)
    @rule(data=st.data())
    def somebody_begins_with(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from([*self.model.known, "nobody"]))
        self.feed(m.RestartChild(name, next(self.tokens), in_order=True))

    @precondition(lambda self: self.on)
    @rule(data=st.data(), name=st.sampled_from(NEW_NAMES))
    def somebody_adds(self, data: st.DataObject, name: str) -> None:
        policy = data.draw(policies(name, self.model.setup.auto_shutdown))
        self.feed(m.StartChild(policy, next(self.tokens)))
        self.feed(m.WhichChildren(next(self.tokens)))
        self.feed(m.CountChildren(next(self.tokens)))

    @precondition(lambda self: self.on)
    @rule(urgent=st.booleans(), really=st.integers(0, 4))
    def parent_stops(self, urgent: bool, really: int) -> None:
        if really == 0:  # seldom, or nothing else would happen
            self.feed(m.Shutdown(urgent=urgent))

    # What is always so.

    @precondition(lambda self: self.ready)
    @invariant()
    def both_know_the_same_children(self) -> None:
        for name in NEW_NAMES:
            assert (self.core.state_of(name) is not None) is (name in self.model.known)

    @precondition(lambda self: self.over)
    @invariant()
    def the_end_is_the_end(self) -> None:
        assert self.core.phase is Phase.OVER
        assert not self.model.pending, "somebody was not answered"

    @precondition(lambda self: self.on)
    @invariant()
    def somebody_is_always_awaited(self) -> None:
        """While an answer is owed, or it ends, somebody has been asked: it cannot wait for ever."""
        if self.model.pending:
            assert not self.model.quiet
        if self.core.phase is Phase.ENDING:
            assert self.model.stopping
        if self.core.phase is Phase.STARTING:
            assert self.model.starting or self.model.setup.retries

    @precondition(lambda self: self.on and self.model.quiet)
    @invariant()
    def nobody_is_left_lying(self) -> None:
        """When nothing is under way, who does not live waits for a timer or has a reason."""
        due = {timer.token for _, timer in self.model.timers}
        for name, child in self.model.known.items():
            if self.core.state_of(name) is ChildState.WAITING:
                assert due.intersection(child.timers)
            elif self.model.setup.one_by_one:
                assert self.model.lives(name) or child.parked

    @precondition(lambda self: self.on and self.model.quiet and self.model.is_up)
    @invariant()
    def nobody_waits_for_what_has_come(self) -> None:
        """When nothing is under way, who is held lacks something that has not come."""
        if self.model.setup.one_by_one:
            for name, child in self.model.known.items():
                if self.core.state_of(name) is ChildState.HELD:
                    # Who was up and has crashed is to be up again.
                    states = {self.core.state_of(it) for it in child.policy.depends_on}
                    is_away = states & {ChildState.WAITING, ChildState.FAILED}
                    assert is_away or not self.model.is_free(child.policy)

    def teardown(self) -> None:
        """Whatever has happened, a stop brings it to its end."""
        if not self.ready:
            return
        if self.on:
            self.feed(m.Shutdown(urgent=True))
        for _ in range(20):
            for name, run in sorted(self.model.starting.items()):
                self.feed(m.ChildNotUp(name, run, NO_START))
            for name in sorted(self.model.stopping):
                self.feed(m.ChildDown(name, self.model.running[name], SHUTDOWN))
        assert self.over
        self.the_end_is_the_end()


TestSupervision = Supervision.TestCase
# A failing run is printed as it was found: shrinking one of forty steps can take minutes.
TestSupervision.settings = settings(
    max_examples=100, stateful_step_count=40, phases=[Generation.explicit, Generation.generate]
)
