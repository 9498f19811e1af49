"""The program of a process that a subtree lives in."""

from __future__ import annotations

import logging
import random
import socket
from contextlib import suppress
from typing import Any, Final

import trio

from supctl.actors.process.host import HOST, Host, rehearse
from supctl.actors.services import Services
from supctl.backends.handover import Handover
from supctl.backends.relay import Relay
from supctl.errors import ConnectionLost, InvalidState
from supctl.ipc import Request
from supctl.specs import StartRate, Supervisor
from supctl.supervision.eventlog import EventLog
from supctl.supervision.local import LocalNode
from supctl.supervision.node import Node
from supctl.supervision.pacer import Pacer
from supctl.supervision.supervisor import SupervisorActor
from supctl.supervision.world import World

from . import wire as wire  # what we are told of is known from here on
from .reporter import Reporter
from .retelling import because_above, from_above

REQUESTS: Final = frozenset({
    "checkup", "start", "begin", "stop", "renew", "drop", "add_child", "terminate_child",
    "restart_child", "delete_child", "which_children", "count_children", "get_child_spec",
    "respecify",
})  # fmt: skip
"""What may be asked of a supervisor: the coroutine methods of a Node."""


def main(read_fd: int, write_fd: int, socket_fd: int) -> None:
    """Live until the supervisor has ended, or whoever started us is gone."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    trio.run(SubtreeHost(Handover(socket_fd)).run, read_fd, write_fd)


def warm_up() -> None:
    """Go through a life of a supervisor without children; as for actors."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        host = SubtreeHost(Handover(theirs.detach()))
        trio.run(rehearse, host, Supervisor("rehearsal"), {}, None, [])
        host.handover.close()


class SubtreeHost(Host):
    """Hosts one supervisor and all that is below it.

    Args:
        handover: what brings descriptors from above.
    """

    def __init__(self, handover: Handover) -> None:
        super().__init__()
        self._top: SupervisorActor
        self.handover = handover
        self._relay = Relay(self, handover)
        self._reporter = Reporter(self.tell)

    def make(
        self,
        address: str,
        spec: Supervisor,
        options: dict[str, Any],
        start_rate: StartRate | None,
        parked: list[str],
        origin: int | None = None,
    ) -> SupervisorActor:
        services = Services(
            self._relay,
            self._relay.take_output,
            check_log=self._relay.check_log,
            redirect=self._relay.redirect,
            board=self.board,
            registry=self.board.names,
            **options,
        )
        pacer = None if start_rate is None else Pacer(start_rate)
        log = EventLog(handler=self._reporter.hear)
        world = World(services, log, random.random, pacer, self._reporter, frozenset(parked))
        self._top = SupervisorActor(spec, address, world, self.hear, from_above(origin))
        return self._top

    def fact(self) -> None:
        """All that is to be known of a supervisor was told."""

    # To the process above; as supctl.backends.relay.Above.

    async def ask(self, method: str, *args: Any) -> Any:
        """Ask the one above."""
        return await self.connection.call(HOST, method, args)

    def tell(self, method: str, *args: Any) -> None:
        """Tell the one above, if it is still there."""
        with suppress(ConnectionLost):
            self.connection.cast(HOST, method, args, refusable=False)

    # From there.

    def call(self, request: Request) -> None:
        """Take a request to a supervisor, begin, or pass a request on."""
        if request.target == HOST and request.method == "ask":
            request.serve(self._answer, *request.args)
        else:
            super().call(request)

    def cast(self, to: str | int, method: str, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Hear what has become of a process, signal a child, stop, or pass a message on."""
        match to, method:
            case "host", "hear_notice":
                self._relay.hear_notice(*args)
            case "host", "hear_last_words":
                self._relay.hear_last_words(*args)
            case "host", "hear_line":
                self._relay.hear_line(*args)
            case "host", ("signal" | "pause" | "resume" | "reset"):
                address, *rest = args
                why = because_above(kwargs["cause"])
                with why, suppress(KeyError, InvalidState):  # it has just ended
                    getattr(self._node(address), method)(*rest)
            case "host", "stop" if self._child is not None:
                self._top.stopped_for = from_above(kwargs.get("cause"))
                super().cast(to, method, args, kwargs)
            case _:
                super().cast(to, method, args, kwargs)

    async def _answer(
        self, address: str, method: str, args: list[Any], cause: int | None = None
    ) -> Any:
        if method not in REQUESTS:
            raise ValueError(f"a supervisor is not asked for {method!r}")
        with because_above(cause):
            return await getattr(self._node(address), method)(*args)

    def _node(self, address: str) -> Node:
        node: Node | None = LocalNode(self._top)
        for name in address.removeprefix(self._top.address).split("/")[1:]:
            node = node.below(name) if node is not None and name in node.names() else None
        if node is None:
            raise InvalidState(address, "stopped", "a supervisor that runs")
        return node
