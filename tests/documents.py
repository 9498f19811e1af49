"""The pages of docs/, whose examples are to be true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

_DOCS = Path(__file__).parents[1] / "docs"


def page(name: str) -> str:
    """Return the text of a page: ``page("pool.md")``."""
    return (_DOCS / name).read_text()


def blocks(text: str, language: str) -> list[str]:
    """Return what the fenced blocks of a language contain."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def check_examples(text: str, folder: Path, *, count: int) -> None:
    """Run the Python of a page as one file of tests for trio; assert that ``count`` pass."""
    (folder / "test_docs.py").write_text("\n\n".join(blocks(text, "python")))
    (folder / "pytest.ini").write_text("[pytest]\ntrio_mode = true\n")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"],
        cwd=folder,
        env=os.environ | {"PYTEST_ADDOPTS": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"{count} passed" in ended.stdout
