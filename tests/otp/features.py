"""What scenarios ask for and what their traces show, as words to count: how far tests reach."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tests.otp.language import read_scenarios

_NAMES: Final = re.compile(r"(?<=failed_to_start\()\w+,|\b\w+:(?=\d)|\d+")
"""Ids and numbers in a result; all else in it is of a kind."""
_PLACES: Final = {"": "at the top", "-": "added later"}


def features_of(scenario: str, trace: str) -> set[str]:
    """Return the features of one scenario and its trace, both as text."""
    return {*_asked(scenario), *_shown(trace)}


def _asked(scenario: str) -> Iterator[str]:
    (read,) = read_scenarios(scenario.splitlines())
    for definition in read.definitions.values():
        kind = "sup" if definition.is_supervisor else "child"
        for key, value in definition.options.items():
            if key == "parent":
                yield f"{kind} {_PLACES.get(value, 'below another')}"
            else:
                yield from (f"{kind} {key}={_kind(word)}" for word in value.split(","))
    for action in read.actions:
        match action:
            case ["exit", _, reason]:
                yield f"exit {reason}"
            case ["burst", *pairs]:
                yield f"burst of {'many' if len(pairs) > 1 else 'one'}"
                yield from (f"burst {pair.partition(':')[2]}" for pair in pairs)
            case ["during", _, _, verb, *_]:
                yield f"during {verb}"
            case [verb, *_]:
                yield verb


def _shown(trace: str) -> Iterator[str]:
    verb = ""
    for line in trace.splitlines():
        match line.split():
            case [">", verb, *_]:  # what the lines that follow belong to
                pass
            case ["=", "during", _, _, *result]:
                yield f"during -> {_kind(' '.join(result))}"
            case ["=", *result]:
                yield f"{verb} -> {_kind(' '.join(result))}"
            case ["start" | "stop" as event, _, _, outcome]:
                yield f"{event} {outcome} in {verb}"
            case ["report", _, context, _, reason]:
                yield f"report {context} {_kind(reason)}"
            case ["gave_up", *_]:
                yield f"gave_up in {verb}"


def _kind(text: str) -> str:
    """Return a result or a value without ids and numbers; of a list, the states that it shows."""
    if text.startswith("["):
        states = {word.strip("[]")[-1:] for word in text.split()} & {"~", "-"}
        return f"[{' '.join(sorted(states))}]"
    if text.startswith("restart="):
        return "a specification"
    return _NAMES.sub("", text)
