"""What goes into the journal, also of a daemon that was killed before it had written it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from supctl import events
from supctl.daemon.chronicle import Chronicle
from supctl.exits import ExitKind, ExitReason
from supctl.journal.journal import Journal
from supctl.journal.reading import read_story


def started(seq: int) -> events.Event:
    return events.ChildStarted(seq=seq, address="/a", at_wall=1.0, pid=1, restarts=0)


def seqs(directory: Path) -> list[int]:
    return [it["seq"] for it in read_story(directory, []).events]


async def test_the_next_daemon_writes_what_a_killed_one_has_not(tmp_path: Path) -> None:
    notes: dict[str, str] = {}
    journal = Journal.at(tmp_path)
    first = Chronicle(journal, notes.__setitem__)
    for seq in range(1, 301):
        first.hear(started(seq))
    journal.close()
    written = Journal.at(tmp_path)
    lost = Chronicle(written, notes.__setitem__)
    written.close()  # as if it were killed: nothing is written any more
    for seq in range(301, 311):
        lost.hear(started(seq))
    assert len(notes) == 256  # no more than that, whatever happens
    journal = Journal.at(tmp_path)
    next_one = Chronicle(journal, notes.__setitem__)
    next_one.recover(notes | {"child /a": "{}"})
    next_one.hear(started(311))
    journal.close()
    assert seqs(tmp_path) == list(range(1, 312))


async def test_what_is_said_twice_is_kept_once(tmp_path: Path) -> None:
    journal = Journal.at(tmp_path)
    chronicle = Chronicle(journal, lambda name, text: None)
    chronicle.hear(events.TreeStarted(address="/", seq=1))
    reason = ExitReason(ExitKind.CRASHED)
    facts: dict[str, Any] = {"context": "child_terminated", "child": "/a", "children": 1}
    chronicle.hear(events.SupervisorReport(address="/", seq=2, reason=reason, **facts))
    chronicle.hear(started(3))
    journal.close()
    assert seqs(tmp_path) == [3]
