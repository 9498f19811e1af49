"""A real server answers while its daemon is killed and upgraded."""

from __future__ import annotations

import shutil

import pytest

from .conftest import Desk
from .serving import go


@pytest.mark.skipif(shutil.which("nginx") is None, reason="there is no nginx here")
def test_no_request_fails(desk: Desk) -> None:
    found = go(desk, kills=2)
    assert found.failed == []
    assert found.answered > 500
