"""The examples of docs/health.md are true."""

from __future__ import annotations

import re
from pathlib import Path

from supctl.config import load
from supctl.specs import App, Health, Http, Notify, Ready, Tcp, Watchdog
from tests.documents import blocks, check_examples, page

PAGE = page("health.md")


def test_examples_are_true(tmp_path: Path) -> None:
    check_examples(PAGE, tmp_path, count=2)


def test_files_mean_what_is_said_of_them(tmp_path: Path) -> None:
    file = tmp_path / "supctl.toml"
    text = "\n".join(blocks(PAGE, "toml"))
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
