"""``supctl init`` writes a first file."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from supctl.cli.main import main
from supctl.config import load
from supctl.specs import App

Init = Callable[..., Result]


@pytest.fixture
def init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Init:
    """Run the command in a directory that holds some files."""
    here = tmp_path / "shop"
    here.mkdir()
    monkeypatch.chdir(here)

    def run(*words: str, **files: str) -> Result:
        for name, text in files.items():
            path = here / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return CliRunner().invoke(main, ["init", *words])

    return run


def written() -> App:
    (app,) = load("supctl.toml", to_run_here=False).root.children
    assert isinstance(app, App)
    return app


@pytest.mark.parametrize(
    ("files", "command"),
    [
        (
            {"package_json": '{"scripts": {"start": "node server.js --x 1"}}'},
            "node server.js --x 1",
        ),
        ({"package_json": '{"scripts": {"start": "A=1 node x.js"}}'}, "npm run --silent start"),
        ({"package_json": '{"scripts": {"start": "next start"}}'}, "npm run --silent start"),
        ({"package_json": '{"main": "lib.js"}', "lib_js": ""}, "node lib.js"),
        ({"pyproject_toml": "[project.scripts]\nserve = 'a:b'\n"}, "serve"),
        (
            {"pyproject_toml": "[project.scripts]\nserve = 'a:b'\n", ".venv__bin__python": ""},
            ".venv/bin/serve",
        ),
        ({"manage_py": ""}, "python3 manage.py runserver --noreload"),
        ({"main_py": "", "app_py": ""}, "python3 main.py"),
        ({"app_py": "", "venv__bin__python": ""}, "venv/bin/python app.py"),
        ({"src__index_ts": ""}, "npx tsx src/index.ts"),
        ({"src__index_ts": "", "bun_lockb": ""}, "bun src/index.ts"),
        ({"go_mod": "module x"}, "go run ."),
        ({"Cargo_toml": ""}, "cargo run --release"),
        ({"Dockerfile": 'FROM x\nENTRYPOINT ["a", "b"]\ncmd ["c"]\n'}, "a b c"),
        ({"Dockerfile": "FROM x\nCMD exec  a \\\n b\n"}, "sh -c exec  a   b"),
    ],
)
def test_the_entry_of_a_project_is_found(init: Init, files: dict[str, str], command: str) -> None:
    result = init(**files)
    assert result.exit_code == 0, result.output
    assert written().name == "shop"
    assert " ".join(written().command) == command


def test_an_empty_directory_gets_an_example(init: Init) -> None:
    result = init()
    assert result.exit_code == 0
    assert "nothing here tells which program to run" in result.output
    lines = Path("supctl.toml").read_text().splitlines()
    assert all(it.startswith("# ") for it in lines if it)
    Path("supctl.toml").write_text("\n".join(it.removeprefix("# ") for it in lines[2:5]))
    assert written().command == ("python3", "app.py")


@pytest.mark.parametrize("words", [[], ["--from", "Procfile"]])
def test_the_file_of_another_tool_is_written_as_ours(init: Init, words: list[str]) -> None:
    result = init(*words, Procfile="web: python3 main.py\n", main_py="", package_json="{}")
    assert result.exit_code == 0
    assert result.output.startswith("supctl.toml: what Procfile says\n")
    assert '"supctl start" starts it' in result.output
    assert written().name == "web"


def test_who_names_a_script_wants_no_file_of_another_tool(init: Init) -> None:
    init("--entry", "main.py", Procfile="web: python3 other.py\n", main_py="")
    assert written().command == ("python3", "main.py")


def test_what_is_still_to_be_done_is_told(init: Init) -> None:
    told = init(pyproject_toml="[project.scripts]\nno-such-shop = 'a:b'\n").output
    assert "before it can be started:\n  supctl.toml: apps.shop.command starts" in told
    assert '"supctl start" starts it' not in told


@pytest.mark.parametrize("text", ["", "[", "[]", '{"scripts": 1, "main": []}', "{" * 100_000])
def test_what_makes_no_sense_says_nothing(init: Init, text: str) -> None:
    init(package_json=text, pyproject_toml=text, Dockerfile=f"CMD {text}"[:50], main_py="")
    assert written().command[-1] in ("main.py", text)


def test_other_ways_are_told(init: Init) -> None:
    told = init(main_py="", Dockerfile='CMD ["a"]\nCMD ["b"]', manage_py="").output
    assert "supctl.toml: python3 manage.py runserver --noreload, which is Django's own" in told
    assert "not taken: python3 main.py, which runs main.py" in told
    assert "not taken: b, which is what the Dockerfile runs" in told
    assert '"supctl start" starts it' in told


def test_options_are_written(init: Init) -> None:
    words = ["--name", "api.v2", "--entry", "bin/work.sh", "--port", "9000", "--memory", "256M"]
    result = init(*words, "--cpu", "50%", "--instances", "3", bin__work_sh="")
    assert result.exit_code == 0, result.output
    app = written()
    assert (app.name, app.command, app.instances) == ("api.v2", ("bash", "bin/work.sh"), 3)
    assert (app.limits.memory, app.limits.cpu) == (256 * 2**20, 0.5)
    assert app.port == 9000


def test_what_stands_in_comments_is_right_too(init: Init) -> None:
    init(main_py="")
    path = Path("supctl.toml")
    keys = re.sub(r"^# (\w+ = )", r"\1", path.read_text(), flags=re.MULTILINE)
    assert keys.count("\n# ") == 0
    path.write_text(f'{keys}\n[apps.db]\ncommand = ["sh"]\n')
    load(path)


def test_a_file_is_replaced_by_force_only(init: Init) -> None:
    Path("supctl.toml").write_text("mine")
    result = init(main_py="")
    assert (result.exit_code, Path("supctl.toml").read_text()) == (2, "mine")
    assert (
        "supctl.toml: is there already; wanted no such file (--force replaces it)" in result.output
    )
    assert init("--force").exit_code == 0
    assert written().command == ("python3", "main.py")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--pm2"], "wanted a directory with package.json"),
        (["--from", "Procfile", "--port", "1"], "--from is 'Procfile'; wanted no --port beside it"),
        (["--from", "Procfile"], "Procfile: no such file"),
        (["--entry", "x.py"], "--entry is 'x.py'; wanted a file of this directory"),
        (["--name", "a/b"], "name is 'a/b'"),
        (["--port", "0"], "--port"),
        (["--memory", "much"], "--memory is 'much'"),
    ],
)
def test_what_cannot_work_writes_nothing(init: Init, words: list[str], said: str) -> None:
    files = {} if words == ["--pm2"] else {"main_py": ""}
    result = init(*words, **files)
    assert result.exit_code == 2
    assert said in result.output
    assert not Path("supctl.toml").exists()


def test_a_file_for_pm2(init: Init) -> None:
    assert init("--pm2", "--port", "80", "--instances", "2", main_py="").exit_code == 0
    show = "process.stdout.write(JSON.stringify(require('./ecosystem.config.js')))"
    text = Path("ecosystem.config.js").read_text()
    (app,) = json.loads(text.removeprefix("module.exports = ").removesuffix(";\n"))["apps"]
    assert app == {
        "name": "shop",
        "script": "python3",
        "interpreter": "none",
        "args": ["main.py"],
        "instances": 2,
        "env": {"PORT": 80},
    }
    try:
        done = subprocess.run(["node", "-e", show], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("there is no node here")
    assert json.loads(done.stdout) == {"apps": [app]}
