"""Stories, as they are told: each thing that can have happened, and why."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import pytest

from supctl import events as ev
from supctl.cli.story import Teller, folded
from supctl.exits import ExitKind, ExitReason, ExitStatus

CODE_1 = ExitReason(ExitKind.CRASHED, ExitStatus(code=1))
ADA: dict[str, Any] = {"user": "ada", "uid": 1, "pid": 7}


def started(seq: int, cause: int | None = None, address: str = "/a") -> ev.Event:
    return ev.ChildStarted(seq=seq, cause=cause, address=address, pid=100 + seq, restarts=0)


def exited(seq: int, reason: ExitReason, cause: int | None = None, **facts: Any) -> ev.Event:
    told: dict[str, Any] = {"address": "/a", "asked": False, "uptime": 2.0, **facts}
    return ev.ChildExited(seq=seq, cause=cause, reason=reason, **told)


def signalled(number: int, **facts: Any) -> ExitReason:
    return ExitReason(ExitKind.CRASHED, ExitStatus(signal=number, **facts))


def scheduled(seq: int, cause: int | None = None, **facts: Any) -> ev.Event:
    told: dict[str, Any] = {"address": "/a", "delay": 0.5, "restarts": 1, "initial": 0.1, **facts}
    return ev.RestartScheduled(seq=seq, cause=cause, **told)


def last_line(*known: ev.Event, address: str = "/a") -> str:
    return Teller(known).lines(address)[-1].text


@pytest.mark.parametrize(
    ("reason", "facts", "told"),
    [
        (CODE_1, {}, "exited with code 1 after 2 s"),
        (
            ExitReason(ExitKind.NORMAL, ExitStatus(code=0)),
            {},
            "exited with code 0 after 2 s",
        ),
        (
            ExitReason(ExitKind.SHUTDOWN, ExitStatus(signal=15)),
            {"asked": True},
            "stopped after 2 s (killed by SIGTERM)",
        ),
        (
            signalled(11, core_dumped=True),
            {},
            "killed by SIGSEGV after 2 s, core dumped; most likely its own fault: "
            "supctl has not sent that",
        ),
        (signalled(15), {}, "killed by SIGTERM after 2 s; sent by somebody else, not by supctl"),
        (
            signalled(9),
            {},
            "killed by SIGKILL after 2 s; not sent by supctl, but by somebody else, or by a "
            "kernel short of memory",
        ),
        (
            ExitReason(
                ExitKind.OUT_OF_MEMORY,
                ExitStatus(signal=9, out_of_memory=True, peak_memory=63 << 20),
            ),
            {"memory_limit": 64 << 20},
            "out of memory after 2 s: killed by the kernel at its limit of 64.0 MiB; its main "
            "process had 63.0 MiB at the most",
        ),
        (
            ExitReason(
                ExitKind.OUT_OF_MEMORY,
                ExitStatus(
                    signal=9, out_of_memory=True, peak_memory=40 << 20, peak_of_all=64 << 20
                ),
            ),
            {"memory_limit": 64 << 20},
            "out of memory after 2 s: killed by the kernel at its limit of 64.0 MiB; all its "
            "processes had 64.0 MiB at the most",
        ),
        (
            ExitReason(ExitKind.OUT_OF_MEMORY, ExitStatus(signal=9, out_of_memory=True)),
            {},
            "out of memory after 2 s: killed by the kernel at no limit of its own",
        ),
        (
            ExitReason(ExitKind.UNHEALTHY, ExitStatus(signal=15), "HTTP 503, 3 times in a row"),
            {},
            "ended by supctl after 2 s, as it was unhealthy: HTTP 503, 3 times in a row",
        ),
        (
            ExitReason(ExitKind.LOST, detail="its reaper was lost: it was killed, or has crashed"),
            {},
            "was lost (its reaper was lost: it was killed, or has crashed) after 2 s",
        ),
    ],
)
def test_ends(reason: ExitReason, facts: dict[str, Any], told: str) -> None:
    assert last_line(exited(2, reason, **facts)) == told


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"delay": 0.0}, "started again at once"),
        (
            {"maximum": 30.0, "factor": 2.0},
            "next attempt in 500 ms: 100 ms, no jitter, of at most 30 s",
        ),
        (
            {"restarts": 6, "factor": 2.0, "maximum": 30.0, "jitter": "full"},
            "next attempt in 500 ms: 100 ms x 2^5, full jitter, of at most 30 s",
        ),
        (
            {"maximum": 3.0, "jitter": "decorrelated"},
            "next attempt in 500 ms: at random, up to 3 times the delay before, of 100 ms to 3 s",
        ),
        (
            {"exhausted": True},
            "next attempt in 500 ms: its limits are used up, and it keeps trying",
        ),
        ({"initial": 0.0}, "next attempt in 500 ms"),  # of an older supctl, which told no more
    ],
)
def test_delays(facts: dict[str, Any], told: str) -> None:
    assert last_line(scheduled(3, **facts)) == told


def test_who_has_sent_a_signal() -> None:
    given = ev.CommandGiven(seq=1, address="/a", command="signal", detail="SIGUSR1", **ADA)
    sent = ev.ChildSignalled(seq=2, cause=1, address="/a", number=10)
    by = "ada (supctl signal SIGUSR1, pid 7)"
    assert last_line(given, sent) == f"SIGUSR1 sent by {by}"
    ended = exited(3, signalled(10), cause=2)
    assert last_line(given, sent, ended) == (
        f"killed by SIGUSR1 after 2 s; the signal was sent by {by}"
    )
    other = exited(3, signalled(9), cause=2)
    assert ", but by somebody else, or by a kernel short of memory" in last_line(given, sent, other)


def test_why_something_was_started() -> None:
    given = ev.CommandGiven(seq=1, address="/a", command="restart", **ADA)
    stopping = ev.ChildStopping(seq=2, cause=1, address="/a", grace=3.0)
    stopped = exited(3, ExitReason(ExitKind.SHUTDOWN), cause=2, asked=True)
    by = "by ada (supctl restart, pid 7)"
    assert last_line(given, stopping) == f"asked to stop, has 3 s, {by}"
    assert last_line(given, stopping, stopped, started(4, 3)) == f"started, pid 104, {by}"
    daemon = ev.DaemonStarted(seq=1, address="/", pid=5, version="1", lost=False)
    assert last_line(daemon, started(2, 1)) == "started, pid 102, with the daemon"
    crashed, again = exited(1, CODE_1), scheduled(2, 1, restarts=4)
    begun = ev.ChildStarted(seq=3, cause=2, address="/a", pid=5, restarts=9)
    assert last_line(crashed, again, begun) == "started, pid 5, restart 9"
    assert last_line(started(9, 8)) == "started, pid 109"  # nobody knows any more


def test_what_befell_the_siblings() -> None:
    crashed, again = exited(1, CODE_1), scheduled(2, 1)
    stopping = ev.ChildStopping(seq=3, cause=2, address="/b", grace=0.0)
    told = last_line(crashed, again, stopping, address="/b")
    assert told == "ended by force: it restarts together with a, which exited with code 1"


def test_why_something_goes_on_under_another_daemon() -> None:
    kept = ev.ChildKept(seq=2, cause=1, address="/a", pid=5, restarts=0, age=9.0)
    facts: dict[str, Any] = {"address": "/", "pid": 5, "version": "1", "lost": True}
    for cause, told in [
        (ev.DaemonStarted(seq=1, **facts, how="killed by SIGKILL"), ": the one before was lost ("),
        (ev.DaemonStarted(seq=1, **facts), ": the one before was lost"),
        (ev.DaemonStarted(seq=1, **facts, upgrade="0.9"), ", after an upgrade"),
    ]:
        assert f"runs on, pid 5, 9 s old, under a new daemon{told}" in last_line(cause, kept)


def test_who_is_started_again_with_its_supervisor() -> None:
    ended = exited(1, ExitReason(ExitKind.SHUTDOWN, detail="gave up"), address="/web")
    again = scheduled(2, 1, address="/web")
    told = last_line(ended, again, started(3, 2, "/web/b"), address="/web/b")
    assert told == "started, pid 103, again, with its supervisor web, which ended (gave up)"


def test_who_gave_up() -> None:
    facts: dict[str, Any] = {"child": "/web/a", "restarts": 3, "within": 5.0, "reason": CODE_1}
    gave_up = ev.SupervisorGaveUp(seq=1, address="/web", **facts)
    told = "gave up: more than 3 restarts within 5 s, the last as web/a exited with code 1"
    assert last_line(gave_up, address="/web") == told
    assert last_line(gave_up, address="/web/a") == f"web {told}"
    stopping = ev.ChildStopping(seq=2, cause=1, address="/web/b", grace=1.0)
    assert last_line(gave_up, stopping, address="/web/b") == (
        "asked to stop, has 1 s: web gave up, as web/a exited with code 1 too often"
    )


def test_a_command_that_led_to_nothing_is_told_for_itself() -> None:
    given = ev.CommandGiven(seq=1, address="/a", command="reset", **ADA)
    assert last_line(given) == "command of ada (supctl reset, pid 7)"
    stop = ev.CommandGiven(seq=1, address="/a", command="stop", **ADA)
    stopping = ev.ChildStopping(seq=2, cause=1, address="/a", grace=1.0)
    assert len(Teller([stop, stopping]).lines("/a")) == 1


def test_what_comes_back_with_the_daemon_was_not_added_by_anybody() -> None:
    daemon = ev.DaemonStarted(seq=1, address="/", pid=5, version="1", lost=True)
    added = ev.ChildAdded(seq=2, cause=1, address="/a")
    kept = ev.ChildKept(seq=3, cause=1, address="/a", pid=5, restarts=0, age=9.0)
    told = [line.event.seq for line in Teller([daemon, added, kept]).lines("/a")]
    assert told == [3]


def test_last_lines_belong_to_their_end() -> None:
    said = ev.LastLines(address="/a", cause=2, lines=("one", "two"))
    known = [started(1), exited(2, CODE_1, 1), scheduled(3, 2), said]
    lines = Teller(known).lines("/a")
    assert [line.said for line in lines] == [(), ("one", "two"), ()]


def test_lives_that_are_the_same_are_told_once() -> None:
    known: list[ev.Event] = [started(1)]
    for seq in range(2, 20, 3):
        known += [exited(seq, CODE_1, seq - 1), scheduled(seq + 1, seq), started(seq + 2, seq + 1)]
    known.append(exited(20, signalled(9), 19))
    told = [(line.event.seq, times) for line, times, _ in folded(Teller(known).lines("/a"))]
    assert told == [(1, 0), (2, 0), (3, 0), (16, 4), (17, 0), (18, 0), (19, 0), (20, 0)]


def test_failed_starts_that_are_the_same_are_told_once() -> None:
    reason = ExitReason(ExitKind.START_FAILED, detail="no such program")
    known: list[ev.Event] = []
    for seq in range(1, 10, 2):
        known.append(ev.ChildStartFailed(seq=seq, address="/a", reason=reason))
        known.append(scheduled(seq + 1, seq))
    lines = list(folded(Teller(known).lines("/a")))
    assert [(line.event.seq, times) for line, times, _ in lines] == [(9, 4), (10, 0)]
    assert lines[0][0].text == "did not start: no such program"


SOMETHING: dict[str, Any] = {
    "int": 1,
    "float": 1.0,
    "str": "x",
    "bool": False,
    "ExitReason": CODE_1,
    "tuple[int, ...]": (1,),
    "tuple[str, ...]": ("x",),
}


KINDS = {kind.__name__: kind for kind in ev.Event.__subclasses__()}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_event_is_told_in_words(kind: type[ev.Event]) -> None:
    facts = {it.name: SOMETHING[str(it.type)] for it in fields(kind) if it.default is MISSING}
    event = kind(**facts | {"address": "/a"})
    if isinstance(event, ev.LastLines):
        return  # it is told with the end that it belongs to
    told = last_line(event)
    assert told
    assert event.kind not in told
    assert not told.startswith("a:")
