"""The ledger of a rehearsal: events go in, outages come out. Nothing here runs or draws."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from supctl import events
from supctl.exits import ExitReason
from supctl.specs import Restart


@dataclass(slots=True)
class Outage:
    """A time in which an app should have run and did not.

    Args:
        since: when it began, in seconds after the start of the rehearsal.
        until: when the app ran again; at the end of the rehearsal at the latest.
        reason: why its last run ended; ``None`` if it was stopped together with others.
        open_at_end: it had not come back when the rehearsal ended.
    """

    since: float
    until: float = math.inf
    reason: ExitReason | None = None
    open_at_end: bool = False

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.until - self.since

    @property
    def is_own(self) -> bool:
        """Whether the app ended by itself; otherwise it was stopped with its group."""
        return self.reason is not None


@dataclass(slots=True)
class Span:
    """A time from ``since`` to ``until``, in seconds after the start of the rehearsal."""

    since: float
    until: float = math.inf

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.until - self.since


@dataclass(slots=True)
class AppPage:
    """What the ledger holds of one app.

    Attributes:
        restart: its policy.
        warms: whether it counts as up only when it is ready.
        up_at: when it ran for the first time; ``None``: never.
        starts, failed_starts: how many.
        outages, rests: times in which it was down although, or because, nobody wanted it.
        gave_up_at: when ``give_up_after`` was used up.
        escalations: how often its end made a supervisor give up.
        stops: seconds that each stop took that was asked for.
        kills: how many of those needed SIGKILL.
        hangs: times in which it hung.
    """

    address: str
    restart: Restart
    warms: bool = False
    up_at: float | None = None
    starts: int = 0
    failed_starts: int = 0
    outages: list[Outage] = field(default_factory=list)
    rests: list[Span] = field(default_factory=list)
    gave_up_at: list[float] = field(default_factory=list)
    escalations: int = 0
    stops: list[float] = field(default_factory=list)
    kills: int = 0
    hangs: list[Span] = field(default_factory=list)
    _down: Outage | Span | None = None
    _stopping_at: float | None = None
    _hangs_at: float = math.inf
    _is_closed: bool = False

    def expect_hang(self, at: float) -> None:
        """Note that its present run hangs from ``at`` on, if it lives that long."""
        self._hangs_at = at

    def started(self, at: float) -> None:
        """Note that it runs."""
        if self._stopping_at is not None or self._is_closed:
            return  # the start was called off while it was under way; its end is to come
        self.starts += 1
        self.up_at = at if self.up_at is None else self.up_at
        if self._down is not None:
            self._down.until = at
            self._down = None

    def start_failed(self) -> None:
        """Note that an attempt to start it failed."""
        self.failed_starts += 1
        self._stopping_at = None
        self._hangs_at = math.inf

    def stopping(self, at: float, *, wanted: bool) -> None:
        """Note that it was asked to stop; ``wanted`` whether it should run all the same."""
        self._stopping_at = at
        self._goes_down(Outage(at) if wanted else Span(at))

    def killed(self) -> None:
        """Note that it had to be killed. One that was found unhealthy was not asked by anybody."""
        self.kills += self._stopping_at is not None

    def exited(self, at: float, reason: ExitReason) -> None:
        """Note that it ended."""
        if self._hangs_at < at:
            self.hangs.append(Span(self._hangs_at, at))
        self._hangs_at = math.inf
        if self._stopping_at is not None:
            self.stops.append(at - self._stopping_at)
            self._stopping_at = None
        elif reason.is_final or (reason.is_normal and not self.restart.applies(normal=True)):
            self._goes_down(Span(at))  # its work is done
        else:
            self._goes_down(Outage(at, reason=reason))

    def _goes_down(self, down: Outage | Span) -> None:
        if self._down is None and not self._is_closed:
            self._down = down
            if isinstance(down, Outage):
                self.outages.append(down)
            else:
                self.rests.append(down)

    def close(self, at: float) -> None:
        """Note the end of the rehearsal: what is open lasts until then, what follows is none."""
        self._is_closed = True
        if self._down is not None:
            self._down.until = at
        if isinstance(self._down, Outage):
            self._down.open_at_end = True
        if self._hangs_at < at:
            self.hangs.append(Span(self._hangs_at, at))
        self._hangs_at = math.inf


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A supervisor saw more restarts than it bears: of ``child``, which ended for ``reason``."""

    at: float
    child: str
    restarts: int
    within: float
    reason: ExitReason


@dataclass(slots=True)
class SupervisorPage:
    """What the ledger holds of one supervisor.

    Attributes:
        starts, failed_starts: how many.
        given_up: each time it gave up, an escalation to the supervisor above.
        failed_at: when it used up its own ``give_up_after``; ``None`` if it did not, or has been
            started since.
    """

    address: str
    starts: int = 0
    failed_starts: int = 0
    given_up: list[GivenUp] = field(default_factory=list)
    failed_at: float | None = None


class Ledger:
    """Keeps the pages of all apps and supervisors of a tree.

    Apps are entered by :meth:`enter`; whoever else starts is a supervisor.

    Attributes:
        apps, supervisors: by address.
        ended_at: when the rehearsal was over, be it that its time was up or that the root
            ended by itself; ``None`` before that.
        stopped_at: when nothing of the tree was left.
        root_reason: why the root ended, if it did so by itself.
    """

    def __init__(self) -> None:
        self.apps: dict[str, AppPage] = {}
        self.supervisors: dict[str, SupervisorPage] = {"/": SupervisorPage("/")}
        self.ended_at: float | None = None
        self.stopped_at: float | None = None
        self.root_reason: ExitReason | None = None
        self._time_is_up = False
        self._resting: set[str] = set()  # supervisors that have shut themselves down

    def enter(self, address: str, restart: Restart, *, warms: bool = False) -> AppPage:
        """Open the page of an app."""
        page = self.apps[address] = AppPage(address, restart, warms)
        return page

    def time_is_up(self, at: float) -> None:
        """End the rehearsal: from now on the tree is stopped on purpose."""
        if self.ended_at is None:
            self._time_is_up = True
            self._close(at)

    def note(self, event: events.Event) -> None:
        """Take down an event. In the order in which they happen; none is left out."""
        if (app := self.apps.get(event.address)) is not None:
            self._note_app(app, event)
        else:
            self._note_supervisor(event)

    def _note_app(self, app: AppPage, event: events.Event) -> None:
        match event:
            case events.ChildStarted(at=at) if not app.warms:
                app.started(at)
            case events.ChildReady(at=at):
                app.started(at)
            case events.ChildStartFailed():
                app.start_failed()
            case events.ChildStopping(at=at):
                app.stopping(at, wanted=not self._rests(app.address))
            case events.ChildKilled():
                app.killed()
            case events.ChildExited(at=at, reason=reason):
                app.exited(at, reason)
            case events.ChildFailed(at=at):
                app.gave_up_at.append(at)

    def _note_supervisor(self, event: events.Event) -> None:
        page = self.supervisors.setdefault(event.address, SupervisorPage(event.address))
        match event:
            case events.ChildStarted(address=address):
                page.starts += 1
                page.failed_at = None
                self._resting.discard(address)
            case events.ChildStartFailed():
                page.failed_starts += 1
            case events.ChildFailed(at=at):
                page.failed_at = at
            case events.SupervisorGaveUp():
                self._gave_up(page, event)
            case events.SupervisorAutoShutdown(address=address, at=at):
                self._resting.add(address)
                if address == "/":
                    self._close(at)
            case events.TreeStopped(at=at, reason=reason):
                self.stopped_at = at
                if not self._time_is_up:
                    self.root_reason = reason
                    self._close(at)

    def _gave_up(self, page: SupervisorPage, event: events.SupervisorGaveUp) -> None:
        page.given_up.append(
            GivenUp(event.at, event.child, event.restarts, event.within, event.reason)
        )
        if event.child in self.apps:
            self.apps[event.child].escalations += 1
        if event.address == "/":
            self._close(event.at)

    def _rests(self, address: str) -> bool:
        """Return whether a supervisor above has shut itself down: its children may stop too."""
        return any(address.startswith(above.rstrip("/") + "/") for above in self._resting)

    def _close(self, at: float) -> None:
        if self.ended_at is None:
            self.ended_at = at
            for app in self.apps.values():
                app.close(at)
