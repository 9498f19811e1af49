"""The examples of formats from the world of JavaScript are started as they are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from supctl import open_tree
from supctl.config import load

EXAMPLES = Path(__file__).parents[2] / "examples" / "formats"

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")


@pytest.mark.parametrize(
    ("directory", "addresses"),
    [
        pytest.param("pm2", ["web", "worker-mail", "worker-images", "clock"], marks=needs_node),
        ("bunctl", ["web", "worker"]),
        ("package-json", ["example-shop"]),
    ],
)
async def test_an_example_runs_from_its_directory(
    directory: str, addresses: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(EXAMPLES / directory)
    root = load(None, os.environ).root
    async with open_tree(root, log_directory=tmp_path) as tree:
        found = {row.address: row.state for row in tree.status()}
    assert found == {f"/{name}": "running" for name in addresses}
