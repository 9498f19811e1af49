"""Plays scenarios of the OTP oracle on our pure core, and prints its traces in the same form.

Each supervisor is a core of its own, back-off is zero, and time is whole seconds that only
``advance`` moves. What happens is the player's; what follows from it is the core's.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from supctl.errors import InvalidConfig
from supctl.exits import NORMAL, SHUTDOWN, ExitKind, ExitReason
from supctl.specs import App, DynamicSupervisor, Stop, Strategy, Supervisor
from supctl.specs.policy import NO_BACKOFF
from supctl.supervision import messages as m
from supctl.supervision.child import policy_of
from supctl.supervision.core import SupervisorCore
from supctl.supervision.flags import Flags
from tests.otp.language import SIMPLE, Definition, Scenario, read_scenarios
from tests.otp.words import counts_in_words, in_canonical_order, in_words

Tell: TypeAlias = Callable[[str], None]

_REASONS: Final = {
    "normal": NORMAL,
    "shutdown": SHUTDOWN,
    "crash": ExitReason(ExitKind.CRASHED, detail="crash"),
    "killed": ExitReason(ExitKind.KILLED, detail="killed"),
}


def traces_of(lines: Iterable[str]) -> Iterator[str]:
    """Yield the trace of each scenario in a script file, as the oracle prints it."""
    return map(trace, read_scenarios(lines))


def trace_of(scenario: str) -> str:
    """Return the trace of the one scenario in a text."""
    (told,) = traces_of(scenario.splitlines())
    return told


def trace(scenario: Scenario) -> str:
    """Return the trace of a scenario."""
    lines = [line for block in Player(scenario).play() for line in block]
    return "\n".join([f"scenario {scenario.name}", *lines, "end"]) + "\n"


@dataclass(eq=False)
class Life:
    """One life of a worker or, with a core, of a supervisor.

    ``key`` is the name by which its parent's core knows it: its id, but under a simple
    supervisor a name for each instance, as OTP has a pid for each.
    """

    id: str
    key: str
    number: int
    parent: Life | None
    run: int
    definition: Definition
    core: SupervisorCore | None = None
    serves: bool = False
    """Whether it is a supervisor that has come through its start phase."""

    @property
    def is_simple(self) -> bool:
        return self.definition["strategy"] == SIMPLE


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
        self._now = 0.0
        self._lives: dict[str, Life] = {}  # by key
        self._keys: dict[str, str] = {}  # of an id's latest process
        self._numbers: dict[str, int] = {}  # of a key's latest process
        self._ids: dict[str, str] = {}  # of a key
        self._attempts: Counter[str] = Counter()  # by id
        self._messages: deque[tuple[Life, m.Event]] = deque()
        self._hooks: list[Hook] = []
        self._fired: list[Hook] = []
        self._why_not_up: dict[str, str] = {}
        self._result = ""
        self._trace: list[str] = []

    def play(self) -> Iterator[list[str]]:
        """Yield the trace block by block."""
        for action in self._scenario.actions:
            self._trace, self._fired, self._result = [], [], "ok"
            self._act(action)
            while self._messages:
                self._deliver(*self._messages.popleft())
            yield [
                f"> {' '.join(action)}",
                *in_canonical_order(self._trace, self._scenario.definitions),
                *(f"= during {hook.id} {hook.attempt}: {hook.result}" for hook in self._fired),
                f"= {self._result}",
                *self._state(),
            ]

    # Actions.

    def _act(self, action: list[str]) -> None:
        match action:
            case ["start"]:
                root = self._scenario.root
                self._start(Life(root.id, root.id, 0, None, 1, root))
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
                self._hooks.append(Hook(name, int(attempt), what))
            case [kind, supervisor, *name]:
                self._request(kind, supervisor, "".join(name), self._set_result)

    def _set_result(self, result: str) -> None:
        self._result = result

    def _exit(self, name: str, reason: str) -> bool:
        """End a worker by itself; return whether it was alive."""
        life = self._lives.get(self._keys.get(name, ""))
        if life is None:
            return False
        self._down(life, "killed" if reason == "kill" else reason)
        return True

    def _stop_root(self) -> str:
        root = self._lives.get(self._scenario.root.id)
        if root is None:
            return "not_alive"
        self._messages.append((root, m.Shutdown()))
        return "ok"

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
                case [kind, supervisor, *child]:
                    self._request(kind, supervisor, "".join(child), hook.set_result)

    # Requests.

    def _request(self, kind: str, supervisor: str, name: str, told: Tell) -> None:
        life = self._lives.get(supervisor)
        if life is None:
            told("error noproc")
            return
        key = self._keys.get(name, name) if life.is_simple else name
        match kind:
            case "start_child":
                self._request_start(life, name, told)
            case "terminate_child" if life.is_simple and name not in self._keys:
                told(f"error {SIMPLE}")  # OTP takes a pid there, and this is none
            case "terminate_child":
                self._post(life, m.TerminateChild(key, Answer(told, life, kind)))
            case "restart_child":
                answer = Answer(told, life, kind, self._what_started(key))
                self._post(life, m.RestartChild(key, answer))
            case "delete_child":
                self._post(life, m.DeleteChild(key, Answer(told, life, kind)))
            case "which_children":
                self._post(life, m.WhichChildren(Answer(told, life, kind, self._listing(life))))
            case "count_children":
                self._post(life, m.CountChildren(Answer(told, life, kind, _counts)))
            case "get_childspec" if life.is_simple:
                (template,) = self._scenario.children_of(life.id)
                known = name in self._keys or name == template.id
                told(template.as_childspec if known else "error not_found")
            case "get_childspec":
                self._post(life, m.GetChildSpec(key, Answer(told, life, kind, self._described)))

    def _post(self, life: Life, event: m.Event) -> None:
        self._messages.append((life, event))

    def _request_start(self, life: Life, name: str, told: Tell) -> None:
        if life.is_simple:
            (definition,) = self._scenario.children_of(life.id)
            key = f"{name}#{len(self._ids)}"
        else:
            definition, key = self._scenario.definitions[name], name
        try:
            _supervisor_spec(life.definition).check_child(_child_spec(definition))
        except InvalidConfig:
            told("error bad_combination")
            return
        self._ids[key] = name
        answer = Answer(told, life, "start_child", self._what_started(key))
        self._post(life, m.StartChild(_policy(definition, key), answer))

    def _what_started(self, key: str) -> Callable[[Any], str]:
        def say(run: int | None) -> str:
            return "ok ignored" if run is None else f"ok {self._ids[key]}:{self._numbers[key]}"

        return say

    def _listing(self, life: Life) -> Callable[[Any], str]:
        def say(rows: list[tuple[str, m.ChildState]]) -> str:
            items = [self._item(life, key, state) for key, state in rows]
            return f"[{' '.join(sorted(items) if life.is_simple else items)}]"

        return say

    def _item(self, life: Life, key: str, state: m.ChildState) -> str:
        if state is m.ChildState.WAITING:
            return "?:~" if life.is_simple else f"{key}:~"
        if state in m.NO_PROCESS:
            return f"{key}:-"
        return f"{self._ids[key]}:{self._numbers[key]}"

    def _described(self, name: str) -> str:
        return self._scenario.definitions[name].as_childspec

    # Starts and ends of processes.

    def _start(self, life: Life) -> None:
        name = self._ids[life.key] = life.id
        self._attempts[name] += 1
        if life.parent is not None and life.parent.serves:
            self._fire_hooks(name)
        life.number = self._attempts[name]
        match life.definition.result_of(life.number):
            case "ignore":
                self._trace.append(f"start {name} {life.number} ignore")
                self._tell(life, m.ChildIgnored(life.key, life.run), "ok ignored")
            case "error":
                self._not_up(life, "scripted")
            case _ if life.definition.is_supervisor:
                self._begin(life)
            case _:
                self._up(life)

    def _begin(self, life: Life) -> None:
        self._trace.append(f"init {life.id} {life.number}")
        children = self._scenario.children_of(life.id)
        try:
            spec = _supervisor_spec(life.definition, children)
        except InvalidConfig:
            self._not_up(life, "bad_spec" if life.parent else "bad_spec(bad_combination)")
            return
        life.core = SupervisorCore(
            [] if life.is_simple else [_policy(child, child.id) for child in children],
            Flags.of(spec),
            random=lambda: 0.0,
        )
        self._lives[life.key] = life
        self._messages.append((life, m.Begin()))

    def _up(self, life: Life) -> None:
        self._trace.append(f"start {life.id} {life.number} ok")
        life.serves = life.core is not None
        self._lives[life.key] = life
        self._keys[life.id], self._numbers[life.key] = life.key, life.number
        self._tell(life, m.ChildUp(life.key, life.run), f"ok {life.id}:{life.number}")

    def _not_up(self, life: Life, why: str) -> None:
        self._trace.append(f"start {life.id} {life.number} error")
        self._lives.pop(life.key, None)
        self._why_not_up[life.key] = why
        reason = ExitReason(ExitKind.START_FAILED, detail=why)
        self._tell(life, m.ChildNotUp(life.key, life.run, reason), f"error {why}")

    def _down(self, life: Life, reason: str) -> None:
        self._trace.append(f"stop {life.id} {life.number} {reason}")
        del self._lives[life.key]
        told = _REASONS.get(reason) or ExitReason(ExitKind.NORMAL, detail=reason)
        if life.parent is not None:
            self._messages.append((life.parent, m.ChildDown(life.key, life.run, told)))

    def _tell(self, life: Life, event: m.Event, result: str) -> None:
        """Let its parent know; of the root, the one who has started it."""
        if life.parent is not None:
            self._messages.append((life.parent, event))
        else:
            self._result = result

    def _stop(self, key: str) -> None:
        life = self._lives.get(key)
        if life is None:
            return  # it has ended by itself, and its parent is about to hear of it
        if life.core is not None:
            self._messages.append((life, m.Shutdown()))
        else:
            self._down(life, life.definition.reason_when_stopped)

    # Supervisors.

    def _deliver(self, life: Life, event: m.Event) -> None:
        assert life.core is not None
        for command in life.core.handle(event, self._now):
            self._obey(life, command)

    def _obey(self, life: Life, command: m.Command) -> None:
        match command:
            case m.Start(key, run):
                name = self._ids.get(key, key)
                if life.is_simple:
                    (definition,) = self._scenario.children_of(life.id)
                else:
                    definition = self._scenario.definitions[name]
                self._start(Life(name, key, 0, life, run, definition))
            case m.Stop(key):
                self._stop(key)
            case m.Reply(answer, result):
                answer.put(result)
            case m.Report(m.Context.SHUTDOWN):
                pass  # the oracle has a line of its own for it
            case m.Report(context, key, reason):
                self._report(life, context, key, reason)
            case m.GaveUp(key):
                self._trace.append(f"gave_up {life.id} {self._ids[key]}")
            case m.Up():
                self._up(life)
            case m.Finished(not_started=None):
                self._down(life, "shutdown")
            case m.Finished(not_started=str(child)):
                self._not_up(life, f"failed_to_start({child},{self._why_not_up[child]})")

    def _report(self, life: Life, context: m.Context, key: str, reason: ExitReason) -> None:
        (template, *_) = self._scenario.children_of(life.id) or [life.definition]
        offender = self._ids[key] if key else template.id
        told = reason.detail or reason.kind.value
        self._trace.append(f"report {life.id} {context} {offender} {told}")

    # What is shown after each action.

    def _state(self) -> list[str]:
        root = self._lives.get(self._scenario.root.id)
        if root is None:
            return ["state -"]
        windows: list[str] = []
        shown = self._tree(root, windows)
        return [f"state {shown}", f"window {' '.join(windows)}"]

    def _tree(self, life: Life, windows: list[str]) -> str:
        told = f"{life.id}:{life.number}"
        if life.core is None:
            return told
        windows.append(f"{life.id}={life.core.restarts_in_window(self._now)}")
        (reply,) = life.core.handle(m.WhichChildren(None), self._now)
        assert isinstance(reply, m.Reply)
        items = []
        for key, state in reply.result[::-1]:
            child = self._lives.get(key)
            shown = self._tree(child, windows) if child else self._item(life, key, state)
            items.append(shown)
        return f"{told}[{' '.join(sorted(items) if life.is_simple else items)}]"


@dataclass(eq=False)
class Answer:
    """The token of a request: where its answer is put, and how it is said."""

    told: Tell
    life: Life
    kind: str
    say: Callable[[Any], str] = lambda _: "ok"

    def put(self, result: Any) -> None:
        """Tell the answer as the oracle does."""
        if isinstance(result, Exception):
            self.told(in_words(result, self.kind, simple=self.life.is_simple))
        else:
            self.told(self.say(result))


def _counts(counts: m.Counts) -> str:
    return counts_in_words(counts.specs, counts.active, counts.supervisors, counts.workers)


# The oracle's definitions as specs of ours, so that ours are validated too.


def _child_spec(definition: Definition) -> App:
    return App(
        definition.id,
        ["scripted"],
        restart=definition["restart"],
        backoff=NO_BACKOFF,
        significant=definition["significant"] == "true",
        stop=Stop(grace=0.0 if definition.is_brutal else 5.0),
    )


def _supervisor_spec(definition: Definition, children: Iterable[Definition] = ()) -> Supervisor:
    specs = [_child_spec(child) for child in children]
    options: dict[str, Any] = {
        "max_restarts": int(definition["intensity"]),
        "within": int(definition["period"]),
        "auto_shutdown": definition["auto_shutdown"],
    }
    if definition["strategy"] == SIMPLE:
        (template,) = specs or [App("template", ["scripted"])]
        return DynamicSupervisor(definition.id, template, **options)
    strategy = Strategy(definition["strategy"])
    return Supervisor(definition.id, specs, strategy=strategy, **options)


def _policy(definition: Definition, key: str) -> m.ChildPolicy:
    policy = policy_of(key, _child_spec(definition))
    return replace(policy, is_supervisor=definition["type"] == "supervisor")
