"""The files in ``examples/formats`` are started as they are, and leave nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from supctl import open_tree
from supctl.config import load
from supctl.supervision.tree import Tree

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
                "/background/worker:1": "running",
                "/background/worker:2": "running",
            },
        ),
        (
            "procfile/Procfile",
            {
                "/web": "running",
                "/worker:1": "running",
                "/worker:2": "running",
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
        found = _states(tree)
        with tree.subscribe() as events, trio.move_on_after(10):
            while found != states:  # who waits for the end of another comes later
                await anext(events)
                found = _states(tree)
    assert found == states


def _states(tree: Tree) -> dict[str, str]:
    """Return the states of all but those who end by themselves at any moment."""
    short = ("/cleanup", "/migrate")
    return {row.address: row.state for row in tree.status() if row.address not in short}


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
