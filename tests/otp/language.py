"""The language of the OTP oracle's scenarios (../shared/otp/README.md), read into values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

SIMPLE: Final = "simple_one_for_one"

_DEFAULTS: Final = {
    "parent": "",
    "restart": "permanent",
    "significant": "false",
    "strategy": "one_for_one",
    "intensity": "1",
    "period": "5",
    "auto_shutdown": "never",
    "starts": "",
    "then": "ok",
    "onstop": "exit",
}


@dataclass
class Definition:
    """A ``sup`` or ``child`` line, with OTP's defaults filled in."""

    id: str
    is_supervisor: bool
    options: dict[str, str]

    def __getitem__(self, option: str) -> str:
        return self.options[option]

    def result_of(self, attempt: int) -> str:
        """Return what start number ``attempt`` results in: ``ok``, ``ignore`` or ``error``."""
        script = [word for word in self["starts"].split(",") if word]
        return script[attempt - 1] if attempt <= len(script) else self["then"]

    @property
    def is_brutal(self) -> bool:
        """Whether it is killed at once when it is to stop."""
        return self["shutdown"] == "brutal_kill"

    @property
    def reason_when_stopped(self) -> str:
        """How it ends when it is asked to."""
        onstop = self["onstop"]
        if onstop == "ignore" or self.is_brutal:
            return "killed"
        return "shutdown" if onstop == "exit" else onstop

    @property
    def as_childspec(self) -> str:
        """The answer to ``get_childspec``."""
        keys = ("restart", "shutdown", "significant", "type")
        return " ".join(f"{key}={self[key]}" for key in keys)


@dataclass
class Scenario:
    """Definitions in start order, and actions as lists of words; the start is the first."""

    name: str
    definitions: dict[str, Definition] = field(default_factory=dict)
    actions: list[list[str]] = field(default_factory=lambda: [["start"]])

    @property
    def root(self) -> Definition:
        """The supervisor that has no parent."""
        return next(one for one in self.definitions.values() if not one["parent"])

    def children_of(self, supervisor: str) -> list[Definition]:
        """Return those that ``supervisor`` has from its start on; its template, if simple."""
        return [one for one in self.definitions.values() if one["parent"] == supervisor]


def read_scenarios(lines: Iterable[str]) -> Iterator[Scenario]:
    """Yield the scenarios of a script file."""
    scenario = Scenario("")
    for line in lines:
        match line.partition("#")[0].split():
            case ["scenario", name]:
                scenario = Scenario(name)
            case ["sup" | "child" as kind, name, *options]:
                scenario.definitions[name] = _definition(name, kind == "sup", options)
            case ["do", *action]:
                scenario.actions.append(action)
            case ["end"]:
                yield scenario


def _definition(name: str, is_supervisor: bool, options: list[str]) -> Definition:
    given = dict(option.split("=", 1) for option in options)
    given.setdefault("type", "supervisor" if is_supervisor else "worker")
    given.setdefault("shutdown", "infinity" if given["type"] == "supervisor" else "5000")
    return Definition(name, is_supervisor, _DEFAULTS | given)
