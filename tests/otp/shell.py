"""Plays scenarios of the OTP oracle on real trees: the trio shell, in virtual time.

Programs are scripts of the simulated backend, actors are real. What a trace says is noted where a
supervisor hears of it; reports and windows are the core's alone and are not printed. A parent's
stop is OTP's, not an operator's (docs/otp.md).
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from supctl import events as ev
from supctl.actors.incarnation import Down, Ignored, NotUp, Report, Up
from supctl.actors.services import Services
from supctl.actors.worker import WorkerActor
from supctl.backends.simulated import SimulatedProcess
from supctl.errors import StartFailed, SupctlError
from supctl.exits import ExitStatus
from supctl.supervision import messages as m
from supctl.supervision.child import Child
from supctl.supervision.eventlog import EventLog
from supctl.supervision.handle import SupervisorHandle
from supctl.supervision.local import LocalNode
from supctl.supervision.supervisor import Request, SupervisorActor
from supctl.supervision.tree import Tree
from supctl.supervision.world import World
from tests.otp.language import SIMPLE, Definition, Scenario, read_scenarios
from tests.otp.scripted import ENDS, ScriptedBackend, Specs
from tests.otp.words import counts_in_words, in_canonical_order, in_words

_PATIENCE: Final = 20.0
"""Virtual seconds after which everything must have come to rest."""

_MOVING: Final = frozenset({"starting", "stopping", "backoff"})


def traces_of(lines: Iterable[str]) -> Iterator[str]:
    """Yield the trace of each scenario in a script file, as the oracle prints it."""
    return map(trace, read_scenarios(lines))


def trace_of(scenario: str) -> str:
    """Return the trace of the one scenario in a text."""
    (told,) = traces_of(scenario.splitlines())
    return told


def trace(scenario: Scenario) -> str:
    """Return the trace of a scenario, without reports and windows."""
    player = Player(scenario)
    with player.listening():
        blocks = trio.run(player.play, clock=MockClock(autojump_threshold=0))
    lines = [line for block in blocks for line in block]
    return "\n".join([f"scenario {scenario.name}", *lines, "end"]) + "\n"


class Player:
    """The tree of one scenario, and the trace of what happens in it.

    The stage of its children; see :class:`~tests.otp.scripted.Stage`.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.processes: dict[str, SimulatedProcess] = {}
        self.words: dict[str, str] = {}
        self._ids: dict[str, str] = {}  # of a key
        self._keys: dict[str, str] = {}  # of an id's latest life
        self._alive: set[str] = set()
        self._attempts: Counter[str] = Counter()  # by id
        self._attempt: dict[str, int] = {}  # the latest of a key
        self._numbers: dict[str, int] = {}  # of a key's latest life
        self._why_not_up: dict[str, str] = {}
        self._hooks: list[tuple[str, int, list[str]]] = []
        self._fired: list[tuple[str, list[str]]] = []
        self._trace: list[str] = []
        self._specs = Specs(self)

    def definition_of(self, key: str) -> Definition:
        name = self._ids.get(key, key)
        if name in self.scenario.definitions:
            return self.scenario.definitions[name]
        return self._templates[key]

    # Starts and ends.

    async def attempt(self, key: str) -> str:
        result = self._begin(key)
        name, number = self._ids[key], self._attempt[key]
        for hook in [hook for hook in self._hooks if hook[:2] == (name, number)]:
            if self._serves(key):
                told = [""]
                self._fired.append((f"during {name} {number}", told))
                await self._act(hook[2], told)
                await wait_all_tasks_blocked()
        return result

    def attempt_of_supervisor(self, key: str) -> str:
        result = self._begin(key)
        if result == "ok":
            self._trace.append(f"init {key} {self._attempt[key]}")
            self._why_not_up[key] = "bad_spec"
        return result

    def _begin(self, key: str) -> str:
        name = self._ids.setdefault(key, key)
        self._attempts[name] += 1
        self._attempt[key] = self._attempts[name]
        self._why_not_up[key] = "scripted"
        return self.definition_of(key).result_of(self._attempts[name])

    def _serves(self, key: str) -> bool:
        """Return whether the supervisor of ``key`` is past its start phase."""
        parent = self.definition_of(key)["parent"]
        if parent == "-":
            return True  # it was added
        return parent == "" or parent in self._alive

    def _heard(self, key: str, report: Report, number: int, life: Any) -> None:
        """Note what a supervisor, or the tree, hears of a child."""
        name = self._ids[key]
        match report:
            case Up():
                self._alive.add(key)
                self._keys[name], self._numbers[key] = key, number
                self._trace.append(f"start {name} {number} ok")
            case Ignored():
                self._trace.append(f"start {name} {number} ignore")
            case NotUp():
                self._trace.append(f"start {name} {number} error")
                if isinstance(life, SupervisorActor) and life.finished is not None:
                    child = life.finished.not_started
                    why = f"failed_to_start({child},{self._why_not_up[str(child)]})"
                    self._why_not_up[key] = why
            case Down():
                self._alive.discard(key)
                usual = self.definition_of(key).reason_when_stopped
                word = self.words.pop(
                    key, "shutdown" if isinstance(life, SupervisorActor) else usual
                )
                self._trace.append(f"stop {name} {number} {word}")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen in where supervisors hear of their children; a parent's stop is OTP's."""

        def told(node: SupervisorActor, child: Child, run: int, report: Report) -> None:
            self._heard(child.name, report, self._attempt.get(child.name, 0), child.life)
            plain_told(node, child, run, report)

        def hear(tree: Tree, report: Report) -> None:
            self._heard(tree.name, report, 1, tree._actor)
            plain_hear(tree, report)

        plain_told, plain_hear = SupervisorActor._told, Tree._hear
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SupervisorActor, "_told", told)
            patch.setattr(Tree, "_hear", hear)
            patch.setattr(SupervisorActor, "stop", lambda node: node._post(m.Shutdown()))
            logging.disable(logging.CRITICAL)  # crashes by the thousand
            yield
            logging.disable(logging.NOTSET)

    # Actions.

    async def play(self) -> list[list[str]]:
        """Return the trace block by block."""
        self._templates: dict[str, Definition] = {}
        root = self.scenario.root
        log = EventLog(handler=self._see)
        async with ScriptedBackend(self) as backend, trio.open_nursery() as self._nursery:
            world = World(Services(backend, lambda *_: None), log, random.random)
            self._tree = Tree(self._specs.supervisor(root), world)
            self._nursery.start_soon(self._tree.live, self._nursery)
            blocks = [await self._block(action) for action in self.scenario.actions]
            if not self._tree.ended.is_set():
                self._tree.kill()
                await self._tree.ended.wait()
        return blocks

    def _see(self, event: ev.Event) -> None:
        if isinstance(event, ev.SupervisorGaveUp):
            supervisor = event.address.rpartition("/")[2] or self.scenario.root.id
            child = self._ids[event.child.rpartition("/")[2]]
            self._trace.append(f"gave_up {supervisor} {child}")

    async def _block(self, action: list[str]) -> list[str]:
        self._trace, self._fired = [], []
        result = ["ok"]
        await self._act(action, result)
        await self._settle()
        if action == ["start"]:
            result[0] = self._result_of_start()
        return [
            f"> {' '.join(action)}",
            *in_canonical_order(self._trace, self.scenario.definitions),
            *(f"= {what}: {told[0]}" for what, told in self._fired),
            f"= {result[0]}",
            f"state {self._state()}",
        ]

    async def _settle(self) -> None:
        """Wait until nothing moves any more; graces may have to pass."""
        settle_by = trio.current_time() + _PATIENCE
        calm = busy = 0
        # Not once: who waits for the same moment as we do may still go on after it.
        while calm < 2:
            await wait_all_tasks_blocked()
            calm, busy = (0, busy + 1) if self._moves() else (calm + 1, 0)
            if busy > 2:  # a grace has to pass
                await trio.sleep(0.01)
            if trio.current_time() > settle_by:
                raise AssertionError(f"it does not come to rest: {self._tree.status()}")

    def _moves(self) -> bool:
        if self._tree.ended.is_set():
            return False
        rows = self._tree.status()
        return self._tree._root.state in _MOVING or any(row.state in _MOVING for row in rows)

    def _result_of_start(self) -> str:
        root = self.scenario.root.id
        if root in self._alive:
            return f"ok {root}:1"
        if self._trace and self._trace[-1].endswith("ignore"):
            return "ok ignored"
        why = self._why_not_up[root]
        return f"error {'bad_spec(bad_combination)' if why == 'bad_spec' else why}"

    async def _act(self, action: list[str], result: list[str]) -> None:
        match action:
            case ["start"]:
                pass  # it is on its way
            case ["exit", name, reason]:
                result[0] = "ok" if self._exit(name, reason) else "not_alive"
            case ["burst", *pairs]:
                alive = await self._burst([pair.split(":", 1) for pair in pairs])
                result[0] = f"ok {alive}" if alive else "not_alive"
            case ["stop"]:
                result[0] = "not_alive" if self._tree.ended.is_set() else "ok"
                self._tree.stop()
            case ["advance", seconds]:
                await trio.sleep(int(seconds))
            case ["during", name, attempt, *what]:
                self._hooks.append((name, int(attempt), what))
            case [kind, supervisor, *name]:
                self._nursery.start_soon(self._request, kind, supervisor, "".join(name), result)

    def _exit(self, name: str, reason: str) -> bool:
        """End a child by itself; return whether it was alive."""
        key = self._keys.get(name, "")
        if key not in self._alive or key in self.words:
            return False
        self.words[key] = "killed" if reason == "kill" else reason
        life = self._node(self._parent(key)).children[key].life
        if isinstance(life, WorkerActor):
            life.ref.cast("end", reason)
        else:
            self.processes[key].end(ENDS.get(reason, ExitStatus(code=0)))
        return True

    async def _burst(self, pairs: list[list[str]]) -> int:
        """Let children of one supervisor end before it handles the first of their exits."""
        nodes = {
            key: self._node(self._parent(key))
            for key in self._alive
            if self._ids[key] in {name for name, _ in pairs}
        }
        for node in nodes.values():
            node._busy = True
        alive = 0
        for name, reason in pairs:
            alive += self._exit(name, reason)
            await wait_all_tasks_blocked()
        for node in set(nodes.values()):
            node._handle_waiting()
        return alive

    # Requests.

    async def _request(self, kind: str, supervisor: str, name: str, result: list[str]) -> None:
        definition = self.scenario.definitions[supervisor]
        simple = definition["strategy"] == SIMPLE
        try:
            handle = self._tree.supervisor(self._address(supervisor))
        except SupctlError:
            result[0] = "error noproc"
            return
        if self._tree.ended.is_set():
            result[0] = "error noproc"
            return
        try:
            result[0] = await self._ask(handle, definition, kind, name)
        except StartFailed:
            why = StartFailed(name, self._why_not_up[self._latest_key(name)])
            result[0] = in_words(why, kind, simple=simple)
        except SupctlError as error:
            result[0] = in_words(error, kind, simple=simple)

    def _latest_key(self, name: str) -> str:
        return [key for key, known in self._ids.items() if known == name][-1]

    async def _ask(
        self, handle: SupervisorHandle, supervisor: Definition, kind: str, name: str
    ) -> str:
        simple = supervisor["strategy"] == SIMPLE
        key = self._keys.get(name, name) if simple else name
        match kind:
            case "start_child" if simple:
                key = name if name not in self._ids else f"{name}.{len(self._ids)}"
                (self._templates[key],) = self.scenario.children_of(supervisor.id)
                self._ids[key] = name
                started = await handle.start_instance(key, name=key)
                return "ok ignored" if started is None else f"ok {name}:{self._numbers[key]}"
            case "start_child":
                started = await handle.start_child(
                    self._specs.spec(self.scenario.definitions[name])
                )
                return "ok ignored" if started is None else f"ok {name}:{self._numbers[name]}"
            case "terminate_child" if simple and name not in self._keys:
                return f"error {SIMPLE}"
            case "terminate_child":
                await handle.terminate_child(key)
            case "restart_child":
                started = await handle.restart_child(key)
                return "ok ignored" if started is None else f"ok {name}:{self._numbers[key]}"
            case "delete_child":
                await handle.delete_child(key)
            case "which_children":
                rows = await self._node(supervisor.id).ask(m.WhichChildren)
                items = [self._item(name, state, simple) for name, state in rows]
                return f"[{' '.join(sorted(items) if simple else items)}]"
            case "count_children":
                return await self._count(supervisor.id)
            case "get_childspec":
                return await self._childspec(handle, supervisor, name)
        return "ok"

    async def _count(self, supervisor: str) -> str:
        """Ask for both in one moment: our specs have no labels, so we count those ourselves."""
        node, asked, listed = self._node(supervisor), Request(), Request()
        node._post(m.CountChildren(asked))
        node._post(m.WhichChildren(listed))
        await asked.done.wait()
        if isinstance(asked.result, Exception):
            raise asked.result
        labels = [self.definition_of(key)["type"] for key, _ in listed.result]
        supervisors = labels.count("supervisor")
        counts = asked.result
        return counts_in_words(counts.specs, counts.active, supervisors, len(labels) - supervisors)

    async def _childspec(self, handle: SupervisorHandle, supervisor: Definition, name: str) -> str:
        if supervisor["strategy"] == SIMPLE:
            (template,) = self.scenario.children_of(supervisor.id)
            known = name in self._keys or name == template.id
            return template.as_childspec if known else "error not_found"
        await handle.get_child_spec(name)
        return self.scenario.definitions[name].as_childspec

    # What is to be seen.

    def _parent(self, key: str) -> str:
        """Return the id of the supervisor that holds the child ``key``, which lives."""
        return next(
            name
            for name, one in self.scenario.definitions.items()
            if one.is_supervisor and name in self._alive and key in self._node(name).children
        )

    def _address(self, supervisor: str) -> str:
        parent = self.scenario.definitions[supervisor]["parent"]
        if not parent:
            return "/"
        above = self._address(parent) if parent != "-" else self._where(supervisor)
        return f"{above.rstrip('/')}/{supervisor}"

    def _where(self, added: str) -> str:
        """Return the address of the supervisor to which ``added`` was added."""
        return self._tree[added].address

    def _node(self, supervisor: str) -> SupervisorActor:
        node = self._tree.find_supervisor(self._address(supervisor))
        assert isinstance(node, LocalNode)
        return node.actor

    def _item(self, key: str, state: m.ChildState | None, simple: bool) -> str:
        if state is m.ChildState.WAITING:
            return "?:~" if simple else f"{key}:~"
        return f"{key}:-" if state in m.NO_PROCESS else f"{self._ids[key]}:{self._numbers[key]}"

    def _state(self) -> str:
        return "-" if self._tree.ended.is_set() else self._shown(self._tree._actor, 1)

    def _shown(self, node: SupervisorActor, number: int) -> str:
        items, simple = [], node.spec.strategy == SIMPLE
        for key, child in node.children.items():
            if node.core.state_of(key) is None:
                continue
            if isinstance(child.life, SupervisorActor):
                items.append(self._shown(child.life, self._numbers[key]))
            else:
                items.append(self._item(key, node.core.state_of(key), simple))
        if simple:
            items.sort()
        return f"{node.spec.name}:{number}[{' '.join(items)}]"
