"""The directories of ``examples/formats``: started, edited, applied, and gone without a trace."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

import psutil
import pytest

from .conftest import Desk

EXAMPLES: Final = Path(__file__).parents[2] / "examples" / "formats"

SHORT: Final = ("cleanup", "migrate")
"""Apps that end by themselves, at any moment."""

SLEEP: Final = ("sleep 1002", "sleep 1003")


def pids(desk: Desk) -> dict[str, int]:
    rows = {row["address"].partition("/")[2].partition("/")[2]: row for row in desk.json("status")}
    return {name: it["pid"] for name, it in rows.items() if it["pid"] and name not in SHORT}


@pytest.mark.parametrize(
    ("directory", "edited", "old", "new", "changed"),
    [
        ("supctl", "supctl.toml", '"sleep 1000"', '"sleep 1001"', {"group/helper"}),
        ("supctl-yaml", "supctl.yaml", '"1002"', '"1003"', {"group/worker:1", "group/worker:2"}),
        ("bunctl", "bunctl.json", '"8000"', '"8001"', {"web"}),
        ("pm2", "ecosystem.config.js", "'images'", "'films'", {"worker-images", "worker-films"}),
        ("gosv", "services.json", '"worker"]', '"workers"]', {"worker"}),
        (
            "process-compose",
            "process-compose.yaml",
            "echo listening",
            "echo  listening",
            {"server"},
        ),
        ("supervisord", "conf.d/workers.conf", "sleep 60", "sleep 61", {"background/clock"}),
        ("procfile", "Procfile", "sleep 60", "sleep 61", {"clock"}),
        ("systemd", "web.service", "Nice=5", "Nice=6", {"web"}),
        ("daemoneye", "agent.toml", '"debug"', '"info"', {"procmond-1"}),
        pytest.param(
            *("package-json", "package.json", "8000", "8001", {"example-shop"}),
            marks=pytest.mark.skipif(not shutil.which("npm"), reason="there is no npm"),
        ),
    ],
)
def test_an_edit_changes_what_it_is_about_and_nothing_else(
    desk: Desk, directory: str, edited: str, old: str, new: str, changed: set[str]
) -> None:
    here = replace(desk, directory=desk.directory / "shop")
    shutil.copytree(EXAMPLES / directory, here.directory)
    named = [edited] if directory in ("systemd", "daemoneye") else []  # others are found
    file = here.directory / edited
    here.run("start", *named)
    first = pids(here)
    assert first
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))
    (project,) = [row["address"] for row in here.json("status") if row["address"].count("/") == 1]
    here.run("apply", project)
    then = pids(here)
    assert {it for it in {**first, **then} if first.get(it) != then.get(it)} == changed
    assert here.run("apply", project) == f"{project[1:]} is what its file says\n"
    here.run("delete", project)
    assert here.json("status") == []
    assert not any(map(psutil.pid_exists, {*first.values(), *then.values()}))
