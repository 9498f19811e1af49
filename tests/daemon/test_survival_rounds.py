"""Daemon, reaper and clients are killed at random moments while programs work."""

from __future__ import annotations

import pytest

from .conftest import Desk
from .rounds import go


@pytest.mark.timeout(180)
def test_some_rounds(desk: Desk) -> None:
    found = go(desk, rounds=6, seed=20261121)
    assert found.lines > 10_000
    assert found.statuses["dying"] > 0
