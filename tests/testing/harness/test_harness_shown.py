"""What is shown to users works: the sample project, and the examples of docs/testing.md."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.documents import blocks, page

if TYPE_CHECKING:
    from tests.testing.harness.conftest import Session

ROOT = Path(__file__).parents[3]
StartSession = Callable[..., "Session"]


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_sample_project_passes(start_session: StartSession, workers: tuple[str, ...]) -> None:
    session = start_session(ROOT, "-W", "error", "examples/testing", *workers)
    session.wait().check(passed=13)
    session.wait_nothing_left()


def test_sample_project_killed_in_the_middle_leaves_nothing(start_session: StartSession) -> None:
    session = start_session(ROOT, "examples/testing", "-n", "2")
    while not any("shop.py" in " ".join(it.cmdline()) for it in session.carriers()):
        assert session.process.poll() is None
        time.sleep(0.1)  # to look is to read of every process on this machine
    session.signal(signal.SIGKILL)
    session.wait_nothing_left()


def test_examples_of_the_documentation_are_true(
    start_session: StartSession, tmp_path: Path
) -> None:
    text = page("testing.md")
    code = "\n\n".join(blocks(text, "python"))
    (tmp_path / "test_docs.py").write_text(code)
    (tmp_path / "pytest.ini").write_text("\n".join(blocks(text, "ini")))
    count = len(re.findall(r"^(?:async )?def test_", code, re.MULTILINE))
    assert count >= 10
    outcome = start_session(tmp_path, "-W", "error").wait()
    # One fails, to show what a failure tells; one is run three times.
    outcome.check(passed=count - 1 + 2, failed=1)
    for line in blocks(text, "text")[0].splitlines():
        assert line in outcome.text
