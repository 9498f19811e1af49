"""A world around one supervisor's core, for tests that say what happens in it word by word."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from supctl.exits import SHUTDOWN, ExitKind, ExitReason, ExitStatus
from supctl.specs import AutoShutdown, Backoff, Intensity, Restart, Strategy
from supctl.specs.policy import NO_BACKOFF
from supctl.supervision import messages as m
from supctl.supervision.core import SupervisorCore
from supctl.supervision.flags import Flags
from supctl.supervision.history import NEW, Standing
from supctl.supervision.pacer import Pacer

CRASH = ExitReason(ExitKind.CRASHED, ExitStatus(code=1))
KILLED = ExitReason(ExitKind.KILLED, ExitStatus(signal=9))
NO_START = ExitReason(ExitKind.START_FAILED, detail="scripted")
ALL = Strategy.ONE_FOR_ALL
REST = Strategy.REST_FOR_ONE
DYNAMIC = Strategy.SIMPLE_ONE_FOR_ONE
SLOW = Backoff(initial=1.0, factor=2.0, maximum=8.0, reset_after=60.0)  # half of it: see random

C = TypeVar("C", bound=m.Command)


def policy(name: str, restart: Restart | str = "permanent", **keys: Any) -> m.ChildPolicy:
    """Return the policy of a child that is restarted at once."""
    return m.ChildPolicy(name, Restart(restart), **{"backoff": NO_BACKOFF, **keys})


class World:
    """Does at once what the core says, and keeps a trace of it.

    In the trace ``+a`` is a start, ``!a`` one that fails, ``~a`` one that is ignored, ``-a`` a
    stop; the rest are words. With ``reports`` it also holds what is reported or forgotten, in
    brackets.

    Args:
        children: policies, or names of permanent children.
        fails: names whose next starts fail, one entry a failure.
        ignores: names whose starts are ignored.
        slow: names whose starts and stops are answered by the test, with :meth:`rise`,
            :meth:`fail`, :meth:`ignore` and :meth:`exit`.
        ends: with what a child ends that is stopped, by name; else ``shutdown``.
        past: what was with the supervisor in a process of before.
    """

    def __init__(
        self,
        *children: str | m.ChildPolicy,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        max_restarts: int | None = 10,
        within: float = 5.0,
        auto_shutdown: str = "never",
        concurrent: bool = False,
        pacer: Pacer | None = None,
        retries: bool = False,
        fails: Iterable[str] = (),
        ignores: Iterable[str] = (),
        slow: Iterable[str] = (),
        ends: dict[str, ExitReason] | None = None,
        reports: bool = False,
        past: Standing = NEW,
        is_forest: bool = False,
    ) -> None:
        policies = [policy(child) if isinstance(child, str) else child for child in children]
        self.names = [child.name for child in policies]
        self.core = SupervisorCore(
            policies,
            Flags(
                strategy,
                Intensity(max_restarts, within),
                AutoShutdown(auto_shutdown),
                concurrent=concurrent,
                retries=retries,
                is_forest=is_forest,
            ),
            random=lambda: 0.5,
            pacer=pacer,
            past=past,
        )
        self.now = 0.0
        self.fails, self.ignores, self.slow = list(fails), set(ignores), set(slow)
        self.ends = ends or {}
        self.runs: dict[str, int] = {}
        self.reports = reports
        self.commands: list[m.Command] = []
        self._trace: list[str] = []
        self._mailbox: deque[m.Event] = deque()
        self._busy = False

    # What the test does.

    def up(self) -> World:
        """Begin; what that looks like is not in the trace."""
        self.feed(m.Begin())
        self._trace.clear()
        return self

    def feed(self, *events: m.Event) -> None:
        """Let events come about, one behind the other."""
        self._mailbox += events
        if not self._busy:
            self._busy = True
            while self._mailbox:
                for command in self.core.handle(self._mailbox.popleft(), self.now):
                    self._obey(command)
            self._busy = False

    def rise(self, name: str) -> str:
        """The start that is under way succeeds."""
        self.feed(m.ChildUp(name, self.runs[name]))
        return self.seen()

    def fail(self, name: str) -> str:
        """The start that is under way fails."""
        self.feed(m.ChildNotUp(name, self.runs[name], NO_START))
        return self.seen()

    def ignore(self, name: str) -> str:
        """The start that is under way is ignored."""
        self.feed(m.ChildIgnored(name, self.runs[name]))
        return self.seen()

    def exit(self, name: str, reason: ExitReason = CRASH) -> str:
        """A child that was up ends."""
        self.feed(m.ChildDown(name, self.runs[name], reason))
        return self.seen()

    def fire(self, timer: m.SetTimer) -> str:
        """Let the time go by that a timer takes, from now on."""
        self.now += timer.delay
        self.feed(m.TimerFired(timer.name, timer.token))
        return self.seen()

    def ask(self, make: Callable[..., m.Request], *name: str) -> Any:
        """Make a request that is answered at once; return its answer, also if it is an error."""
        token, before = object(), len(self.commands)
        self.feed(make(*name, token))
        said = self.commands[before:]
        (reply,) = [it for it in said if isinstance(it, m.Reply) and it.token is token]
        return reply.result

    def add(self, child: str | m.ChildPolicy) -> Any:
        """Ask for a new child; return the answer, also if it is an error."""
        made = policy(child) if isinstance(child, str) else child
        return self.ask(lambda token: m.StartChild(made, token))

    # What the test sees.

    def seen(self) -> str:
        """Return what has happened since the last look."""
        told = " ".join(self._trace)
        self._trace.clear()
        return told

    def said(self, kind: type[C]) -> list[C]:
        """Return all commands of one kind, from the first."""
        return [command for command in self.commands if isinstance(command, kind)]

    def answers_to(self, token: object) -> list[Any]:
        """Return all answers to a request."""
        return [reply.result for reply in self.said(m.Reply) if reply.token is token]

    def answer_to(self, token: object) -> Any:
        """Return the one answer to a request."""
        (answer,) = self.answers_to(token)
        return answer

    def states(self) -> str:
        """Return the states of the children of the beginning, in order."""
        return " ".join(str(self.core.state_of(name)) for name in self.names)

    @property
    def finished(self) -> m.Finished | None:
        """The last word of the core, if it has been said."""
        return next(iter(self.said(m.Finished)), None)

    # What becomes of what the core says.

    def _obey(self, command: m.Command) -> None:
        self.commands.append(command)
        if word := self._word(command):
            self._trace.append(word)
        match command:
            case m.Start(name, run):
                self.runs[name] = run
                if name in self.fails:
                    self.fails.remove(name)
                    self._mailbox.append(m.ChildNotUp(name, run, NO_START))
                elif name in self.ignores:
                    self._mailbox.append(m.ChildIgnored(name, run))
                elif name not in self.slow:
                    self._mailbox.append(m.ChildUp(name, run))
            case m.Stop(name, run) if name not in self.slow:
                self._mailbox.append(m.ChildDown(name, run, self.ends.get(name, SHUTDOWN)))

    def _word(self, command: m.Command) -> str:
        match command:
            case m.Start(name):
                return ("!" if name in self.fails else "~" if name in self.ignores else "+") + name
            case m.Stop(name):
                return f"-{name}"
            case m.ChildFailed(name):
                return f"failed {name}"
            case m.GaveUp(name):
                return f"gave up {name}"
            case m.ChildHeld(name, needs, awaits, failed):
                ends = [f"{it}'s end" for it in awaits] + [f"{it}'s success" for it in failed]
                return f"{name} waits for {' '.join([*needs, *ends])}"
            case m.AutoShutdown(name):
                return f"no more {name}"
            case m.Up():
                return "up"
            case m.Finished():
                return "over"
            case m.Report() if self.reports:
                who = command.name or str(command.children)
                return f"({command.context} {who}: {command.reason.kind})"
            case m.Forgotten(name) if self.reports:
                return f"(forgotten {name})"
        return ""
