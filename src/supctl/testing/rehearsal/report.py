"""The report of a rehearsal: figures that follow from the ledger, as values and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from supctl.exits import ExitReason
from supctl.specs import Restart

from .faults import FaultPlan
from .ledger import AppPage, GivenUp, Ledger, Outage, Span, SupervisorPage

HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True)
class AppReport:
    """What became of one app. All times in seconds.

    Attributes:
        restart: its policy.
        availability: share of the time in which it should have run that it did run, 0 to 1;
            ``None`` if there was no such time.
        downtime: sum of its outages.
        restarts: starts after the first.
        failed_starts: attempts that failed.
        outages: in order.
        rests: times in which nobody wanted it: a job is done, a supervisor has shut down.
        failed_at: when it used up ``give_up_after`` for good; ``None`` if it did not.
        give_ups: how often it did, supervisors above may have brought it back.
        escalations: how often its end made its supervisor give up.
        stops: what each stop that was asked for took, the one at the end of all included.
        kills: how many of those needed SIGKILL after the grace.
        hangs: times in which it hung, until it was stopped or its health checks had noticed;
            these are no outages.
    """

    address: str
    restart: Restart
    availability: float | None
    downtime: float
    restarts: int
    failed_starts: int
    outages: tuple[Outage, ...]
    rests: tuple[Span, ...]
    failed_at: float | None
    give_ups: int
    escalations: int
    stops: tuple[float, ...]
    kills: int
    hangs: tuple[Span, ...]

    @property
    def name(self) -> str:
        """The address as people write it, without the first slash."""
        return self.address.lstrip("/")

    @property
    def longest(self) -> Outage | None:
        """The longest outage, the first of several; ``None`` if there was none."""
        return max(self.outages, key=lambda outage: outage.seconds, default=None)

    @property
    def slowest_stop(self) -> float | None:
        """What its slowest stop took; ``None`` if it was never asked to stop."""
        return max(self.stops, default=None)

    @property
    def is_at_rest(self) -> bool:
        """Whether nobody wants it at the end: a job that is done."""
        return bool(self.rests) and not (self.outages and self.outages[-1].open_at_end)


@dataclass(frozen=True, slots=True)
class SupervisorReport:
    """What became of one supervisor below the root; as in :class:`AppReport`.

    Attributes:
        given_up: each time it gave up: an escalation to the supervisor above.
    """

    address: str
    restarts: int
    failed_starts: int
    given_up: tuple[GivenUp, ...]
    failed_at: float | None

    @property
    def name(self) -> str:
        """The address as people write it, without the first slash."""
        return self.address.lstrip("/")


@dataclass(frozen=True, slots=True)
class Report:
    """What a rehearsal has shown. All times in seconds.

    Attributes:
        tree: the name of the root.
        seed, faults, asked: what was asked for; ``asked`` is how long.
        ended_at: how long it was in the end, less if the root ended before its time.
        gave_up: why the root gave up; ``None`` if it did not.
        root_reason: why the root ended before its time; ``None`` if it did not.
        stop_time: what stopping the whole tree took at the end.
        jobs: what was taken for a job that ends by itself, by address; seconds it runs.
    """

    tree: str
    seed: int
    faults: FaultPlan
    asked: float
    ended_at: float
    gave_up: GivenUp | None
    root_reason: ExitReason | None
    stop_time: float
    apps: tuple[AppReport, ...]
    supervisors: tuple[SupervisorReport, ...]
    jobs: Mapping[str, float]

    @property
    def is_good(self) -> bool:
        """Whether the root lived through it all and no app or supervisor failed for good."""
        failed = [it.failed_at for it in self.apps] + [it.failed_at for it in self.supervisors]
        return self.root_reason is None and set(failed) <= {None}

    def as_dict(self) -> dict[str, Any]:
        """Return it as values that JSON can hold."""
        return {
            "tree": self.tree,
            "seed": self.seed,
            "faults": str(self.faults),
            "asked_hours": self.asked / HOUR,
            "rehearsed_hours": self.ended_at / HOUR,
            "good": self.is_good,
            "root_ended": None if self.root_reason is None else str(self.root_reason),
            "root_gave_up": None if self.gave_up is None else _given_up(self.gave_up),
            "stop_time": self.stop_time,
            "apps": [_app(app) for app in self.apps],
            "supervisors": [_supervisor(it) for it in self.supervisors],
            "jobs": dict(self.jobs),
        }


def _app(app: AppReport) -> dict[str, Any]:
    longest = app.longest
    return {
        "address": app.address,
        "availability": app.availability,
        "downtime": app.downtime,
        "restarts": app.restarts,
        "failed_starts": app.failed_starts,
        "longest_outage": 0.0 if longest is None else longest.seconds,
        "outages": [_outage(outage) for outage in app.outages],
        "rests": [[rest.since, rest.until] for rest in app.rests],
        "failed_at": app.failed_at,
        "give_ups": app.give_ups,
        "escalations": app.escalations,
        "stops": len(app.stops),
        "slowest_stop": app.slowest_stop,
        "kills": app.kills,
        "hangs": [[hang.since, hang.until] for hang in app.hangs],
    }


def _outage(outage: Outage) -> dict[str, Any]:
    return {
        "since": outage.since,
        "until": outage.until,
        "reason": None if outage.reason is None else str(outage.reason),
        "open_at_end": outage.open_at_end,
    }


def _supervisor(it: SupervisorReport) -> dict[str, Any]:
    return {
        "address": it.address,
        "restarts": it.restarts,
        "failed_starts": it.failed_starts,
        "escalations": [_given_up(given_up) for given_up in it.given_up],
        "failed_at": it.failed_at,
    }


def _given_up(it: GivenUp) -> dict[str, Any]:
    return {
        "at": it.at,
        "child": it.child,
        "restarts": it.restarts,
        "within": it.within,
        "reason": str(it.reason),
    }


def report_of(
    ledger: Ledger,
    *,
    tree: str,
    seed: int,
    faults: FaultPlan,
    asked: float,
    jobs: Mapping[str, float],
) -> Report:
    """Return the figures of a rehearsal that is over."""
    ended_at = asked if ledger.ended_at is None else ledger.ended_at
    stopped_at = ended_at if ledger.stopped_at is None else ledger.stopped_at
    root = ledger.supervisors["/"]
    return Report(
        tree=tree,
        seed=seed,
        faults=faults,
        asked=asked,
        ended_at=ended_at,
        gave_up=root.given_up[-1] if root.given_up else None,
        root_reason=ledger.root_reason,
        stop_time=stopped_at - ended_at,
        apps=tuple(_app_report(page, ended_at) for page in ledger.apps.values()),
        supervisors=tuple(
            _supervisor_report(page) for page in ledger.supervisors.values() if page is not root
        ),
        jobs=jobs,
    )


def _app_report(page: AppPage, ended_at: float) -> AppReport:
    downtime = sum(outage.seconds for outage in page.outages)
    rest = sum(span.seconds for span in page.rests)
    wanted = 0.0 if page.up_at is None else ended_at - page.up_at - rest
    is_down = bool(page.outages) and page.outages[-1].open_at_end
    return AppReport(
        address=page.address,
        restart=page.restart,
        availability=None if wanted <= 0 else max(0.0, 1 - downtime / wanted),
        downtime=downtime,
        restarts=max(0, page.starts - 1),
        failed_starts=page.failed_starts,
        outages=tuple(page.outages),
        rests=tuple(page.rests),
        failed_at=page.gave_up_at[-1] if page.gave_up_at and is_down else None,
        give_ups=len(page.gave_up_at),
        escalations=page.escalations,
        stops=tuple(page.stops),
        kills=page.kills,
        hangs=tuple(page.hangs),
    )


def _supervisor_report(page: SupervisorPage) -> SupervisorReport:
    return SupervisorReport(
        address=page.address,
        restarts=max(0, page.starts - 1),
        failed_starts=page.failed_starts,
        given_up=tuple(page.given_up),
        failed_at=page.failed_at,
    )
