"""What programs of a running tree have written, and what they write: for the tree's own program."""

from __future__ import annotations

import errno
import heapq
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from types import TracebackType
from typing import Final, Self, TypeVar

import trio

from supctl.errors import InvalidConfig, StorageFailed, Unsupported
from supctl.logs.capture import Capture
from supctl.logs.output import Output
from supctl.logs.reading.entry import Entry
from supctl.logs.reading.follower import PAUSE, Follower
from supctl.logs.reading.place import BOTH, places_of
from supctl.logs.reading.trail import Trail
from supctl.logs.reading.window import Window
from supctl.specs import App, ChildSpec, Supervisor

_LAST_WORDS: Final = 0.05
"""Seconds in which the last output of a tree that has ended is stored, at the most."""

T = TypeVar("T")


def outputs_of(logs: Capture, address: str, spec: ChildSpec) -> list[Output]:
    """Return where the outputs of a child go; none if it is a supervisor of this process."""
    if isinstance(spec, App):
        return logs.outputs(address, spec.log)
    if spec.isolation != "task":
        return logs.outputs(address)
    if isinstance(spec, Supervisor):
        return []
    # It lives in this process, and so do its outputs.
    return [Output(address, name, name, "", "raw", False) for name in BOTH]


@dataclass(frozen=True, slots=True)
class Written:
    """What one child has written.

    Args:
        outputs: where that is.
        address: of the child.
        stream: ``stdout``, ``stderr`` or ``both``.

    Raises:
        InvalidConfig: ``stream`` is none of them.
        Unsupported: it is in no file.
    """

    outputs: Sequence[Output]
    address: str
    stream: str

    def __post_init__(self) -> None:
        if self.stream not in (*BOTH, "both"):
            raise InvalidConfig("stream", self.stream, "'stdout', 'stderr' or 'both'")
        if not any(it.path for it in self.outputs):
            mend = "give it a log that goes to files"
            raise Unsupported("output", f"{self.address}, whose output is in no file", mend)

    def trails(self, since: float | None = None, until: float | None = None) -> list[Trail]:
        """Return what reads its files: all of it, or of a time, in seconds since 1970."""
        streams = BOTH if self.stream == "both" else (self.stream,)
        window = Window(since, until, streams, is_of=self.address.__eq__)
        wanted = [it for it in self.outputs if it.stream in streams]
        return [Trail(place, window) for place in places_of(wanted)]

    async def read(self) -> bytes:
        """Return all of it. Raises StorageFailed."""
        return await _in_thread(self._read)

    def _read(self) -> bytes:
        trails = self.trails()
        try:
            if len(trails) == 1:
                return b"".join(map(_as_written, trails[0].history(None)))
            histories = [trail.history(None) for trail in trails]
            entries = heapq.merge(*histories, key=attrgetter("order"))
            return b"".join(entry.text + b"\n" for entry in entries)
        finally:
            for trail in trails:
                trail.close()

    def follow(self, last: int, ended: trio.Event) -> OutputLines:
        """Return its lines as they come, until ``ended``, and the last ones of before first."""
        return OutputLines(self, last, ended)


def _as_written(entry: Entry) -> bytes:
    return entry.text + b"\n" if entry.is_wrapped else entry.stored


class OutputLines:
    """Lines of one child for ``async for``; also a context manager, which closes its files at once.

    Without that they are closed when nobody can read on any more.
    """

    def __init__(self, written: Written, last: int, ended: trio.Event) -> None:
        self._follower: Follower | None = None
        self._written, self._last, self._ended = written, last, ended
        self._waiting: deque[Entry] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        if self._follower is not None:
            self._follower.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Entry:
        if self._follower is None:
            self._follower = await _in_thread(self._open)
        while not self._waiting:
            self._waiting += await _in_thread(self._follower.read)
            if not self._waiting and not self._follower.is_behind:
                await self._wait(self._follower)
        await trio.lowlevel.checkpoint_if_cancelled()
        return self._waiting.popleft()

    def _open(self) -> Follower:
        trails = self._written.trails()
        histories = [trail.history(self._last, goes_on=True) for trail in trails]
        self._waiting += heapq.merge(*histories, key=attrgetter("order"))
        return Follower(trails)

    async def _wait(self, follower: Follower) -> None:
        """Wait for more; when the tree has ended, only for what is on its way."""
        if not self._ended.is_set():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_one_of, self._ended.wait, nursery.cancel_scope)
                nursery.start_soon(_one_of, partial(_more, follower), nursery.cancel_scope)
            return
        with trio.move_on_after(_LAST_WORDS) as patience:
            await _more(follower)
        if patience.cancelled_caught:
            self._waiting += follower.last()
            if not self._waiting:
                raise StopAsyncIteration


async def _one_of(wait: Callable[[], Awaitable[None]], all_of_them: trio.CancelScope) -> None:
    await wait()
    all_of_them.cancel()


async def _more(follower: Follower) -> None:
    """Return when there may be more."""
    if follower.fd >= 0:
        await trio.lowlevel.wait_readable(follower.fd)
    else:
        await trio.sleep(PAUSE)


async def _in_thread(read: Callable[[], T]) -> T:
    try:
        return await trio.to_thread.run_sync(read)
    except OSError as error:
        number = error.errno or errno.EIO
        raise StorageFailed(str(error.filename), number, "a log to read") from None
