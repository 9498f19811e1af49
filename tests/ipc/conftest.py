"""Fixtures of the tests of ipc."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.ipc.ends import Source, memory, pipes


@pytest.fixture(params=[pipes, memory])
def over(request: pytest.FixtureRequest) -> Callable[[], tuple[Any, Any]]:
    """What makes two ends: of descriptors, or of a trio stream that no quick way knows."""
    kind: Callable[[], tuple[Any, Any]] = request.param
    return kind


@pytest.fixture
def source() -> Source:
    """What yields items, to be streamed or lent."""
    return Source()
