"""One life of a supervisor that has a process of its own, as its supervisor sees it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from supctl import events
from supctl.actors.incarnation import Ignored, NotUp, Tell
from supctl.actors.process.host import HOST
from supctl.actors.process.hosted import Hosted
from supctl.backends.custody import Custody
from supctl.backends.handover import Handover
from supctl.errors import ConnectionLost, InvalidState
from supctl.exits import ExitKind, ExitReason
from supctl.ipc import Request
from supctl.specs import Supervisor
from supctl.specs.isolation import needs_script
from supctl.supervision.eventlog import current_cause
from supctl.supervision.node import Node
from supctl.supervision.world import World

from . import wire as wire  # what we are told of is known from here on
from .mirror import Mirror
from .retelling import Retelling

_CUSTODY_CALLS = ("spawn", "spawn_python", "check_log")
_CUSTODY_CASTS = (
    *("signal", "signal_all", "kill", "change", "abandon"),
    *("take_output", "discard_output", "redirect"),
)
_MIRROR_CASTS = ("opened", "closed", "respecified", "state", "added", "forgotten", "shown")


_SHARED: Final = ("preload", "start_method", "private")
"""What is of a tree's services in each of its processes."""


class IsolatedSupervisor(Hosted):
    """One life of a supervisor in a process of its own.

    Its events are told here too, and its start rate is the one of here, counted by itself.

    Args:
        spec: its children and policies.
        address, tell: as of :class:`supctl.actors.process.hosted.Hosted`.
        world: shared by the whole tree.
        origin: number of the event that it follows from, if there is one.
    """

    entry = "supctl.supervision.isolated.host:main"
    warm_up = "supctl.supervision.isolated.host:warm_up"
    with_socket = True
    grace = math.inf

    def __init__(
        self, spec: Supervisor, address: str, world: World, tell: Tell, origin: int | None = None
    ) -> None:
        super().__init__(address, world.services, tell, spec.hung_after)
        self._spec, self._world, self._origin = spec, world, origin
        self._mirror = Mirror(spec, address, self)
        self._retelling = Retelling(world.events)
        self._custody: Custody | None = None
        self._last_event: int | None = None

    @property
    def node(self) -> Node | None:
        """What its handles see; ``None`` before it has begun and after it has ended."""
        return self._mirror.top

    @property
    def last_event(self) -> int | None:
        return self._last_event

    def kill(self) -> None:
        super().kill()
        if self._custody is not None:
            self._custody.kill_all()

    def _what(self) -> Sequence[Any]:
        services = self._services
        options = {name: getattr(services, name) for name in _SHARED}
        pacer = self._world.pacer
        parked = [it for it in self._world.parked if it.startswith(f"{self._address}/")]
        return self._spec, options, None if pacer is None else pacer.rate, parked, self._origin

    def _needs_script(self) -> bool:
        return needs_script(self._spec)

    def _take_fact(self, fact: None) -> None:
        """There is none."""

    async def _serve(self, descriptors: Sequence[int]) -> NotUp | Ignored | None:
        services, handover = self._services, Handover(descriptors[2])
        logs = services.take_output, services.check_log, services.redirect
        self._custody = Custody(services.backend, *logs, handover, self.tell)
        try:
            return await super()._serve(descriptors)
        finally:
            handover.close()

    async def _wait_gone(self) -> None:
        await super()._wait_gone()
        assert self._custody is not None
        if self._killed:
            self._custody.kill_all()
        await self._custody.end_all()
        self._lose_children()

    def _lose_children(self) -> None:
        """Tell of those who ended with their supervisor, which could not tell that any more."""
        reason = ExitReason(ExitKind.LOST, detail="the process of its supervisor has ended")
        for row in list(self._mirror.living()):
            self._world.events.emit(
                events.ChildExited,
                address=row.address,
                cause=self._retelling.latest(row.address),
                reason=reason,
                asked=False,
                uptime=row.uptime,
            )
        for address in self._mirror.addresses():
            self._show("closed", address)

    # To the process below; as Below.

    async def ask(self, address: str, method: str, *args: Any) -> Any:
        """Call a method of the supervisor at ``address`` there."""
        try:
            if self._connection is not None:
                asked = [address, method, args, current_cause()]
                return await self._connection.call(HOST, "ask", asked)
        except ConnectionLost:
            pass
        raise InvalidState(address, "stopped", "a supervisor that runs")

    def tell(self, method: str, *args: Any) -> None:
        """Tell the host something."""
        if self._connection is not None:
            with suppress(ConnectionLost):
                why = {"cause": current_cause()}
                self._connection.cast(HOST, method, args, why, refusable=False)

    # From there.

    def call(self, request: Request) -> None:
        """Take a request to the custody, or pass it on."""
        if request.target == HOST and request.method in _CUSTODY_CALLS:
            request.serve(getattr(self._custody, request.method), *request.args)
        else:
            super().call(request)

    def cast(self, to: str | int, method: str, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Hear what happens there, or pass a message on."""
        if to != HOST or method == "down":
            super().cast(to, method, args, kwargs)
        elif method in _MIRROR_CASTS:
            self._show(method, *args)
        elif method in _CUSTODY_CASTS:
            getattr(self._custody, method)(*args)
        elif method == "event":
            self._tell_again(*args)

    def _show(self, method: str, *args: Any) -> None:
        getattr(self._mirror, method)(*args)
        self._world.watch.told(method, *args)

    def _tell_again(self, event: events.Event) -> None:
        told = self._retelling.tell(event)
        ends = events.SupervisorGaveUp | events.SupervisorAutoShutdown
        if event.address == self._address and isinstance(event, ends):
            self._last_event = told.seq
