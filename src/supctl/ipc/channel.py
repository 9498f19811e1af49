"""Messages over a transport: what is sent leaves in order, what is ready leaves together."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import trio

from .codec import Codec
from .framing import LARGE, FrameReader
from .transport import MOST_PARTS, Buffer, Transport

ROOM: Final = 1024 * 1024
"""Bytes that may wait to be written before a call or an item waits, and a cast is refused."""

BATCH: Final = 4 * 1024
"""Bytes that are not held back: the peer can begin with them while we make more."""


class Channel:
    """A transport that carries messages.

    The first message of a moment is written at once, without a switch of tasks. Others that
    follow, before something has come from the peer, wait for each other until the loop has gone
    round, and leave in one write, made by :meth:`write`; so do the answers to all that one read
    has brought (:meth:`hold`).

    Attributes:
        waiting: bytes that were sent and are not written.
        failed: set once nothing can be written any more.
    """

    def __init__(self, transport: Transport, codec: Codec) -> None:
        self._transport, self._codec = transport, codec
        self._frames = FrameReader(codec.limit)
        self._parts: deque[Buffer] = deque()
        self.waiting = 0
        self._most = 4 * max(codec.limit, ROOM)  # answers cannot wait, but have to end somewhere
        self._is_held = False  # what is sent gathers
        self._is_attended = False  # and somebody is going to write it
        self._is_blocked = False
        self._writer: trio.lowlevel.Task | None = None
        self._has_work = False
        self._progress: trio.Event | None = None
        self._failure: Exception | None = None
        self.failed = trio.Event()

    def send(self, message: list[Any]) -> None:
        """Send a message. Never waits: see :meth:`wait_room`.

        Raises:
            CannotEncode: a value in it cannot be sent; nothing of it was.
        """
        parts = self._codec.encode(message)
        if self._failure is not None:
            return  # the reader is about to learn that nobody is there
        for part in parts:
            self._parts.append(part)
            self.waiting += len(part)
        if self.waiting > self._most:
            self._fail(BufferError("the peer does not read"))
        elif not self._is_held:
            self._write_now()
            self._is_held = True
            if self._parts:
                self._hand_over()
        elif not self._is_attended:
            self._hand_over()
        elif self.waiting >= BATCH and not self._is_blocked:
            self._write_now()

    @property
    def is_full(self) -> bool:
        """Whether so much waits that who can wait should."""
        return self.waiting >= ROOM

    async def wait_room(self) -> None:
        """Wait until no more than half of :data:`ROOM` is waiting, or the channel has failed."""
        await self._wait_for(ROOM // 2)

    async def flush(self) -> None:
        """Wait until all is written, or never will be."""
        await self._wait_for(0)

    async def _wait_for(self, most: int) -> None:
        while self.waiting > most and self._failure is None:
            self._hand_over()
            if self._progress is None:
                self._progress = trio.Event()
            await self._progress.wait()

    def hold(self) -> bool:
        """Let messages wait for each other; return whether :meth:`release` has to follow."""
        was_attended = self._is_attended
        self._is_held = self._is_attended = True
        return not was_attended

    def release(self) -> None:
        """Write what has gathered since :meth:`hold`."""
        if self._parts and not self._is_blocked:
            self._write_now()
        if self._parts:
            self._hand_over()
        else:
            self._is_held = self._is_attended = False

    def _hand_over(self) -> None:
        """Leave what follows, until the loop has gone round, to the writing task."""
        self._is_held = self._is_attended = self._has_work = True
        if self._writer is not None:
            writer, self._writer = self._writer, None
            trio.lowlevel.reschedule(writer)

    async def write(self) -> None:
        """Write what was handed over, for ever. For one task."""
        while True:
            if not self._has_work:
                self._writer = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(self._abort)
            self._has_work = False
            self._write_now()
            self._is_blocked = True  # from here on, only this task knows what is being written
            while self._parts:
                try:
                    written = await self._transport.write(self._next_parts())
                except (OSError, trio.BrokenResourceError) as error:
                    self._fail(error)
                else:
                    self._forget(written)
            self._is_held = self._is_attended = self._is_blocked = False

    def _abort(self, _: object) -> trio.lowlevel.Abort:
        self._writer = None
        return trio.lowlevel.Abort.SUCCEEDED

    def _write_now(self) -> None:
        try:
            while self._parts:
                written = self._transport.write_now(self._next_parts())
                if not written:
                    return
                self._forget(written)
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
            self._fail(error)

    def _next_parts(self) -> list[Buffer]:
        if self.waiting < LARGE:
            return [b"".join(self._parts)]  # cheaper for everybody than many small ones
        return list(islice(self._parts, MOST_PARTS))

    def _forget(self, written: int) -> None:
        """Drop what was written."""
        self.waiting -= written
        if not self.waiting:
            self._parts.clear()
        else:
            self._forget_some(written)
        if self._progress is not None:
            self._tell_of_progress()

    def _forget_some(self, written: int) -> None:
        while written:
            part = self._parts[0]
            if len(part) > written:
                self._parts[0] = memoryview(part)[written:]
                return
            written -= len(self._parts.popleft())

    def _tell_of_progress(self) -> None:
        if self._progress is not None:
            self._progress.set()
            self._progress = None

    def _fail(self, error: Exception) -> None:
        """Write no more. What the peer said before it went can still be read."""
        self._failure = error
        self._parts.clear()
        self.waiting = 0
        self._tell_of_progress()
        self.failed.set()

    async def receive(self) -> Iterator[bytes | memoryview]:
        """Return the payloads that have come, maybe none yet. For one task.

        Raises:
            ProtocolError: from the iterator: a frame is over the limit, the stream is lost.
            EndOfStream: the peer will send no more.
        """
        room = self._frames.room()
        try:
            if room is not None:
                count = await self._transport.read_into(room)
                if count:
                    return self._frames.fill(count)
            else:
                data = await self._transport.read()
                if data:
                    return self._frames.feed(data)
        except (OSError, trio.BrokenResourceError) as error:
            raise EndOfStream(f"it broke: {error or type(error).__name__}") from error
        if self._frames.is_between_frames:
            raise EndOfStream("it ended without a goodbye")
        raise EndOfStream("it ended in the middle of a message")

    async def aclose(self) -> None:
        """Close the transport. What was not written is lost."""
        await self._transport.aclose()


class EndOfStream(Exception):
    """Nothing more can be read; the text says how that came."""
