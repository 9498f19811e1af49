"""What a peer asks of us: requests that wait for their answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import trio

from supctl.errors import CannotEncode, MailboxFull, ProtocolError

from . import messages as m
from .channel import Channel
from .lending import ITEMS, Loans
from .producing import StreamRequest
from .request import Request, Service

MOST_REQUESTS: Final = 2**16
"""Requests of a peer that may be unanswered; what it asks beyond that is refused."""


class Answering:
    """The answering half of a connection.

    Args:
        channel: where answers are sent.
        service: who takes the requests.
        label: returns who asks, as a phrase.
        loans: what we lend; the peer asks for its items.
    """

    def __init__(
        self, channel: Channel, service: Service, label: Callable[[], str], loans: Loans
    ) -> None:
        self._channel, self._service, self.label = channel, service, label
        self._loans = loans
        self._requests: dict[int, Request] = {}  # by number of the peer's call
        self._nursery: trio.Nursery | None = None

    def request_handlers(self) -> dict[int, Callable[[list[Any]], None]]:
        """Return what takes the requests, by kind of message."""
        return {
            m.CALL: self._on_call,
            m.CAST: self._on_cast,
            m.CREDIT: self._on_credit,
            m.CANCEL: self._on_cancel,
        }

    def work_in(self, nursery: trio.Nursery) -> None:
        """Run requests that need a task in that nursery."""
        self._nursery = nursery

    def start_soon(self, work: Callable[..., Awaitable[Any]], *args: Any) -> None:
        """Run something for a request. Once the connection is over, nothing is begun any more."""
        if self._nursery is not None:
            self._nursery.start_soon(work, *args)

    def cancel_all(self) -> None:
        """Cancel everything that is unanswered: there is nobody to answer to."""
        orphans, self._requests, self._nursery = self._requests, {}, None
        for request in orphans.values():
            request.cancel()

    def refuse(self, message: list[Any], error: Exception) -> None:
        """Answer a request whose values could not be read."""
        if message[0] == m.CAST:
            self._service.cast_failed(message[1], message[2], error)
        elif message[0] == m.CALL:
            self.reply_error(message[1], error)

    # What the requests send.

    def reply_value(self, number: int, value: Any) -> None:
        """Send a result, or the error that says why it cannot be sent."""
        self._requests.pop(number, None)
        try:
            self._channel.send([m.RESULT, number, value])
        except CannotEncode as error:
            self._channel.send([m.ERROR, number, CannotEncode(*error.args)])  # no traceback

    def reply_error(self, number: int, error: BaseException | None) -> None:
        """Send an error; None acknowledges a cancel."""
        self._requests.pop(number, None)
        try:
            self._channel.send([m.ERROR, number, error])
        except CannotEncode as failure:
            self._channel.send([m.ERROR, number, CannotEncode(*failure.args)])

    def reply_item(self, number: int, item: Any) -> None:
        """Send an item of a stream. Raises CannotEncode; nothing was sent then."""
        self._channel.send([m.ITEM, number, item])

    def reply_end(self, number: int) -> None:
        """Say that a stream has no more items."""
        self._requests.pop(number, None)
        self._channel.send([m.END, number])

    async def wait_room(self) -> None:
        """Wait while so much waits to be written that no more should be sent."""
        if self._channel.is_full:
            await self._channel.wait_room()

    def _on_call(self, message: list[Any]) -> None:
        number = message[1]
        if number in self._requests:
            raise ProtocolError(f"a second call of number {number}", "a number that is not in use")
        request: Request
        if message[7] is None:
            request = Request(self, number, message)
        else:
            request = StreamRequest(self, number, message)
        if len(self._requests) >= MOST_REQUESTS:
            request.fail(MailboxFull(str(request.target), MOST_REQUESTS))
            return
        self._requests[number] = request
        try:
            if not isinstance(request, StreamRequest):
                self._service.call(request)
            elif request.method == ITEMS:
                self._loans.produce(request)
            else:
                request.produce(self._service.stream(request))
        except Exception as error:
            request.fail(error)

    def _on_cast(self, message: list[Any]) -> None:
        _, target, method, args, kwargs = message
        try:
            self._service.cast(target, method, args, kwargs)
        except Exception as error:
            self._service.cast_failed(target, method, error)

    def _on_credit(self, message: list[Any]) -> None:
        request = self._requests.get(message[1])
        if isinstance(request, StreamRequest):
            request.add_credit(message[2])

    def _on_cancel(self, message: list[Any]) -> None:
        request = self._requests.get(message[1])
        if request is not None:
            request.cancel()
