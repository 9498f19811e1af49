"""One life of a Python actor that has a process of its own, as its supervisor sees it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from supctl.actors.incarnation import Tell
from supctl.actors.inheritance import Inherited, Remains, digest, end
from supctl.actors.services import Services
from supctl.actors.threaded import threaded
from supctl.backends.base import Process, PythonSpec
from supctl.errors import InvalidConfig
from supctl.exits import ExitReason
from supctl.ipc import Connection
from supctl.ipc.messages import VERSION as PROTOCOL
from supctl.specs import Worker
from supctl.specs.app import Stop
from supctl.specs.isolation import needs_script
from supctl.specs.place import place_of

from . import lifeline
from .actor_host import ACTOR, ENTRY, WARM_UP
from .host import HOST
from .hosted import Hosted


class ProcessWorker(Hosted):
    """One life of a Python actor in a process of its own.

    Args:
        spec: which class, with which arguments.
        address, services, tell: as of :class:`~.hosted.Hosted`.
    """

    entry, warm_up = ENTRY, WARM_UP

    def __init__(self, spec: Worker, address: str, services: Services, tell: Tell) -> None:
        super().__init__(address, services, tell, spec.hung_after)
        self._spec = spec
        self._inherited: Inherited | None = None  # what we go on with, having started nothing
        self._has_answered = False  # of what we have inherited
        self._asked_at: float | None = None

    @property
    def grace(self) -> float:  # type: ignore[override]
        return self._spec.grace

    @property
    def ref(self) -> Any:
        """A reference to this life; ``None`` as long as it is not up."""
        if not self._is_up:
            return None
        kind = self._spec.actor if isinstance(self._spec.actor, type) else None
        if kind is not None and self._spec.blocking:
            kind = threaded(kind)
        board = self._services.board
        return board.reference(self._branch.place, self._branch.number, self._address, kind)

    @property
    def remains(self) -> Remains | None:
        if self._process is None or not self._process.token:
            return None
        return Remains(self._process.token, self._is_up, asked_at=self._asked_at)

    def stop(self) -> None:
        if self._asked_at is None:
            self._asked_at = time.monotonic()
        super().stop()

    # How it begins.

    async def _start(self) -> tuple[Process, Sequence[int]] | None:
        inherited = self._services.claim(self._address)
        if inherited is not None:
            if self._can_go_on_with(inherited):
                return self._go_on_with(inherited)
            self._services.take_output(self._address, inherited.process)
            await end(inherited, Stop(grace=self.grace))
            if self._state == "stopping":
                return None
        if self._spec.survives and self._services.board.up is not None:
            wanted = "'restart' below a supervisor with isolation='process'"
            raise InvalidConfig("on_daemon_loss", "survive", wanted)
        process, descriptors = await self._spawn()
        for fd in descriptors[2:]:  # the lifeline: the backend holds it
            os.close(fd)
        return process, descriptors[:2]

    def _python(self) -> PythonSpec:
        python = super()._python()
        if not (self._spec.survives and self._services.keeps):
            return python
        kept = f"{self._address} {self._print()}"
        return replace(python, with_socket=True, kept=kept, grace=self.grace)

    def _print(self) -> str:
        """Return what is the same for a life that we can go on with."""
        place, args, options = self._what()
        services = self._services
        options["kwargs"] = sorted(options["kwargs"].items())
        how = (services.start_method, services.preload, self.entry, lifeline.VERSION, PROTOCOL)
        return digest((place, args, sorted(options.items()), how))

    def _can_go_on_with(self, inherited: Inherited) -> bool:
        remains, notify_fd = inherited.remains, inherited.process.notify_fd
        is_settled = remains.is_up and remains.asked_at is None and notify_fd is not None
        return self._spec.survives and is_settled and inherited.print == self._print()

    def _go_on_with(self, inherited: Inherited) -> tuple[Process, Sequence[int]]:
        process = inherited.process
        assert process.notify_fd is not None
        lifeline_fd, process.notify_fd = process.notify_fd, None
        self._inherited, self._branch.number = inherited, ACTOR
        try:
            return process, lifeline.reach(lifeline_fd)
        except OSError:  # nobody would end it later
            process.kill()
            raise

    async def _begin(self, connection: Connection) -> Any:
        if self._inherited is None:
            return await super()._begin(connection)
        process = self._inherited.process
        # At once: it runs, and may be too busy to answer for as long as it likes.
        self._be_up(age=time.monotonic() - process.started_at)
        process.listen(self._hear_notice)
        try:
            match await self._ask_to_begin(connection):
                case ("down", ExitReason() as reason):
                    self.cast(HOST, "down", [reason], {})
            self._has_answered = True
        except Exception:  # how it has ended, or must, is told by others
            self._over.set()
        return None

    def _reason(self) -> ExitReason:
        known = self._status_reason
        is_old = self._inherited is not None and not self._has_answered
        if is_old and known is not None and known.is_normal:
            return known  # it has said why to those before us
        return super()._reason()

    def _what(self) -> Sequence[Any]:
        spec = self._spec
        options = {"kwargs": dict(spec.kwargs), "grace": spec.grace, "blocking": spec.blocking}
        return self._place, spec.args, options

    def _needs_script(self) -> bool:
        return needs_script(self._spec)

    def _take_fact(self, fact: int) -> None:
        self._branch.number = fact

    @property
    def _place(self) -> str:
        actor = self._spec.actor
        return actor if isinstance(actor, str) else place_of(actor)
