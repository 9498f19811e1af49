"""How a start goes on, on a terminal: a line for each program, drawn again in place."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from supctl.errors import SupctlError

from .columns import fitted
from .status import paint_state
from .why import why

if TYPE_CHECKING:
    from supctl.control.client import Client

Row = dict[str, Any]

_UP: Final = frozenset({"running", "ready"})
_SETTLED: Final = _UP | {"stopped", "exited", "failed"}
_PAUSE: Final = 0.05
"""Seconds between two drawings: nobody reads faster, and many things happen at once."""


@contextmanager
def shown(client: Client, *, quiet: bool) -> Iterator[Callable[[Sequence[str]], None]]:
    """Show how a start goes on while the block lasts; it says of which addresses, with all below.

    Args:
        client: follows events, and asks for the status when there are some.
        quiet: show nothing; nor is anything shown where no terminal is.
    """
    if quiet or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda addresses: None
        return
    progress = _Progress(client)
    try:
        yield progress.begin
    finally:
        progress.end()


class _Progress:
    """Draws in a thread of its own, as another one waits for the answer.

    Args:
        client: of both.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._addresses: tuple[str, ...] = ()
        self._drawn = 0
        self._happened, self._is_over = threading.Event(), False
        self._drawer = threading.Thread(target=self._draw_again, daemon=True)
        self._listener = threading.Thread(target=self._listen, daemon=True)

    def begin(self, addresses: Sequence[str]) -> None:
        """Show what is at those addresses and below; once."""
        self._addresses = tuple(addresses)
        self._drawer.start()
        self._listener.start()  # it ends with the conversation

    def end(self) -> None:
        """Draw a last time, and leave that on the screen."""
        if not self._addresses:
            return
        self._is_over = True
        self._happened.set()
        self._drawer.join()

    def _listen(self) -> None:
        try:
            for event in self._client.events(follow=True):
                if self._is_over:
                    return
                if is_below(event.get("address", ""), self._addresses):
                    self._happened.set()
        except SupctlError:
            return  # who waits for the answer hears it too

    def _draw_again(self) -> None:
        while not self._is_over:
            self._happened.wait()
            self._happened.clear()
            if not self._is_over:
                began_at = time.monotonic()
                self._draw()
                # To ask for a thousand takes the daemon from starting them.
                time.sleep(max(_PAUSE, 4 * (time.monotonic() - began_at)))
        self._draw()

    def _draw(self) -> None:
        try:
            rows = self._client.status()
        except SupctlError:
            return
        ours = [row for row in rows if is_below(row["address"], self._addresses)]
        lines = frame(ours, *shutil.get_terminal_size())
        above = f"\x1b[{self._drawn}A" if self._drawn else ""
        body = "".join(f"\r{line}\x1b[K\n" for line in lines)
        sys.stdout.write(f"{above}{body}\x1b[J")
        sys.stdout.flush()
        self._drawn = len(lines)


def is_below(address: str, chosen: Sequence[str]) -> bool:
    """Return whether ``address`` is one of ``chosen``, or below one of them."""
    return any(f"{address}/".startswith(f"{it}/") for it in chosen)


def frame(rows: Sequence[Row], width: int, height: int) -> list[str]:
    """Return what is to be seen: a line for each program, and one for all.

    A supervisor has a line as long as it has not begun with those below it. Those that have come
    up are left out where there is no room for all.
    """
    if not rows:
        return []
    following = [*(row["depth"] for row in rows[1:]), -1]
    leaves = [
        row
        for row, depth in zip(rows, following, strict=True)
        if row["kind"] != "supervisor" or (row["state"] not in _UP and depth <= row["depth"])
    ]
    room = max(0, height - 2)
    told = (
        leaves if len(leaves) <= room else [row for row in leaves if row["state"] not in _UP][:room]
    )
    name_width = max((len(_name(row)) for row in told), default=0)
    lines = [_line(row, min(name_width, width // 2), width) for row in told]
    return [*lines, fitted(_summary(leaves), width)]


def _line(row: Row, name_width: int, width: int) -> str:
    name, state = fitted(_name(row), name_width), row["state"]
    because = why(row)
    rest = f"  {because}" if because else ""
    rest = fitted(rest, max(0, width - name_width - 4 - len(state)))
    return f"  {name:<{name_width}}  {paint_state(state)}{rest}"


def _summary(apps: Sequence[Row]) -> str:
    up = sum(row["state"] in _UP for row in apps)
    waiting = [_name(row) for row in apps if row["state"] not in _SETTLED]
    told = f"{up} of {len(apps)} ready"
    return f"{told}, waiting for: {', '.join(waiting)}" if waiting else told


def _name(row: Row) -> str:
    name: str = row["address"].strip("/")
    return name
