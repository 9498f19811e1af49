"""Shows the lines of many streams on one output, each behind a name, as docker compose does.

A terminal may be stopped (Ctrl-S) and a pipe may be full: writing has a thread of its own, and
what it cannot write in time is counted, not waited for.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections import deque
from collections.abc import Iterable
from typing import BinaryIO, Final

from .lines import LineSplitter

_WAITING: Final = 10_000
"""Lines that wait for a slow output before new ones are dropped; 8 KiB each at the most."""

_COLOURS: Final = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)  # SGR; red is for what goes wrong

# What a terminal may be told by a program whose output we mix with that of others: colours, and
# nothing that moves the cursor, clears the screen or changes modes.
_UNSAFE: Final = re.compile(
    r"\x1b\[[0-9;:]*m|\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?"
    r"|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f\x80-\x9f]"
)
_COLOUR_CODE: Final = re.compile(r"\x1b\[[0-9;:]*m")


class Display:
    """Shows lines behind names. Its methods may be called in any thread and never block.

    Args:
        addresses: all that will be shown, for the width of the names and their colours.
        out: where to; standard output by default.
        colour: whether to use colours; by default if ``out`` is a terminal and the environment
            has no NO_COLOR.
    """

    def __init__(
        self, addresses: Iterable[str], out: BinaryIO | None = None, colour: bool | None = None
    ) -> None:
        self._fd = (out or sys.stdout.buffer).fileno()
        if colour is None:
            colour = os.isatty(self._fd) and "NO_COLOR" not in os.environ
        self._colour = colour
        names = [address.strip("/") for address in addresses]
        self._width = max(map(len, names), default=0)
        self._colours = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(names)}
        self._splitters: dict[tuple[str, str], LineSplitter] = {}
        self._lock = threading.Lock()
        self._filled = threading.Condition(self._lock)
        self._waiting: deque[str] = deque()
        self._dropped = 0
        self._closed = self._broken = False
        self._thread = threading.Thread(target=self._write_all, name="supctl-display", daemon=True)
        self._thread.start()

    @property
    def is_coloured(self) -> bool:
        """Whether colours are used."""
        return self._colour

    def show(self, address: str, stream: str, data: bytes) -> None:
        """Show the lines that ``data`` completes; ``b""`` ends the stream's last line."""
        key = (address, stream)
        splitter = self._splitters.setdefault(key, LineSplitter())
        lines = splitter.feed(data) if data else splitter.end()
        prefix = self._prefix(address.strip("/"), stream)
        self._put([prefix + _harmless(line) for line in lines])
        if not data:
            del self._splitters[key]

    def print(self, line: str) -> None:
        """Show a line of our own, in order with the rest."""
        self._put([line])

    def close(self, patience: float = 2.0) -> None:
        """Show what waits, for ``patience`` seconds at the most."""
        with self._lock:
            self._closed = True
            self._filled.notify()
        self._thread.join(patience)

    def _prefix(self, name: str, stream: str) -> str:
        bar = "!" if stream == "stderr" else "|"
        told = f"{name:<{self._width}} {bar} "
        return f"\x1b[{self._colours.get(name, 37)}m{told}\x1b[0m" if self._colour else told

    def _put(self, lines: list[str]) -> None:
        with self._lock:
            room = 0 if self._broken else _WAITING - len(self._waiting)
            self._waiting.extend(lines[:room])
            self._dropped += len(lines) - min(room, len(lines))
            self._filled.notify()

    def _write_all(self) -> None:
        while True:
            with self._lock:
                while not (self._waiting or self._closed):
                    self._filled.wait()
                lines, dropped = list(self._waiting), self._dropped
                self._waiting.clear()
                self._dropped = 0
                if not lines:
                    return
            if dropped:
                lines.append(f"... {dropped} lines not shown: the output is too slow")
            if not self._write("".join(f"{line}\n" for line in lines)):
                return

    def _write(self, text: str) -> bool:
        """Write ``text``; return False if the output is closed for good."""
        view = memoryview(text.encode("utf-8", "backslashreplace"))
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError:  # nobody looks any more (EPIPE, EIO); the apps are no less alive
            with self._lock:
                self._broken = True
                self._waiting.clear()
            return False
        return True


def _harmless(line: bytes) -> str:
    """Return a program's line as text that cannot wreck the terminal for the others."""
    text = line.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    shown = _UNSAFE.sub(lambda found: found[0] if _COLOUR_CODE.fullmatch(found[0]) else "", text)
    return shown + "\x1b[0m" if "\x1b" in shown else shown
