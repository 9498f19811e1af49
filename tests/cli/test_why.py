"""Why something is not well, in a few words."""

from __future__ import annotations

from typing import Any

import pytest

from supctl.cli.why import why


def row(state: str, due_in: float | None = None, kind: str = "app", **facts: Any) -> dict[str, Any]:
    usual = {"kind": "crashed", "code": None, "signal": None, "detail": "", "times": 1, "within": 0}
    end = {**usual, **facts} if facts else None
    return {
        "state": state, "kind": kind, "due_in": due_in, "end": end, "health": "", "probed": "",
        "log": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (row("running", code=1), ""),
        (row("backoff", 3.2, code=1, times=2, within=4.0), "back-off 3.2 s, exit 1 (twice in 4 s)"),
        (row("failed", code=3, times=5, within=130.0), "exit 3 (5 times in 2 min 10 s)"),
        (row("failed", signal=11), "SIGSEGV"),
        (row("failed", signal=99), "signal 99"),
        (row("exited", kind="app", code=0), "exit 0"),
        (row("backoff", 1.0, detail="ValueError: no"), "back-off 1 s, crashed: ValueError: no"),
        (row("stopped"), ""),
        (row("paused"), "by request"),
    ],
)
def test_the_reason_in_words(row: dict[str, Any], told: str) -> None:
    assert why(row) == told


def test_a_log_that_is_not_well_is_a_reason() -> None:
    assert why({**row("running"), "log": "log is slow"}) == "log is slow"


@pytest.mark.parametrize(
    ("state", "health", "told"),
    [
        ("running", "healthy", ""),
        ("ready", "unhealthy", "unhealthy: status 503"),
        ("running", "unresponsive", "unresponsive: status 503"),
        ("starting", "", "not ready yet: status 503"),
        ("stopping", "healthy", ""),
    ],
)
def test_what_probes_say_of_what_runs(state: str, health: str, told: str) -> None:
    assert why({**row(state), "health": health, "probed": "status 503"}) == told


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("shutdown", "no such file"),
        ("killed", "killed: it did not stop in time"),
        ("start_failed", "did not start: no such file"),
        ("out_of_memory", "out of memory"),
        ("lost", "lost: no such file"),
    ],
)
def test_kinds_of_ends_in_words(kind: str, told: str) -> None:
    facts = row("exited", signal=15, detail="no such file")
    facts["end"]["kind"] = kind
    assert why(facts) == told


def test_who_was_stopped_and_who_has_ended_by_itself() -> None:
    facts = row("exited", kind="supervisor", detail="gave up")
    facts["end"]["kind"] = "shutdown"
    assert why(facts) == "gave up"
    facts["end"]["detail"] = ""
    assert why(facts) == "stopped by request"
