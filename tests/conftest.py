"""Fixtures for all tests; every session also proves that nothing of it is left."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from tests.leak_proof import LeakProof

settings.register_profile("local", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(scope="session")
def programs() -> Path:
    """The directory of small programs that misbehave on purpose."""
    return Path(__file__).parent / "programs"


def pytest_configure(config: pytest.Config) -> None:
    # A shell's background job has SIGINT ignored, and hands that on to all that we start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.platform == "linux":
        worker = getattr(config, "workerinput", {}).get("workerid", "")
        config.pluginmanager.register(LeakProof(worker), "leak-proof")


def pytest_report_header() -> str:
    if sys.platform == "linux":
        return "leak proof: processes, descriptors, sockets, cgroups and files, at the end"
    return f"leak proof: none on {sys.platform}, it reads /proc"
