"""What a tree in the foreground shows: its events and output, for people or as JSON lines."""

from __future__ import annotations

import json
import shutil
from abc import ABC, abstractmethod
from typing import Any

import click

from supctl import events
from supctl.logs.display import Display

from .facts import table
from .narrate import sentence

_GOOD = (events.TreeStarted, events.ChildStarted)
_BAD = (
    events.ChildFailed,
    events.SupervisorGaveUp,
    events.ReaperRestarted,
    events.ChildKilled,
    events.OutputLost,
)


class Console(ABC):
    """Where a tree in the foreground shows what happens."""

    @abstractmethod
    def event(self, event: events.Event) -> None:
        """Show an event."""

    @abstractmethod
    def output(self, address: str, stream: str, data: bytes) -> None:
        """Show output of an app. Called in the capture's thread; ``b""`` is its end."""

    @abstractmethod
    def facts(self, rows: list[dict[str, Any]]) -> None:
        """Show the facts that SIGUSR1 asked for."""

    @abstractmethod
    def note(self, text: str) -> None:
        """Show a sentence of ours."""

    @abstractmethod
    def close(self) -> None:
        """Show what is still to be shown, within a bound of time."""


class TextConsole(Console):
    """Output behind coloured names, events between them."""

    def __init__(self, display: Display) -> None:
        self._display = display

    def event(self, event: events.Event) -> None:
        if isinstance(event, events.SupervisorReport):
            return  # what it is about has been said
        if isinstance(event, events.ChildExited) and not event.reason.is_normal:
            colour = "yellow"
        else:
            colour = {True: "green"}.get(isinstance(event, _GOOD), "")
            colour = "red" if isinstance(event, _BAD) else colour
        self._say(sentence(event), colour)

    def output(self, address: str, stream: str, data: bytes) -> None:
        self._display.show(address, stream, data)

    def facts(self, rows: list[dict[str, Any]]) -> None:
        for line in table(rows, shutil.get_terminal_size((160, 24)).columns).splitlines():
            self._display.print(line)

    def note(self, text: str) -> None:
        self._say(text, "")

    def _say(self, text: str, colour: str) -> None:
        line = f"supctl: {text}"
        self._display.print(
            click.style(line, fg=colour) if colour and self._display.is_coloured else line
        )

    def close(self) -> None:
        self._display.close()


class JsonConsole(Console):
    """One JSON object a line on standard output; the apps' output goes to their files only."""

    def event(self, event: events.Event) -> None:
        self._write(event.as_dict())

    def output(self, address: str, stream: str, data: bytes) -> None:
        """Show nothing: it is in the files."""

    def facts(self, rows: list[dict[str, Any]]) -> None:
        self._write({"event": "facts", "apps": rows})

    def note(self, text: str) -> None:
        self._write({"event": "note", "text": text})

    def _write(self, value: dict[str, Any]) -> None:
        print(json.dumps(value), flush=True)

    def close(self) -> None:
        """Nothing waits."""
