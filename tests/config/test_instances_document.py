"""The examples of docs/instances.md and docs/secrets.md mean what is said there."""

from __future__ import annotations

from pathlib import Path

from supctl.config import load
from supctl.specs import App, Http, Secret
from tests.documents import blocks, page


def app_of(name: str, folder: Path) -> App:
    (text,) = blocks(page(name), "toml")
    (folder / "supctl.toml").write_text(text)
    (app,) = load(folder, {}, to_run_here=False).root.children
    assert isinstance(app, App)
    return app


def test_instances(tmp_path: Path) -> None:
    own = app_of("instances.md", tmp_path).instance(3)
    assert own.command[-1] == "127.0.0.1:8002"
    assert own.environment({}) == {"WORKER": "2", "PORT": "8002"}
    assert own.log is not None
    assert own.log.file == str(tmp_path / "log/web-3.log")
    assert own.ready is not None
    assert own.ready.probe == Http("http://127.0.0.1:8002/health")


def test_secrets(tmp_path: Path) -> None:
    app = app_of("secrets.md", tmp_path)
    assert app.secrets == {"TOKEN": Secret("/run/secrets/token")}
    assert app.environment({}) == {"MODE": "production"}
