"""Output as it comes: from the thread that captures it to whoever follows."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import trio

from supctl.logs.lines import LineSplitter

_WAITING: Final = 1024 * 1024
"""Bytes that wait for a slow reader; lines beyond that are counted only."""


class Reader:
    """One reader's lines. Memory is bounded: who reads too slowly is told how many it missed.

    Args:
        chosen: addresses whose output it wants, with all below them.
        streams: ``stdout``, ``stderr``, or both.
    """

    def __init__(self, chosen: Sequence[str], streams: Sequence[str]) -> None:
        self._chosen, self._streams = [f"{it}/" for it in chosen], streams
        self._token = trio.lowlevel.current_trio_token()
        self._splitters: dict[tuple[str, str], LineSplitter] = {}
        self._lock = threading.Lock()  # guards what follows
        self._waiting: list[tuple[str, str, bytes]] = []
        self._size = 0
        self._missed = 0
        self._arrived = trio.Event()

    def offer(self, address: str, stream: str, data: bytes) -> None:
        """Take output; ``b""`` is the end of a life's. In the capture's thread; never blocks."""
        if stream not in self._streams or not self._wants(address):
            return
        splitter = self._splitters.setdefault((address, stream), LineSplitter())
        with self._lock:
            was_idle = not self._waiting and not self._missed
            if data and self._size >= _WAITING:  # a flood: do not even look at its lines
                self._missed += splitter.skip(data)
            else:
                lines = splitter.feed(data) if data else splitter.end()
                self._waiting += [(address, stream, line) for line in lines]
                self._size += sum(map(len, lines))
            wakes = was_idle and bool(self._waiting or self._missed)
        if wakes:
            self._token.run_sync_soon(self._wake)

    def _wants(self, address: str) -> bool:
        return any(f"{address}/".startswith(it) for it in self._chosen)

    def _wake(self) -> None:
        self._arrived.set()

    async def __aiter__(self) -> AsyncGenerator[dict[str, Any], None]:
        while True:
            await self._arrived.wait()
            self._arrived = trio.Event()
            with self._lock:
                waiting, self._waiting = self._waiting, []
                missed, self._missed = self._missed, 0
                self._size = 0
            for address, stream, line in waiting:
                text = line.decode("utf-8", "backslashreplace")
                yield {"event": "line", "address": address, "stream": stream, "line": text}
            if missed:
                yield {"event": "lines_missed", "count": missed}


class Lines:
    """Hands output to all that follow it. Costs next to nothing while nobody does."""

    def __init__(self) -> None:
        self._readers: tuple[Reader, ...] = ()  # replaced as a whole: two threads look at it

    @property
    def is_idle(self) -> bool:
        """Whether nobody follows now."""
        return not self._readers

    def __call__(self, address: str, stream: str, data: bytes) -> None:
        """Take output; a :data:`~supctl.logs.capture.Tap`."""
        for reader in self._readers:
            reader.offer(address, stream, data)

    @contextmanager
    def follow(self, chosen: Sequence[str], streams: Sequence[str]) -> Iterator[Reader]:
        """Read from now on, inside the block. The arguments are those of :class:`Reader`."""
        reader = Reader(chosen, streams)
        self._readers = (*self._readers, reader)
        try:
            yield reader
        finally:
            self._readers = tuple(it for it in self._readers if it is not reader)
