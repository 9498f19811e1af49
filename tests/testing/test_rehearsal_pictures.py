"""Pictures and sentences of a report, from hand-made figures."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from supctl.exits import SHUTDOWN, ExitKind, ExitReason, ExitStatus
from supctl.specs import Restart
from supctl.testing.rehearsal.bars import Cell, cells, runs
from supctl.testing.rehearsal.faults import FaultPlan
from supctl.testing.rehearsal.ledger import GivenUp, Outage, Span
from supctl.testing.rehearsal.report import HOUR, AppReport, Report, SupervisorReport
from supctl.testing.rehearsal.svg import svg
from supctl.testing.rehearsal.terminal import draw
from supctl.testing.rehearsal.verdict import verdict
from supctl.testing.rehearsal.words import duration, hour, hours, percent

CRASH = ExitReason(ExitKind.CRASHED, ExitStatus(code=1))


def app(address: str, *outages: Outage, **facts: Any) -> AppReport:
    downtime = sum(outage.seconds for outage in outages)
    made = AppReport(
        address=address,
        restart=Restart.PERMANENT,
        availability=1 - downtime / (100 * HOUR),
        downtime=downtime,
        restarts=len(outages),
        failed_starts=0,
        outages=outages,
        rests=(),
        failed_at=None,
        give_ups=0,
        escalations=0,
        stops=(0.1,),
        kills=0,
        hangs=(),
    )
    return replace(made, **facts)


def report(*apps: AppReport, **facts: Any) -> Report:
    made = Report(
        tree="shop",
        seed=7,
        faults=FaultPlan(),
        asked=100 * HOUR,
        ended_at=100 * HOUR,
        gave_up=None,
        root_reason=None,
        stop_time=0.2,
        apps=apps,
        supervisors=(),
        jobs={},
    )
    return replace(made, **facts)


LOST = app("/web/lost", Outage(25 * HOUR, 100 * HOUR, CRASH, open_at_end=True))
GAVE_UP = GivenUp(50 * HOUR, "/web/api", 1, 5.0, CRASH)


# Bars.


def test_a_bar_shows_how_much_of_each_cell_was_lost() -> None:
    seconds = (0.1, 1.0, 30.0, 300.0, 3600.0, 7200.0)  # the last reaches into the next cell
    outages = [Outage(place * HOUR, place * HOUR + it, CRASH) for place, it in enumerate(seconds)]
    bar = cells(app("/a", *outages), report(), 100)
    levels = [Cell.LEVEL_1, Cell.LEVEL_2, Cell.LEVEL_3, Cell.LEVEL_4, Cell.LEVEL_5, Cell.LEVEL_5]
    assert bar[:8] == [*levels, Cell.LEVEL_5, Cell.UP]
    assert set(bar[8:]) == {Cell.UP}


def test_a_bar_ends_with_the_rehearsal_and_shows_rest() -> None:
    bar = cells(app("/a", rests=(Span(10 * HOUR, 30 * HOUR),)), report(ended_at=50.5 * HOUR), 100)
    assert list(runs(bar)) == [
        (0, 10, Cell.UP),
        (10, 20, Cell.REST),
        (30, 21, Cell.UP),
        (51, 49, Cell.BEYOND),
    ]


@given(
    st.lists(st.floats(0, 100 * HOUR).map(lambda it: round(it, 6)), min_size=2, max_size=20).map(
        sorted
    ),
    st.integers(1, 300),
)
def test_no_outage_is_too_short_to_be_seen(edges: list[float], number: int) -> None:
    spans = [Outage(a, b, CRASH) for a, b in zip(edges[::2], edges[1::2], strict=False) if a < b]
    bar = cells(app("/a", *spans), report(), number)
    assert len(bar) == number
    for span in spans:
        place = min(number - 1, int(span.since / (100 * HOUR / number)))
        assert bar[place] >= Cell.LEVEL_1 or bar[min(number - 1, place + 1)] >= Cell.LEVEL_1
    assert spans or set(bar) == {Cell.UP}
    assert sum(count for _, count, _ in runs(bar)) == number


# Sentences.


def test_the_verdict_on_a_tree_that_was_never_down() -> None:
    told = ["No supervisor gave up, and no app failed for good.", "Nothing was ever down."]
    assert verdict(report(app("/a"))) == told


def test_the_verdict_names_the_worst_and_whose_doing_it_was() -> None:
    worst = app("/web/b", Outage(1 * HOUR, 1 * HOUR + 10, CRASH), Outage(2 * HOUR, 2 * HOUR + 90))
    told = verdict(report(app("/web/a", Outage(5.0, 6.0, CRASH)), worst))
    assert told[1:] == [
        "Worst off is web/b: up 99.972 % of its time, 2 outages of 1m40s in all, "
        "the longest 1m30s from hour 2.0 on.",
        "Of that time 90 % was not its own doing: it was stopped together with others.",
    ]


def test_the_verdict_on_a_root_that_gave_up() -> None:
    ended = report(LOST, gave_up=GAVE_UP, root_reason=SHUTDOWN, ended_at=50 * HOUR)
    assert verdict(ended)[:2] == [
        "The root gave up at hour 50.0 (more than 1 restart within 5s), over web/api: "
        "crashed (exited with code 1).",
        "Nothing ran from then on. The rehearsal ended there: all figures are of 50 hours.",
    ]
    other = replace(ended, gave_up=None, root_reason=CRASH)
    assert verdict(other)[0].startswith("The root ended at hour 50.0: crashed (exited with code 1)")


def test_the_verdict_on_what_failed_for_good() -> None:
    failed = replace(LOST, failed_at=25 * HOUR)
    supervisor = SupervisorReport("/web", 2, 9, (GAVE_UP,), 40 * HOUR)
    never = replace(LOST, restart=Restart.TEMPORARY)
    told = verdict(report(failed, never, supervisors=(supervisor,)))
    assert told == [
        "web used up its restarts at hour 40.0: it was down for the other 60h. "
        "So was all that is below it.",
        "web/lost used up its restarts at hour 25.0: it was down for the other 75h.",
        "web/lost is never started again and ended at hour 25.0: crashed (exited with code 1).",
        "web gave up once (more than 1 restart within 5s), first at hour 50.0 over web/api. "
        "Each time all that is below it went down; to bring it back took 9 attempts that failed.",
    ]


def test_the_verdict_on_hangs_and_jobs() -> None:
    hung = app("/a", hangs=(Span(0, HOUR), Span(9.0, 10.0)), stops=(10.0, 0.1), kills=1)
    told = verdict(report(hung, app("/job"), jobs={"/job": 60.0}))
    assert told[2:] == [
        "1 app hung, twice and for 1h in all. That counts as up: supervision hears an end, and no "
        "silence. 1 of 3 stops took the whole grace and SIGKILL.",
        "job is taken for a job that is done after 1m; if it is a service, say --runtime "
        "job=forever.",
    ]


def test_many_sentences_of_one_kind_are_cut_short() -> None:
    failed = [replace(LOST, address=f"/{n}", failed_at=HOUR) for n in range(12)]
    told = verdict(report(*failed))
    assert [line for line in told if "more of that kind" in line] == ["And 7 more of that kind."]


# Words.


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.0, "0s"),
        (0.104, "0.1s"),
        (9.994, "9.99s"),
        (59.6, "1m"),
        (61.0, "1m01s"),
        (3599.7, "1h"),
        (3660.0, "1h01m"),
        (360_000.0, "100h"),
        (3.6e9, "1,000,000h"),
    ],
)
def test_durations(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_shares_are_never_rounded_up() -> None:
    shares = [1.0, 0.99999999, 0.5, 0.0, None]
    assert [percent(share) for share in shares] == ["100", "99.999", "50.000", "0.000", "-"]


def test_hours() -> None:
    assert [hours(it * HOUR) for it in (1, 12.34, 1000)] == ["1 hour", "12.3 hours", "1,000 hours"]
    assert [hour(it * HOUR) for it in (0.0123, 31.21)] == ["hour 0.012", "hour 31.2"]


# Pictures.


def shown(given: Report, width: int, **options: Any) -> str:
    out = io.StringIO()
    draw(given, Console(file=out, width=width, **options))
    return out.getvalue()


SOME = report(
    app("/web/api", Outage(10 * HOUR, 11 * HOUR, CRASH), hangs=(Span(1.0, 2.0),)),
    LOST,
    app("/a-name-that-is-much-too-long-for-a-narrow-terminal/and-longer-still"),
)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_picture_fits_the_terminal(width: int) -> None:
    lines = shown(SOME, width).splitlines()
    assert max(map(len, lines)) <= width
    (bar,) = [line for line in lines if line.startswith("web/lost ") and "█" in line]
    assert bar.index("█") - len(bar) == pytest.approx(-0.75 * bar.count("─") * 4, abs=3)
    assert any(line.rstrip().endswith("100 h") for line in lines)


def test_colours_are_for_terminals() -> None:
    assert "\x1b" not in shown(SOME, 80)
    assert "\x1b" in shown(SOME, 80, force_terminal=True, no_color=False, color_system="standard")


def test_the_svg_holds_the_same_and_escapes_names() -> None:
    named = replace(SOME, tree="<&>", jobs={"/web/api": 60.0})
    root = Xml.fromstring(svg(named))
    space = "{http://www.w3.org/2000/svg}"
    assert root.tag == f"{space}svg"
    texts = [text.text or "" for text in root.iter(f"{space}text")]
    assert "<&>: 100 hours, seed 7" in texts
    assert {"web/api", "web/lost", "99.000", "100 h"} <= set(texts)
    assert all(any(line.startswith(it[:40]) for line in texts) for it in verdict(named))
    assert not [node for node in root.iter() if "href" in node.attrib]  # self-contained


def test_the_svg_does_not_grow_with_the_number_of_outages() -> None:
    many = [Outage(at * 10.0, at * 10.0 + 1, CRASH) for at in range(36_000)]
    assert len(svg(report(app("/a", *many)))) < 10_000
