"""Children that do what a scenario of the OTP oracle says: actors, programs, and their specs."""

from __future__ import annotations

from functools import partial
from signal import SIGKILL, SIGTERM
from typing import Any, Final, Protocol

import trio

from supctl import IGNORE, Actor, App, DynamicSupervisor, Supervisor, Worker
from supctl.backends.base import Notify, Process, ProcessSpec
from supctl.backends.simulated import Program, SimulatedBackend, SimulatedProcess
from supctl.errors import InvalidConfig
from supctl.exits import ExitReason, ExitStatus
from supctl.specs import ChildSpec, Stop
from supctl.specs.ignore import Ignore
from supctl.specs.policy import NO_BACKOFF
from tests.otp.language import SIMPLE, Definition, Scenario

_FOR_EVER: Final = 1e6
"""Seconds of grace for ``shutdown=infinity``: ours must have an end."""

ENDS: Final = {"crash": ExitStatus(code=1), "kill": ExitStatus(signal=SIGKILL)}
"""How a program ends by itself, where it does not end well."""


class Stage(Protocol):
    """Where they play: counts attempts, and knows what is to come of each.

    A child's *key* is its name in the tree: its id, but each instance of a template has its own.

    Attributes:
        processes: the latest process of each app, by key.
        words: how children end by themselves, by key, until they have.
    """

    scenario: Scenario
    processes: dict[str, SimulatedProcess]
    words: dict[str, str]

    def definition_of(self, key: str) -> Definition:
        """Return the definition of a child: for an instance, that of its template."""
        ...

    async def attempt(self, key: str) -> str:
        """Begin a start: let happen what is to happen during it, and return its result."""
        ...

    def attempt_of_supervisor(self, key: str) -> str:
        """Begin the start of a supervisor, and return its result."""
        ...


class Scripted(Actor):
    """An actor that does what its definition says."""

    def __init__(self, stage: Stage, key: str) -> None:
        self._stage, self._key = stage, key
        self._definition = stage.definition_of(key)

    async def init(self) -> Ignore | None:
        match await self._stage.attempt(self._key):
            case "ignore":
                return IGNORE
            case "error":
                raise Broken("scripted")
        return None

    async def end(self, reason: str) -> None:
        """End by itself."""
        if reason in ENDS:
            raise Broken(reason)
        self.finish()

    async def terminate(self, reason: ExitReason) -> None:
        if self._key in self._stage.words:
            return  # it ends by itself
        match self._definition["onstop"]:
            case "ignore":
                await trio.sleep_forever()
            case "crash":
                raise Broken("crash")


class Broken(Exception):
    """A scripted failure."""


class ScriptedBackend(SimulatedBackend):
    """Starts programs that do what their definition says; their word 1 is their key."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage = stage

    async def spawn(self, spec: ProcessSpec, notify: Notify | None = None) -> Process:
        key = spec.command[1]
        result = await self._stage.attempt(key)
        deaf = self._stage.definition_of(key)["onstop"] == "ignore"
        program = Program(deaf_to=frozenset({SIGTERM} if deaf else ()))
        self.programs[spec.command[0]] = program
        if result == "error":
            del self.programs[spec.command[0]]
        process = await super().spawn(spec, notify)
        assert isinstance(process, SimulatedProcess)
        self._stage.processes[key] = process
        return process


class Specs:
    """Makes specs of a scenario's definitions."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def spec(self, definition: Definition) -> ChildSpec:
        """Return the spec of a ``sup`` or ``child`` line."""
        if definition.is_supervisor:
            return self.supervisor(definition)
        return self._child(definition, definition.id)

    def _child(self, definition: Definition, *key: str) -> App | Worker:
        grace = float(definition["shutdown"]) / 1000 if definition["shutdown"].isdigit() else 0.0
        if definition["shutdown"] == "infinity":
            grace = _FOR_EVER
        common: dict[str, Any] = {
            "restart": definition["restart"],
            "backoff": NO_BACKOFF,
            "significant": definition["significant"] == "true",
        }
        # Programs know no ignore, and some of all are to be actors.
        ignores = "ignore" in definition["starts"] + definition["then"]
        if ignores or len(self._stage.scenario.definitions) % 2:
            return Worker(definition.id, Scripted, self._stage, *key, grace=grace, **common)
        command = ["scripted", *key]
        return App(definition.id, command, env={}, stop=Stop(grace=grace), **common)

    def supervisor(self, definition: Definition) -> Supervisor:
        """Return the spec of a ``sup`` line; its children are made when it starts."""
        options: dict[str, Any] = {
            "max_restarts": int(definition["intensity"]),
            "within": int(definition["period"]),
            "auto_shutdown": definition["auto_shutdown"],
            "restart": definition["restart"],
            "backoff": NO_BACKOFF,
            "significant": definition["significant"] == "true",
        }
        factory = partial(self._children, definition)
        if definition["strategy"] != SIMPLE:
            strategy = definition["strategy"]
            return Supervisor(definition.id, factory, strategy=strategy, **options)
        (template,) = self._stage.scenario.children_of(definition.id)
        try:
            spec = self._child(template)
            return DynamicSupervisor(definition.id, spec, children=factory, **options)
        except InvalidConfig:  # refused when it is made; OTP refuses it when it is started
            return Supervisor(
                definition.id, partial(self._children, definition, template), **options
            )

    def _children(
        self, definition: Definition, wrong: Definition | None = None
    ) -> list[ChildSpec] | Ignore:
        """Return the children of one start of a supervisor."""
        match self._stage.attempt_of_supervisor(definition.id):
            case "error":
                raise Broken("scripted")
            case "ignore":
                return IGNORE
        if wrong is not None:
            return [self._child(wrong)]
        if definition["strategy"] == SIMPLE:
            return []
        return [self.spec(child) for child in self._stage.scenario.children_of(definition.id)]
