"""What the tests of logs share."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from supctl.logs.directory import LogDirectory


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Prove that the test leaves no descriptor and no thread."""
    descriptors, threads = os.listdir("/proc/self/fd"), set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - threads:
        thread.join(10)
    assert set(threading.enumerate()) == threads
    assert os.listdir("/proc/self/fd") == descriptors


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[LogDirectory]:
    with LogDirectory(tmp_path / "logs") as held:
        yield held
