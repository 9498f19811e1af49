"""The examples of docs/health.md are true."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from supctl.config import load
from supctl.specs import App, Health, Http, Notify, Ready, Tcp, Watchdog

PAGE = (Path(__file__).parents[2] / "docs" / "health.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_examples_are_true(tmp_path: Path) -> None:
    code = "\n\n".join(blocks("python"))
    (tmp_path / "test_docs.py").write_text(code)
    (tmp_path / "pytest.ini").write_text("[pytest]\ntrio_mode = true\n")
    count = len(re.findall(r"^async def test_", code, re.MULTILINE))
    assert count == 2
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=os.environ | {"PYTEST_ADDOPTS": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert f"{count} passed" in ended.stdout, ended.stdout + ended.stderr


def test_files_mean_what_is_said_of_them(tmp_path: Path) -> None:
    file = tmp_path / "supctl.toml"
    text = "\n".join(blocks("toml"))
    programs = r'command = \["(postgres|uvicorn|worker)".*\]'  # not on every machine
    file.write_text(re.sub(programs, 'command = ["sleep", "1"]', text))
    db, api, worker = load(file).root.children
    assert isinstance(db, App)
    assert isinstance(api, App)
    assert isinstance(worker, App)
    page = "http://127.0.0.1:8080/health"
    assert db.ready == Ready(Tcp(5432), 60.0)
    assert api.ready == Ready(Http(page, status=200, body="ok"))
    assert api.health == Health(Http(page), interval=10.0, timeout=2.0)
    assert (worker.ready, worker.health) == (Ready(Notify()), Health(Watchdog(10.0), retries=1))
