"""Shows the lines of many streams on one output, each behind a name, as docker compose does.

A terminal may be stopped (Ctrl-S) and a pipe may be full: writing has a thread of its own, and
what it cannot write in time is counted, not waited for.
"""

from __future__ import annotations

import os
import re
import select
import sys
import threading
from collections.abc import Iterable
from typing import BinaryIO, Final

from .lines import LineSplitter

_WAITING: Final = 1024 * 1024
"""Bytes that wait for a slow output; once there are so many, new lines are dropped."""

COLOURS: Final = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)  # SGR; red is for what goes wrong

# What a terminal may be told by a program whose output we mix with that of others: colours, and
# nothing that moves the cursor, clears the screen or changes modes.
_UNSAFE: Final = re.compile(
    r"\x1b\[[0-9;:]*m|\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?"
    r"|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f\x80-\x9f]"
)
_COLOUR_CODE: Final = re.compile(r"\x1b\[[0-9;:]*m")


class Display:
    """Shows lines behind names. None of its methods waits for the output, but :meth:`close`.

    Args:
        addresses: all that will be shown, for the width of the names and their colours.
        out: where to; standard output by default.
        colour: whether to use colours; by default if ``out`` is a terminal and the environment
            has no NO_COLOR.
    """

    def __init__(
        self, addresses: Iterable[str], out: BinaryIO | None = None, colour: bool | None = None
    ) -> None:
        # Our own descriptor: a writer that was stuck may outlive the owner's.
        self._fd = os.dup((out or sys.stdout.buffer).fileno())
        if colour is None:
            colour = os.isatty(self._fd) and not os.environ.get("NO_COLOR")
        self._colour = colour
        names = [address.strip("/") for address in addresses]
        self._width = max(map(len, names), default=0)
        self._colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}
        self._splitters: dict[tuple[str, str], LineSplitter] = {}
        self._changed = threading.Condition()  # guards what follows
        self._waiting = bytearray()
        self._dropped = 0
        self._closed = self._broken = False
        self._thread = threading.Thread(target=self._write_all, name="supctl-display", daemon=True)
        self._thread.start()

    @property
    def is_coloured(self) -> bool:
        """Whether colours are used."""
        return self._colour

    def show(self, address: str, stream: str, data: bytes) -> None:
        """Show the lines that ``data`` completes; ``b""`` ends the stream's last line.

        For one thread only, the one that captures; the rest is for any.
        """
        if self._broken:
            return
        splitter = self._splitters.setdefault((address, stream), LineSplitter())
        if data and len(self._waiting) >= _WAITING:  # a flood: do not even look at its lines
            self._drop(splitter.skip(data))
            return
        lines = splitter.feed(data) if data else splitter.end()
        prefix = self._prefix(address.strip("/"), stream)
        self._put([prefix + harmless(line) for line in lines])
        if not data:
            del self._splitters[address, stream]

    def print(self, line: str) -> None:
        """Show a line of our own, in order with the rest."""
        self._put([line])

    def close(self, patience: float = 2.0) -> None:
        """Show what waits, for ``patience`` seconds at the most."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(patience)
        self._break_off()  # else a writer that is stuck would go on when nobody expects it

    def _prefix(self, name: str, stream: str) -> str:
        bar = "!" if stream == "stderr" else "|"
        told = f"{name:<{self._width}} {bar} "
        return f"\x1b[{self._colours.get(name, 37)}m{told}\x1b[0m" if self._colour else told

    def _put(self, lines: list[str]) -> None:
        text = "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")
        with self._changed:
            if len(self._waiting) >= _WAITING:
                self._dropped += len(lines)
            elif not self._broken:
                self._waiting += text
            self._changed.notify()

    def _drop(self, count: int) -> None:
        with self._changed:
            self._dropped += count
            self._changed.notify()

    def _break_off(self) -> None:
        with self._changed:
            self._broken = True
            self._waiting.clear()
            self._dropped = 0

    # In the thread.

    def _write_all(self) -> None:
        while (text := self._next()) and self._write(text):
            pass
        os.close(self._fd)

    def _next(self) -> bytearray:
        """Wait for something to write and return it; empty when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._dropped or self._closed)
            text, self._waiting = self._waiting, bytearray()
            dropped, self._dropped = self._dropped, 0
        if dropped:
            lines = "line" if dropped == 1 else "lines"
            text += f"... {dropped} {lines} not shown: the output is too slow\n".encode()
        return text

    def _write(self, text: bytearray) -> bool:
        """Write ``text``; return False if the output is closed for good."""
        view = memoryview(text)
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:  # who shares our terminal has made it so
                _wait_writable(self._fd)
            except OSError:  # nobody looks any more (EPIPE, EIO); the apps are no less alive
                self._break_off()
                return False
        return True


def _wait_writable(fd: int) -> None:
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    poll.poll()


def harmless(line: bytes) -> str:
    """Return a program's line as text that cannot wreck the terminal for the others."""
    text = line.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    shown = _UNSAFE.sub(lambda found: found[0] if _COLOUR_CODE.fullmatch(found[0]) else "", text)
    return shown + "\x1b[0m" if "\x1b" in shown else shown
