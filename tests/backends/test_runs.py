"""What a reaper holds, by itself."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import pytest

from supctl.backends.reaper import marks
from supctl.backends.reaper.protocol import Terms
from supctl.backends.reaper.runs import Run, Runs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the reaper needs Linux here")

ENDED, RUNNING, DAEMON, STRANGER = 11, 12, 13, 14


@pytest.mark.parametrize(
    ("children", "left"), [({RUNNING, DAEMON}, {}), ({RUNNING, DAEMON, STRANGER}, {1: [STRANGER]})]
)
def test_it_looks_at_all_processes_only_if_it_has_children_that_it_does_not_know(
    monkeypatch: pytest.MonkeyPatch, children: set[int], left: dict[int, list[int]]
) -> None:
    looked = []

    def look(wanted: Iterable[int], **_: object) -> dict[int, list[int]]:
        looked.append(wanted)
        return {mark: [STRANGER] for mark in wanted}

    monkeypatch.setattr(marks, "own_children", lambda: children)
    monkeypatch.setattr(marks, "marked", look)
    runs = Runs()
    for number, pid in ((1, ENDED), (2, RUNNING)):
        runs.add(Run(number, pid, Terms(number, 15, 1.0, None), 0.0, {}))
    runs.reaped(ENDED)
    assert runs.survivors(DAEMON) == left
    assert len(looked) == len(left)
