"""The verdict: what the figures of a rehearsal say about the policies, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from supctl.exits import ExitKind
from supctl.specs import Restart

from .ledger import Outage
from .report import AppReport, Report, SupervisorReport
from .words import counted, duration, hour, hours, percent, times

_MOST: Final = 5
"""Sentences of one kind; the table has the rest."""


def verdict(report: Report) -> list[str]:
    """Return the sentences, the gravest first."""
    return [
        *_root(report),
        *_some(list(_failures(report))),
        *_some([_lost(app) for app in report.apps if _is_lost(app)]),
        *_some([_escalated(it) for it in report.supervisors if it.given_up]),
        *_calm(report),
        *_worst(report),
        *_hangs(report),
        *_jobs(report),
    ]


def _some(sentences: list[str]) -> list[str]:
    more = len(sentences) - _MOST
    return sentences[:_MOST] + ([f"And {more} more of that kind."] if more > 0 else [])


def _root(report: Report) -> Iterator[str]:
    if report.root_reason is None:
        return
    figures = f"The rehearsal ended there: all figures are of {hours(report.ended_at)}."
    if report.gave_up is not None:
        it = report.gave_up
        bears = f"more than {counted(it.restarts, 'restart')} within {duration(it.within)}"
        who = it.child.lstrip("/")
        yield f"The root gave up at {hour(it.at)} ({bears}), over {who}: {it.reason}."
        yield f"Nothing ran from then on. {figures}"
    else:
        yield f"The root ended at {hour(report.ended_at)}: {report.root_reason}. {figures}"


def _failures(report: Report) -> Iterator[str]:
    for supervisor in report.supervisors:
        if supervisor.failed_at is not None:
            told = _failed(report, supervisor.name, supervisor.failed_at)
            yield f"{told} So was all that is below it."
    for app in report.apps:
        if app.failed_at is not None:
            yield _failed(report, app.name, app.failed_at)


def _failed(report: Report, name: str, at: float) -> str:
    left = duration(report.ended_at - at)
    return f"{name} used up its restarts at {hour(at)}: it was down for the other {left}."


def _is_lost(app: AppReport) -> bool:
    down = app.outages[-1] if app.outages else None
    never = app.restart is Restart.TEMPORARY
    return never and down is not None and down.is_own and down.open_at_end


def _lost(app: AppReport) -> str:
    down = app.outages[-1]
    return f"{app.name} is never started again and ended at {hour(down.since)}: {down.reason}."


def _has_been_told(app: AppReport) -> bool:
    return app.failed_at is not None or _is_lost(app)


def _escalated(it: SupervisorReport) -> str:
    first = it.given_up[0]
    bears = f"more than {counted(first.restarts, 'restart')} within {duration(first.within)}"
    told = (
        f"{it.name} gave up {times(len(it.given_up))} ({bears}), first at {hour(first.at)} over "
        f"{first.child.lstrip('/')}. Each time all that is below it went down"
    )
    if it.failed_starts:
        return f"{told}; to bring it back took {counted(it.failed_starts, 'attempt')} that failed."
    return f"{told}."


def _calm(report: Report) -> Iterator[str]:
    if report.is_good and not any(it.given_up for it in report.supervisors):
        yield "No supervisor gave up, and no app failed for good."


def _worst(report: Report) -> Iterator[str]:
    measured = [
        app
        for app in report.apps
        if app.availability is not None and app.outages and not _has_been_told(app)
    ]
    app = min(measured, key=lambda app: app.availability or 0.0, default=None)
    if app is None or app.longest is None:
        if not any(app.outages for app in report.apps):
            yield "Nothing was ever down."
        return
    yield (
        f"Worst off is {app.name}: up {percent(app.availability)} % of its time, "
        f"{counted(len(app.outages), 'outage')} of {duration(app.downtime)} in all, "
        f"the longest {duration(app.longest.seconds)} from {hour(app.longest.since)} on."
    )
    others = sum(outage.seconds for outage in app.outages if not outage.is_own)
    if others > app.downtime / 2:
        share = f"{100 * others / app.downtime:.0f} %"
        yield f"Of that time {share} was not its own doing: it was stopped together with others."


def _hangs(report: Report) -> Iterator[str]:
    hung = [app for app in report.apps if app.hangs]
    if not hung:
        return
    number = sum(len(app.hangs) for app in hung)
    seconds = sum(span.seconds for app in hung for span in app.hangs)
    stops, kills = sum(len(app.stops) for app in report.apps), sum(it.kills for it in report.apps)
    noticed = sum(_is_noticed(outage) for app in hung for outage in app.outages)
    checks = f"Health checks have noticed that {times(noticed)}. " if noticed else ""
    yield (
        f"{counted(len(hung), 'app')} hung, {times(number)} and for {duration(seconds)} in all. "
        "That counts as up: supervision hears an end, and no silence. "
        f"{checks}{kills:,} of {counted(stops, 'stop')} took the whole grace and SIGKILL."
    )


def _is_noticed(outage: Outage) -> bool:
    return outage.reason is not None and outage.reason.kind is ExitKind.UNHEALTHY


def _jobs(report: Report) -> Iterator[str]:
    for address, seconds in list(report.jobs.items())[:_MOST]:
        name = address.lstrip("/")
        yield (
            f"{name} is taken for a job that is done after {duration(seconds)}; "
            f"if it is a service, say --runtime {name}=forever."
        )
