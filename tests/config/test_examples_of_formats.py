"""The files in ``examples/formats`` are started as they are, and leave nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from supctl import open_tree
from supctl.config import load

EXAMPLES = Path(__file__).parents[2] / "examples" / "formats"


@pytest.mark.parametrize(
    ("file", "states"),
    [
        (
            "supervisord/supervisord.conf",
            {
                "/web": "running",
                "/background": "running",
                "/background/clock": "running",
                "/background/worker_00": "running",
                "/background/worker_01": "running",
            },
        ),
        (
            "procfile/Procfile",
            {
                "/web": "running",
                "/worker-1": "running",
                "/worker-2": "running",
                "/clock": "running",
                "/release": "stopped",
            },
        ),
        ("systemd/web.service", {"/web": "running"}),
        ("systemd/ticker@60.service", {"/ticker-60": "running"}),
        (
            "process-compose/process-compose.yaml",
            {
                "/store": "ready",
                "/server": "ready",
                "/worker:1": "running",
                "/worker:2": "running",
                "/report": "stopped",
            },
        ),
        (
            "daemoneye/agent.toml",
            {"/procmond-1": "running", "/netmond-1": "running", "/procmond-spare": "stopped"},
        ),
    ],
)
async def test_an_example_runs(file: str, states: dict[str, str], tmp_path: Path) -> None:
    root = load(EXAMPLES / file).root
    async with open_tree(root, log_directory=tmp_path) as tree:
        found = {row.address: row.state for row in tree.status()}
    for short in ("/cleanup", "/migrate"):  # ends by itself at any moment
        found.pop(short, None)
    assert found == states


@pytest.mark.parametrize(
    ("profile", "workers"),
    [("", {"/group/worker"}), ("production", {"/group/worker:1", "/group/worker:2"})],
)
async def test_our_own_example_runs_in_each_profile(
    profile: str, workers: set[str], tmp_path: Path
) -> None:
    root = load(EXAMPLES / "supctl", profile=profile).root
    async with open_tree(root, log_directory=tmp_path) as tree:
        found = {row.address: row.state for row in tree.status()}
    assert workers <= found.keys()
    assert {"/greeter", "/group", "/group/helper"} <= found.keys()
    assert set(found.values()) == {"running"}
