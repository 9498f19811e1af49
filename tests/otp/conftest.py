"""Plays scenarios of the OTP oracle (../shared/otp/README.md) on our core.

A scenario is played as far as we have what it uses; :class:`NotSupported` says why it ends there.
Traces are those of the oracle without queries, ``report`` and ``window`` lines. Each supervisor is
a core of its own, back-off is zero, and time is whole seconds that only ``advance`` moves.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import pytest

from supctl.errors import InvalidState, ProcessNotFound, StartFailed
from supctl.exits import NORMAL, SHUTDOWN, ExitKind, ExitReason
from supctl.specs import Intensity, Restart, Strategy
from supctl.specs.policy import NO_BACKOFF
from supctl.supervision import messages as m
from supctl.supervision.core import SupervisorCore

Block: TypeAlias = list[str]

_DEFAULTS: Final = {
    "parent": "",
    "restart": "permanent",
    "shutdown": "",  # of interest only if it is brutal_kill
    "significant": "false",
    "strategy": "one_for_one",
    "intensity": "1",
    "period": "5",
    "starts": "",
    "then": "ok",
    "onstop": "exit",
}
_QUERIES: Final = frozenset({"which_children", "count_children", "get_childspec"})
"""They change nothing, so they are left out."""
_REQUESTS: Final[dict[str, type[m.TerminateChild] | type[m.RestartChild]]] = {
    "terminate_child": m.TerminateChild,
    "restart_child": m.RestartChild,
}
_REASONS: Final = {
    "normal": NORMAL,
    "shutdown": SHUTDOWN,
    "crash": ExitReason(ExitKind.CRASHED),
    "killed": ExitReason(ExitKind.KILLED),
}


class NotSupported(Exception):
    """A scenario goes where supctl does not go yet; the text says where."""


@dataclass
class Definition:
    """A ``sup`` or ``child`` line."""

    id: str
    is_supervisor: bool
    options: dict[str, str]

    def __getitem__(self, option: str) -> str:
        return self.options[option]

    def result_of(self, attempt: int) -> str:
        """Return what start number ``attempt`` results in."""
        script = [word for word in self["starts"].split(",") if word]
        return script[attempt - 1] if attempt <= len(script) else self["then"]

    def reason_when_stopped(self) -> str:
        onstop = self["onstop"]
        if onstop == "ignore" or self["shutdown"] == "brutal_kill":
            return "killed"
        return "shutdown" if onstop == "exit" else onstop


@dataclass
class Scenario:
    """Definitions in start order, and actions as lists of words."""

    name: str
    definitions: dict[str, Definition] = field(default_factory=dict)
    actions: list[list[str]] = field(default_factory=lambda: [["start"]])

    def children_of(self, supervisor: str) -> list[Definition]:
        return [one for one in self.definitions.values() if one["parent"] == supervisor]


def read_scenarios(lines: Iterable[str]) -> Iterator[Scenario]:
    """Yield the scenarios of a script file."""
    scenario = Scenario("")
    for line in lines:
        match line.partition("#")[0].split():
            case ["scenario", name]:
                scenario = Scenario(name)
            case ["sup" | "child" as kind, name, *options]:
                given = dict(option.split("=", 1) for option in options)
                scenario.definitions[name] = Definition(name, kind == "sup", _DEFAULTS | given)
            case ["do", *action]:
                scenario.actions.append(action)
            case ["end"]:
                yield scenario


@dataclass(eq=False)
class Life:
    """One life of a worker or, with a core, of a supervisor."""

    id: str
    number: int
    parent: Life | None
    run: int
    core: SupervisorCore | None = None
    serves: bool = False
    """Whether it is a supervisor that has come through its start phase."""


@dataclass
class Hook:
    """A ``during`` line: what happens when that attempt is made."""

    id: str
    attempt: int
    action: list[str]
    result: str = "no answer"

    def set_result(self, result: str) -> None:
        """Take the result, which may come later."""
        self.result = result


class Player:
    """The world of one scenario: processes, their messages, and the trace of what happens."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._root = next(iter(scenario.definitions.values()))
        self._now = 0.0
        self._lives: dict[str, Life] = {}
        self._attempts: Counter[str] = Counter()
        self._messages: deque[tuple[Life, m.Event]] = deque()
        self._hooks: list[Hook] = []
        self._fired: list[Hook] = []
        self._why_not_up: dict[str, str] = {}
        self._result = ""
        self._trace: Block = []

    def play(self) -> Iterator[Block]:
        """Yield the trace block by block.

        Raises:
            NotSupported: instead of the block in which something is not supported.
        """
        self._check_definitions()
        for action in self._scenario.actions:
            if action[0] in _QUERIES:
                continue
            self._trace = [f"> {' '.join(action)}"]
            self._result = "ok"
            self._act(action)
            while self._messages:
                self._deliver(*self._messages.popleft())
            fired = [f"= during {hook.id} {hook.attempt}: {hook.result}" for hook in self._fired]
            self._fired = []
            yield [*self._trace, *fired, f"= {self._result}", f"state {self._tree(self._root)}"]

    def _check_definitions(self) -> None:
        for one in self._scenario.definitions.values():
            if one["strategy"] == "simple_one_for_one":
                raise NotSupported("simple_one_for_one")
            if one["significant"] == "true" and one["parent"] != "-":
                raise NotSupported("significant")

    # Actions.

    def _act(self, action: list[str]) -> None:
        match action:
            case ["start"]:
                self._start(self._root, None, run=1)
            case ["exit", name, reason]:
                self._result = "ok" if self._exit(name, reason) else "not_alive"
            case ["burst", *pairs]:
                alive = sum([self._exit(*pair.split(":", 1)) for pair in pairs])
                self._result = f"ok {alive}" if alive else "not_alive"
            case ["stop"]:
                self._result = self._stop_root()
            case ["advance", seconds]:
                self._now += int(seconds)
            case ["during", name, attempt, *what]:
                if what[0] not in {"exit", "stop", *_REQUESTS}:
                    raise NotSupported(f"during {what[0]}")
                self._hooks.append(Hook(name, int(attempt), what))
            case [kind, supervisor, name] if kind in _REQUESTS:
                self._request(kind, supervisor, name, self._set_result)
            case [kind, *_]:
                raise NotSupported(kind)

    def _set_result(self, result: str) -> None:
        self._result = result

    def _exit(self, name: str, reason: str) -> bool:
        """End a worker by itself; return whether it was alive."""
        life = self._lives.get(name)
        if life is None:
            return False
        if life.core is not None:
            raise NotSupported("exit of a supervisor")
        self._down(life, "killed" if reason == "kill" else reason)
        return True

    def _stop_root(self) -> str:
        root = self._lives.get(self._root.id)
        if root is None:
            return "not_alive"
        self._messages.append((root, m.Shutdown()))
        return "ok"

    def _request(self, kind: str, supervisor: str, name: str, told: Callable[[str], None]) -> None:
        life = self._lives.get(supervisor)
        if life is None:
            told("error noproc")
            return

        def answer(error: Exception | None) -> None:
            done = f"ok {name}:{self._attempts[name]}" if kind == "restart_child" else "ok"
            told(done if error is None else f"error {_in_words(error)}")

        self._messages.append((life, _REQUESTS[kind](name, answer)))

    def _fire_hooks(self, name: str) -> None:
        """Put what is to arrive while this attempt is made into mailboxes, ahead of its answer."""
        for hook in self._hooks:
            if (hook.id, hook.attempt) != (name, self._attempts[name]):
                continue
            self._fired.append(hook)
            match hook.action:
                case ["exit", sibling, reason]:
                    hook.set_result("ok" if self._exit(sibling, reason) else "not_alive")
                case ["stop"]:
                    hook.set_result(self._stop_root())
                case [kind, supervisor, child]:
                    self._request(kind, supervisor, child, hook.set_result)

    # Starts and ends of processes.

    def _start(self, definition: Definition, parent: Life | None, run: int) -> None:
        name = definition.id
        self._attempts[name] += 1
        if parent is not None and parent.serves:
            self._fire_hooks(name)
        life = Life(name, self._attempts[name], parent, run)
        match definition.result_of(life.number):
            case "ignore":
                raise NotSupported("ignore")
            case "error":
                self._not_up(life, "scripted")
                return
        self._lives[name] = life
        if definition.is_supervisor:
            life.core = self._core_of(definition)
            self._trace.append(f"init {name} {life.number}")
            self._messages.append((life, m.Begin()))
        else:
            self._up(life)

    def _core_of(self, definition: Definition) -> SupervisorCore:
        return SupervisorCore(
            [
                m.ChildPolicy(child.id, Restart(child["restart"]), NO_BACKOFF)
                for child in self._scenario.children_of(definition.id)
            ],
            strategy=Strategy(definition["strategy"]),
            intensity=Intensity(int(definition["intensity"]), int(definition["period"])),
            random=lambda: 0.0,
        )

    def _up(self, life: Life) -> None:
        self._trace.append(f"start {life.id} {life.number} ok")
        life.serves = life.core is not None
        if life.parent is not None:
            self._messages.append((life.parent, m.ChildUp(life.id, life.run)))
        else:
            self._result = f"ok {life.id}:{life.number}"

    def _not_up(self, life: Life, why: str) -> None:
        self._trace.append(f"start {life.id} {life.number} error")
        self._lives.pop(life.id, None)
        self._why_not_up[life.id] = why
        if life.parent is not None:
            reason = ExitReason(ExitKind.START_FAILED, detail=why)
            self._messages.append((life.parent, m.ChildNotUp(life.id, life.run, reason)))
        else:
            self._result = f"error {why}"

    def _down(self, life: Life, reason: str) -> None:
        self._trace.append(f"stop {life.id} {life.number} {reason}")
        del self._lives[life.id]
        if life.parent is not None:
            told = _REASONS[reason.partition(":")[0]]
            self._messages.append((life.parent, m.ChildDown(life.id, life.run, told)))

    def _stop(self, name: str) -> None:
        life = self._lives.get(name)
        if life is None:
            return  # it has ended by itself, and its parent is about to hear of it
        if life.core is not None:
            self._messages.append((life, m.Shutdown()))
        else:
            self._down(life, self._scenario.definitions[name].reason_when_stopped())

    # Supervisors.

    def _deliver(self, life: Life, event: m.Event) -> None:
        assert life.core is not None
        for command in life.core.handle(event, self._now):
            self._obey(life, command)

    def _obey(self, life: Life, command: m.Command) -> None:
        match command:
            case m.StartChild(name, run):
                self._start(self._scenario.definitions[name], life, run)
            case m.StopChild(name):
                self._stop(name)
            case m.Reply(answer, error):
                answer(error)
            case m.GaveUp(name):
                self._trace.append(f"gave_up {life.id} {name}")
            case m.Up():
                self._up(life)
            case m.Finished(not_started=None):
                self._down(life, "shutdown")
            case m.Finished(not_started=str(child)):
                self._not_up(life, f"failed_to_start({child},{self._why_not_up[child]})")

    def _tree(self, definition: Definition) -> str:
        """Return ``definition`` and what lives below it, as a ``state`` line shows it."""
        life = self._lives.get(definition.id)
        if life is None:
            return "-" if definition is self._root else f"{definition.id}:-"
        told = f"{life.id}:{life.number}"
        if life.core is None:
            return told
        children = [
            self._tree(child)
            for child in self._scenario.children_of(life.id)
            if child.id in self._lives or child["restart"] != "temporary"
        ]
        return f"{told}[{' '.join(children)}]"


def _in_words(error: Exception) -> str:
    """Return an error as the oracle names it."""
    match error:
        case ProcessNotFound():
            return "not_found"
        case StartFailed(reason=reason):
            return reason
        case InvalidState(target="the supervisor"):
            return "died(shutdown)"
        case InvalidState(state=state):
            return "restarting" if state == m.ChildState.WAITING else "running"
    raise error


@dataclass(frozen=True)
class Played:
    """Our trace of a scenario, as far as we could play it."""

    name: str
    blocks: list[Block]
    why_not: str
    """Why it was not played to its end; empty if it was."""


def played(scenario: Scenario) -> Played:
    blocks: list[Block] = []
    try:
        for block in Player(scenario).play():
            blocks.append(block)  # noqa: PERF402 - what was played before it ended must be kept
    except NotSupported as why:
        return Played(scenario.name, blocks, str(why))
    return Played(scenario.name, blocks, "")


@pytest.fixture
def play() -> Callable[[Iterable[str]], Iterator[Played]]:
    """Play the scenarios in the lines of a script file."""
    return lambda lines: map(played, read_scenarios(lines))
