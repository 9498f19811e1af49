from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck as Check
from hypothesis import given, settings
from hypothesis import strategies as st

from supctl.config import ConfigErrors, load
from supctl.config.discovery import discover
from supctl.config.loading import LoadedTree
from supctl.specs import App

EXAMPLES = Path(__file__).parents[2] / "examples" / "formats"
Write = Callable[..., Path]
ENVIRON = {"PATH": "/usr/bin:/bin", "ANYTHING": "x"}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.chdir(tmp_path)

    def write(**content: Any) -> Path:
        (tmp_path / "package.json").write_text(json.dumps(content))
        return Path("package.json")

    return write


def loaded(path: Path) -> LoadedTree:
    return load(path, ENVIRON, to_run_here=False)


def app_of(path: Path) -> App:
    (app,) = loaded(path).root.children
    assert isinstance(app, App)
    return app


def test_the_start_script_runs_as_npm_would_run_it(write: Write, tmp_path: Path) -> None:
    path = write(name="@shop/web", version="1.2.3", scripts={"start": "next start && true"})
    tree = loaded(path)
    (app,) = tree.root.children
    assert tree.format == "package.json"
    assert isinstance(app, App)
    assert (app.name, app.command) == ("shop-web", ("sh", "-c", "next start && true"))
    assert app.cwd == str(tmp_path)
    assert app.env is not None
    first, *rest = app.environment({})["PATH"].split(":")
    assert (first, rest[-2:]) == (f"{tmp_path}/node_modules/.bin", ["/usr/bin", "/bin"])
    assert app.env["ANYTHING"] == "x"
    assert app.env["npm_package_name"] == "@shop/web"
    assert app.env["npm_package_version"] == "1.2.3"


def test_what_runs_before_the_start_does(write: Write) -> None:
    app = app_of(write(scripts={"start": "node .", "prestart": "tsc"}))
    assert app.command == ("sh", "-c", "(tsc) && node .")


def test_a_server_needs_no_script(write: Write, tmp_path: Path) -> None:
    (tmp_path / "server.js").write_text("")
    assert app_of(write(name="x")).command == ("sh", "-c", "node server.js")


def test_a_section_of_ours_is_a_document_of_ours(write: Write) -> None:
    web = {"command": ["sleep", "${ANYTHING}"], "restart": "on-failure", "env_y": {"A": "1"}}
    path = write(name="x", supctl={"apps": {"web": web}}, scripts={"start": "node ."})
    app = app_of(path)
    assert (app.name, app.command, app.restart) == ("web", ("sleep", "x"), "transient")
    (app,) = load(path, ENVIRON, profile="y", to_run_here=False).root.children  # type: ignore[assignment]
    assert app.env is not None
    assert app.env["A"] == "1"


def test_a_section_of_another_tool_has_its_meaning(write: Write) -> None:
    bunctl = {"apps": [{"name": "a", "command": "sleep 60"}]}
    assert app_of(write(bunctl=bunctl)).restart == "transient"
    tree = loaded(write(bunctl=bunctl, pm2={"apps": []}))
    assert str(tree.remarks[0]) == "pm2 (left out): bunctl is taken, which comes first"
    assert app_of(write(pm2={"apps": [{"script": "sleep"}]})).stop.signal == 2


@pytest.mark.parametrize(
    ("package", "sentence"),
    [
        ({"supctl": []}, "supctl is []; wanted a table such as"),
        ({"supctl": {"apps": {"a": {"comand": []}}}}, "apps.a has no command, actor or apps;"),
        ({"supctl": {"apps": {"a": {"command": "${NO}"}}}}, "apps.a.command is '${NO}'; wanted"),
        ({"supctl": {"include": ["a"]}}, "include is unknown; wanted"),
        ({"bunctl": {"apps": [{"name": "a"}]}}, "bunctl.apps[0] has no command; wanted"),
        ({"pm2": [{"script": "a", "time": 1}]}, "pm2[0].time is 1; wanted true or false"),
    ],
)
def test_a_mistake_is_placed_in_its_section(
    write: Write, package: dict[str, Any], sentence: str
) -> None:
    path = write(**package)
    with pytest.raises(ConfigErrors) as caught:
        loaded(path)
    assert str(caught.value.mistakes[0]).removeprefix("package.json: ").startswith(sentence)


def test_a_library_is_no_app(write: Write, tmp_path: Path) -> None:
    write(name="x", scripts={"test": "jest"})
    with pytest.raises(ConfigErrors):
        discover(tmp_path)
    write(name="x", scripts={"start": "node ."})
    assert discover(tmp_path).path == tmp_path / "package.json"


@settings(suppress_health_check=[Check.function_scoped_fixture])
@given(st.binary())
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "package.json"
    path.write_bytes(content)
    with pytest.raises(ConfigErrors):
        loaded(path)


def test_the_example_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES / "package-json")
    tree = load(None, ENVIRON, to_run_here=False)
    assert [app.name for app in tree.root.children] == ["example-shop"]
