"""The ledger: hand-made events in, outages out."""

from __future__ import annotations

from typing import Any

import pytest

from supctl import events as ev
from supctl.exits import NORMAL, SHUTDOWN, ExitKind, ExitReason, ExitStatus
from supctl.specs import Restart
from supctl.testing.rehearsal.faults import FaultPlan
from supctl.testing.rehearsal.ledger import Ledger, Outage, Span
from supctl.testing.rehearsal.report import AppReport, Report, report_of

CRASH = ExitReason(ExitKind.CRASHED, ExitStatus(code=1))


class Book:
    """A ledger that is told events in short."""

    def __init__(self, **apps: Restart) -> None:
        self.ledger = Ledger()
        for name, restart in (apps or {"a": Restart.PERMANENT}).items():
            self.ledger.enter(f"/{name.replace('__', '/')}", restart)

    def note(self, kind: type[ev.Event], address: str, at: float, **facts: Any) -> None:
        self.ledger.note(kind(address=address, at=at, **facts))

    def starts(self, address: str, at: float) -> None:
        self.note(ev.ChildStarted, address, at, pid=1, restarts=0)

    def ends(
        self, address: str, at: float, reason: ExitReason = CRASH, asked: bool = False
    ) -> None:
        self.note(ev.ChildExited, address, at, reason=reason, asked=asked, uptime=0.0)

    def stops(self, address: str, at: float) -> None:
        self.note(ev.ChildStopping, address, at, grace=10.0)

    def report(self, asked: float = 100.0) -> Report:
        return report_of(self.ledger, tree="t", seed=1, faults=FaultPlan(), asked=asked, jobs={})

    def app(self, asked: float = 100.0) -> AppReport:
        return self.report(asked).apps[0]


@pytest.fixture
def book() -> Book:
    book = Book()
    book.starts("/a", 0.0)
    return book


def test_an_app_that_lives_has_no_outage(book: Book) -> None:
    book.ledger.time_is_up(100.0)
    app = book.app()
    assert (app.availability, app.outages, app.restarts, app.longest) == (1.0, (), 0, None)


def test_an_outage_lasts_from_the_end_to_the_next_start(book: Book) -> None:
    book.ends("/a", 10.0)
    book.note(ev.ChildStartFailed, "/a", 12.0, reason=CRASH)
    book.starts("/a", 15.0)
    book.ledger.time_is_up(100.0)
    app = book.app()
    assert app.outages == (Outage(10.0, 15.0, CRASH),)
    assert (app.availability, app.restarts, app.failed_starts) == (0.95, 1, 1)


def test_an_outage_that_is_open_at_the_end_lasts_until_then(book: Book) -> None:
    book.ends("/a", 60.0)
    book.ledger.time_is_up(100.0)
    book.starts("/a", 120.0)  # the tree is tidied up meanwhile; nobody counts
    (outage,) = book.app().outages
    assert (outage.since, outage.until, outage.open_at_end) == (60.0, 100.0, True)
    assert book.app().availability == 0.6


def test_time_before_the_first_start_does_not_count() -> None:
    book = Book()
    book.starts("/a", 50.0)
    book.ends("/a", 75.0)
    book.ledger.time_is_up(100.0)
    assert book.app().availability == 0.5


def test_what_never_ran_has_no_availability() -> None:
    book = Book()
    book.note(ev.TreeStopped, "/", 0.1, reason=CRASH)
    assert book.app().availability is None
    assert book.report().root_reason is CRASH
    assert not book.report().is_good


def test_a_stop_with_the_group_is_an_outage_but_not_its_own(book: Book) -> None:
    book.stops("/a", 10.0)
    book.note(ev.ChildKilled, "/a", 20.0, grace=10.0)
    book.ends("/a", 20.5, SHUTDOWN, asked=True)
    book.starts("/a", 30.0)
    book.ledger.time_is_up(100.0)
    app = book.app()
    (outage,) = app.outages
    assert (outage.since, outage.until, outage.is_own) == (10.0, 30.0, False)
    assert (app.stops, app.kills, app.slowest_stop) == ((10.5,), 1, 10.5)


def test_a_crash_and_a_stop_that_overlap_are_one_outage(book: Book) -> None:
    """It was asked to stop while it started again: the start was called off."""
    book.ends("/a", 10.0)
    book.stops("/a", 11.0)
    book.starts("/a", 11.5)
    book.ends("/a", 12.0, SHUTDOWN, asked=True)
    book.starts("/a", 20.0)
    book.ledger.time_is_up(100.0)
    app = book.app()
    assert app.outages == (Outage(10.0, 20.0, CRASH),)
    assert (app.restarts, app.stops) == (1, (1.0,))


def test_a_stop_after_the_end_is_timed_and_no_outage(book: Book) -> None:
    book.ledger.time_is_up(100.0)
    book.stops("/a", 100.0)
    book.ends("/a", 103.0, SHUTDOWN, asked=True)
    book.note(ev.TreeStopped, "/", 103.0, reason=SHUTDOWN)
    app, report = book.app(), book.report()
    assert (app.outages, app.stops, app.availability) == ((), (3.0,), 1.0)
    assert (report.stop_time, report.root_reason, report.is_good) == (3.0, None, True)


def test_giving_up_for_good_and_being_brought_back(book: Book) -> None:
    book.ends("/a", 10.0)
    book.note(ev.ChildFailed, "/a", 10.0, restarts=5, reason=CRASH)
    assert not book.ledger.apps["/a"].outages[0].open_at_end
    book.starts("/a", 20.0)
    book.ends("/a", 40.0)
    book.note(ev.ChildFailed, "/a", 40.0, restarts=5, reason=CRASH)
    book.ledger.time_is_up(100.0)
    app = book.app()
    assert (app.give_ups, app.failed_at, app.downtime) == (2, 40.0, 70.0)
    assert not book.report().is_good


def test_a_give_up_that_was_mended_is_not_for_good(book: Book) -> None:
    book.ends("/a", 10.0)
    book.note(ev.ChildFailed, "/a", 10.0, restarts=5, reason=CRASH)
    book.starts("/a", 20.0)
    book.ledger.time_is_up(100.0)
    assert (book.app().give_ups, book.app().failed_at) == (1, None)


@pytest.mark.parametrize(
    ("restart", "reason", "is_outage"),
    [
        (Restart.PERMANENT, NORMAL, True),
        (Restart.PERMANENT, CRASH, True),
        (Restart.TRANSIENT, NORMAL, False),
        (Restart.TRANSIENT, CRASH, True),
        (Restart.TEMPORARY, NORMAL, False),
        (Restart.TEMPORARY, CRASH, True),
    ],
)
def test_what_is_done_rests_and_what_is_not_is_down(
    restart: Restart, reason: ExitReason, is_outage: bool
) -> None:
    book = Book(a=restart)
    book.starts("/a", 0.0)
    book.ends("/a", 50.0, reason)
    book.ledger.time_is_up(100.0)
    app = book.app()
    assert bool(app.outages) is is_outage
    assert app.rests == (() if is_outage else (Span(50.0, 100.0),))
    assert app.availability == (0.5 if is_outage else 1.0)


def test_who_stops_as_its_supervisor_shuts_itself_down_rests() -> None:
    book = Book(s__a=Restart.PERMANENT, b=Restart.PERMANENT)
    for address in ("/s/a", "/s", "/b"):
        book.starts(address, 0.0)
    book.note(ev.SupervisorAutoShutdown, "/s", 50.0, child="/s/x")
    book.stops("/s/a", 50.0)
    book.ends("/s/a", 51.0, SHUTDOWN, asked=True)
    book.starts("/s", 60.0)
    book.starts("/s/a", 60.0)
    book.stops("/s/a", 70.0)
    book.ledger.time_is_up(100.0)
    app = book.app()
    assert app.rests == (Span(50.0, 60.0),)
    assert [outage.since for outage in app.outages] == [70.0]


def test_escalations_are_on_two_pages() -> None:
    book = Book(s__a=Restart.PERMANENT)
    gave_up = {"child": "/s/a", "restarts": 1, "within": 5.0, "reason": CRASH}
    book.starts("/s", 0.0)
    book.note(ev.SupervisorGaveUp, "/s", 30.0, **gave_up)
    book.note(ev.ChildStartFailed, "/s", 31.0, reason=CRASH)
    book.starts("/s", 32.0)
    book.ledger.time_is_up(100.0)
    report = book.report()
    (supervisor,) = report.supervisors
    assert (supervisor.restarts, supervisor.failed_starts) == (1, 1)
    assert [(it.at, it.child) for it in supervisor.given_up] == [(30.0, "/s/a")]
    assert (report.apps[0].escalations, report.gave_up, report.is_good) == (1, None, True)


def test_when_the_root_gives_up_the_figures_end_there(book: Book) -> None:
    book.ends("/a", 30.0)
    gave_up = {"child": "/a", "restarts": 1, "within": 5.0, "reason": CRASH}
    book.note(ev.SupervisorGaveUp, "/", 30.0, **gave_up)
    book.note(ev.TreeStopped, "/", 40.0, reason=SHUTDOWN)
    book.ledger.time_is_up(40.0)  # the clock that nobody stopped
    report = book.report()
    assert (report.ended_at, report.stop_time) == (30.0, 10.0)
    assert report.gave_up is not None
    assert (report.gave_up.child, report.is_good) == ("/a", False)
    assert report.apps[0].availability == 1.0


def test_a_supervisor_that_failed_for_good() -> None:
    book = Book(s__a=Restart.PERMANENT)
    book.note(ev.ChildFailed, "/s", 10.0, restarts=3, reason=CRASH)
    assert book.report().supervisors[0].failed_at == 10.0
    book.starts("/s", 20.0)
    assert book.report().supervisors[0].failed_at is None


def test_a_hang_lasts_until_the_end_of_that_run(book: Book) -> None:
    page = book.ledger.apps["/a"]
    page.expect_hang(10.0)
    book.ends("/a", 25.0)
    book.starts("/a", 26.0)
    page.expect_hang(50.0)
    book.ends("/a", 40.0)  # it did not live to hang
    book.starts("/a", 41.0)
    page.expect_hang(90.0)
    book.ledger.time_is_up(100.0)
    app = book.app()
    assert app.hangs == (Span(10.0, 25.0), Span(90.0, 100.0))
    assert [outage.seconds for outage in app.outages] == [1.0, 1.0]
