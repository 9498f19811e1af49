"""How children have ended lately."""

from __future__ import annotations

from supctl.daemon.ends import Ends
from supctl.events import ChildExited, Event
from supctl.exits import ExitReason, ExitStatus
from supctl.supervision.status import ChildStatus


def exited(at: float, code: int, *, asked: bool = False, address: str = "/a") -> Event:
    reason = ExitReason.of_status(ExitStatus(code))
    return ChildExited(address=address, at=at, reason=reason, asked=asked, uptime=1.0)


def row(code: int | None) -> ChildStatus:
    reason = None if code is None else ExitReason.of_status(ExitStatus(code, wall_time=9.0))
    return ChildStatus("/a", "app", "backoff", 0, None, 3, reason, 1.0, 0)


def test_what_has_never_ended_has_no_end() -> None:
    assert Ends([]).of(row(None)) is None


def test_ends_alike_are_counted_from_the_first_start_of_them() -> None:
    ends = Ends([exited(2, 7), exited(5, 1), exited(6, 1, address="/b"), exited(8, 1)])
    assert ends.of(row(1)) == {
        "kind": "crashed", "code": 1, "signal": None, "detail": "", "times": 2, "within": 4.0
    }  # fmt: skip


def test_an_end_that_was_asked_for_begins_a_new_count() -> None:
    ends = Ends([exited(2, 1), exited(3, 0, asked=True), exited(4, 1)]).of(row(1))
    assert ends is not None
    assert ends["times"] == 1


def test_an_end_before_all_that_is_remembered_counts_once() -> None:
    ends = Ends([]).of(row(1))
    assert ends is not None
    assert (ends["times"], ends["within"]) == (1, 0.0)
