from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from supctl.config import LoadedTree, load
from supctl.config.plugins.python import poetry_name
from supctl.specs import App, Secret

BASE = "/usr/bin:/bin"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def loaded(project: Path, home: Path, app: str = "", **environ: str) -> LoadedTree:
    file = project / "supctl.toml"
    file.write_text(f"[apps.a]\ncommand = 'sleep 1'\n{app}")
    return load(file, {"PATH": BASE, "HOME": str(home), **environ})


def env_of(tree: LoadedTree) -> dict[str, str]:
    child = tree.root.children[0]
    assert isinstance(child, App)
    assert tree.failures == ()
    return child.environment({})


def put(place: Path, text: str = "") -> Path:
    """Write a file, and the directories it is in."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return place


def environment(place: Path) -> Path:
    """Make what looks like a virtual environment."""
    put(place / "bin" / "python").chmod(0o755)
    put(place / "pyvenv.cfg")
    return place


def binaries(place: Path) -> str:
    place.mkdir(parents=True)
    return str(place)


@pytest.mark.parametrize("name", [".venv", "venv"])
def test_a_virtual_environment_of_the_project(project: Path, home: Path, name: str) -> None:
    prefix = environment(project / name)
    env = env_of(tree := loaded(project, home, app="env = { PYTHONHOME = '/x' }"))
    assert env["PATH"] == f"{prefix}/bin:{BASE}"
    assert (env["VIRTUAL_ENV"], "PYTHONHOME" in env) == (str(prefix), False)
    (told,) = map(str, tree.enhancements)
    changes = f"PATH begins with {prefix}/bin, sets VIRTUAL_ENV, removes PYTHONHOME"
    assert told == f"plugin 'venv' changes a: {changes}"


def test_programs_are_found_in_the_virtual_environment(project: Path, home: Path) -> None:
    put(environment(project / ".venv") / "bin" / "only-here").chmod(0o755)
    file = put(project / "supctl.toml", "[apps.a]\ncommand = 'only-here'\n")
    assert load(file, {"PATH": BASE, "HOME": str(home)}).enhancements


def test_one_that_the_app_names_itself_stays(project: Path, home: Path) -> None:
    environment(project / ".venv")
    env = env_of(loaded(project, home, app="env = { VIRTUAL_ENV = '/mine' }"))
    assert (env["VIRTUAL_ENV"], env["PATH"]) == ("/mine", BASE)


def test_a_directory_that_is_no_environment_is_none(project: Path, home: Path) -> None:
    binaries(project / "venv" / "bin")
    assert loaded(project, home).enhancements == ()


@pytest.mark.parametrize("is_repository", [True, False])
def test_directories_above_count_in_a_repository(
    project: Path, home: Path, is_repository: bool
) -> None:
    environment(project / ".venv")
    binaries(project / "services" / "api")
    if is_repository:
        (project / ".git").mkdir()
    tree = loaded(project, home, app="cwd = 'services/api'")
    assert ("VIRTUAL_ENV" in env_of(tree)) is is_repository


def test_the_environments_of_uv_and_pdm(project: Path, home: Path) -> None:
    uv, pdm = environment(project / "elsewhere"), environment(home / "pdm" / "one")
    put(project / "uv.lock")
    env = env_of(loaded(project, home, app="env = { UV_PROJECT_ENVIRONMENT = 'elsewhere' }"))
    assert env["VIRTUAL_ENV"] == str(uv)
    put(project / ".pdm-python", f"{pdm}/bin/python\n")
    assert env_of(loaded(project, home))["VIRTUAL_ENV"] == str(pdm)


def test_an_environment_in_the_cache_of_poetry(project: Path, home: Path) -> None:
    put(project / "poetry.lock")
    put(project / "pyproject.toml", "[tool.poetry]\nname = 'My App'\n")
    cache = home / "virtualenvs"
    base = poetry_name("My App", project)
    older, newer = (environment(cache / f"{base}-py3.{minor}") for minor in (11, 12))
    where = {"POETRY_VIRTUALENVS_PATH": str(cache)}
    assert loaded(project, home, **where).enhancements == ()
    put(cache / "envs.toml", f"['{base}']\nminor = '3.12'\npatch = '3.12.1'\n")
    assert env_of(loaded(project, home, **where))["VIRTUAL_ENV"] == str(newer)
    (newer / "pyvenv.cfg").unlink()
    assert env_of(loaded(project, home, **where))["VIRTUAL_ENV"] == str(older)


def test_poetry_s_name_of_an_environment() -> None:
    assert poetry_name("My App", Path("/")).startswith("my_app-il7asoJj")


def test_a_conda_environment(project: Path, home: Path) -> None:
    prefix = home / "miniconda" / "envs" / "science"
    put(prefix / "conda-meta" / "history")
    binaries(prefix / "bin")
    put(home / ".conda" / "environments.txt", f"/gone/science\n{prefix}\n")
    put(project / "environment.yml", "name: science  # ours\ndependencies:\n  - python\n")
    env = env_of(loaded(project, home))
    assert (env["CONDA_PREFIX"], env["CONDA_DEFAULT_ENV"]) == (str(prefix), "science")
    assert env["PATH"] == f"{prefix}/bin:{BASE}"


@pytest.mark.parametrize(
    ("file", "text", "place", "more"),
    [
        (".python-version", "3.11\n", ".pyenv/versions/3.11.10", {"PYENV_VERSION": "3.11.10"}),
        (".ruby-version", "ruby-3.2.2\n", ".rbenv/versions/3.2.2", {"RBENV_VERSION": "3.2.2"}),
        (".java-version", "21\n", ".jenv/versions/21", {"JENV_VERSION": "21"}),
        (".nvmrc", "v20\n", ".nvm/versions/node/v20.9.0", {}),
        (".nvmrc", "node # newest\n", ".nvm/versions/node/v22.0.1", {}),
        (".node-version", "20.9\n", ".fnm/node-versions/v20.9.0/installation", {}),
        ("package.json", '{"volta": {"node": "18.1.0"}}', ".volta/tools/image/node/18.1.0", {}),
        (".tool-versions", "# ours\nnodejs 20.9.0\n", ".asdf/installs/nodejs/20.9.0", {}),
        ("mise.toml", "[tools]\nnode = '20'\n", ".local/share/mise/installs/node/20.1.0", {}),
    ],
)
def test_a_version_manager(
    project: Path, home: Path, file: str, text: str, place: str, more: dict[str, str]
) -> None:
    found = binaries(home / place / "bin")
    put(project / file, text)
    env = env_of(loaded(project, home))
    assert env["PATH"] == f"{found}:{BASE}"
    assert more.items() <= env.items()


def test_the_newest_version_is_taken_by_number(project: Path, home: Path) -> None:
    for minor in (9, 10):
        binaries(home / ".pyenv" / "versions" / f"3.11.{minor}" / "bin")
    binaries(home / ".pyenv" / "versions" / "3.110.1" / "bin")
    put(project / ".python-version", "3.11")
    assert env_of(loaded(project, home))["PYENV_VERSION"] == "3.11.10"


@pytest.mark.parametrize("wanted", ["../../etc", "4.0", "system"])
def test_a_version_that_is_not_there_changes_nothing(
    project: Path, home: Path, wanted: str
) -> None:
    binaries(home / ".pyenv" / "versions" / "3.11.2" / "bin")
    put(project / ".python-version", wanted)
    assert loaded(project, home).enhancements == ()


def test_aliases_of_nvm(project: Path, home: Path) -> None:
    found = binaries(home / ".nvm" / "versions" / "node" / "v20.9.0" / "bin")
    put(home / ".nvm" / "alias" / "lts" / "*", "lts/iron\n")
    put(home / ".nvm" / "alias" / "lts" / "iron", "v20.9.0\n")
    put(project / ".nvmrc", "lts/*")
    assert env_of(loaded(project, home))["NVM_BIN"] == found


def test_a_tool_that_lives_elsewhere(project: Path, home: Path, tmp_path: Path) -> None:
    found = binaries(tmp_path / "asdf" / "installs" / "nodejs" / "20.9.0" / "bin")
    put(project / ".tool-versions", "nodejs 20.9.0")
    tree = loaded(project, home, ASDF_DATA_DIR=str(tmp_path / "asdf"))
    assert env_of(tree)["PATH"].startswith(found)


def test_a_virtual_environment_comes_before_its_version_manager(project: Path, home: Path) -> None:
    prefix = environment(project / ".venv")
    pyenv = binaries(home / ".pyenv" / "versions" / "3.11.2" / "bin")
    put(project / ".python-version", "3.11.2")
    assert env_of(loaded(project, home))["PATH"] == f"{prefix}/bin:{pyenv}:{BASE}"


def test_dotenv_adds_only_what_is_missing(project: Path, home: Path) -> None:
    put(project / ".env", "TOKEN=secret\nMODE=file\nPATH=/elsewhere\n")
    tree = loaded(project, home, app="env = { MODE = 'mine' }")
    env = env_of(tree)
    assert (env["TOKEN"], env["MODE"], env["PATH"]) == ("secret", "mine", BASE)
    assert [str(it) for it in tree.enhancements] == ["plugin 'dotenv' changes a: sets TOKEN"]


def test_what_is_in_an_env_file_is_no_placeholder(
    project: Path, home: Path, tmp_path: Path
) -> None:
    put(project / ".env", "GREETING='on {port}'\n")
    put(project / ".envrc")
    path = direnv(tmp_path, """echo '{"PLACE": "at {index}"}'""")
    (app,) = loaded(project, home, app="instances = 2", PATH=path).root.children
    assert isinstance(app, App)
    env = app.instance(2).environment({})
    assert (env["GREETING"], env["PLACE"]) == ("on {port}", "at {index}")


def test_what_tools_read_is_among_the_files_of_a_configuration(project: Path, home: Path) -> None:
    (home / ".nvm").mkdir()
    read = {str(put(project / ".env", "A=1\n")), str(put(project / ".nvmrc", "20\n"))}
    assert loaded(project, home).files.keys() == {*read, str(project / "supctl.toml")}


def test_secrets_stay_secrets(project: Path, home: Path) -> None:
    put(project / ".env", "TOKEN=other\nMODE=file\n")
    put(project / "token", "s3cret\n")
    tree = loaded(project, home, app="env = { TOKEN = { file = 'token' } }")
    assert [str(it) for it in tree.enhancements] == ["plugin 'dotenv' changes a: sets MODE"]
    (app,) = tree.root.children
    assert isinstance(app, App)
    assert app.secrets == {"TOKEN": Secret(str(project / "token"))}


@pytest.mark.parametrize("said", ["env_file = []", "env_file = 'other.env'"])
def test_dotenv_is_silent_where_env_file_speaks(project: Path, home: Path, said: str) -> None:
    put(project / ".env", "TOKEN=secret\n")
    put(project / "other.env", "OTHER=1\n")
    assert loaded(project, home, app=said).enhancements == ()


def test_dotenv_leaves_the_files_of_other_tools_alone(project: Path, home: Path) -> None:
    put(project / ".env", "TOKEN=secret\n")
    environment(project / ".venv")
    app = {"name": "a", "script": "sleep", "args": "1", "interpreter": "none", "cwd": str(project)}
    file = put(project / "pm2.json", json.dumps({"apps": [app]}))
    tree = load(file, {"PATH": BASE, "HOME": str(home)})
    assert [it.plugin for it in tree.enhancements] == ["venv"]
    assert "VIRTUAL_ENV" not in str(tree.document)


def test_a_file_that_does_not_parse_is_a_note(project: Path, home: Path) -> None:
    binaries(home / ".volta")
    put(project / "package.json", "{")
    (note,) = loaded(project, home).failures
    assert note.startswith("plugin 'volta' is passed over for a: JSONDecodeError")


def direnv(tmp_path: Path, script: str) -> str:
    """Put a program called direnv in a directory and return a PATH with it."""
    put(tmp_path / "bin" / "direnv", f"#!/bin/sh\n{script}\n").chmod(0o755)
    return f"{tmp_path}/bin:{BASE}"


def test_direnv_says_what_an_envrc_means(project: Path, home: Path, tmp_path: Path) -> None:
    put(project / ".envrc")
    said = json.dumps({"STAGE": "dev", "GONE": None, "DIRENV_DIFF": "x", "PATH": "/new:/bin"})
    path = direnv(tmp_path, f"[ \"$*\" = 'export json' ] && echo '{said}'")
    env = env_of(loaded(project, home, app="env = { GONE = 'x', PATH = '/bin' }", PATH=path))
    assert (env["STAGE"], env["PATH"]) == ("dev", "/new:/bin")
    assert not {"GONE", "DIRENV_DIFF"} & env.keys()


def test_an_envrc_that_is_not_allowed_is_a_note(project: Path, home: Path, tmp_path: Path) -> None:
    put(project / ".envrc")
    path = direnv(tmp_path, "echo 'direnv: error .envrc is blocked' >&2; exit 1")
    (note,) = loaded(project, home, PATH=path).failures
    assert note.endswith("for a: .envrc is blocked")


def test_a_direnv_that_hangs_is_ended_with_all_it_started(
    project: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supctl.config.plugins.direnv._PATIENCE", 0.3)
    put(project / ".envrc")
    pids = tmp_path / "pids"
    path = direnv(tmp_path, f"sleep 60 & echo $! $$ > {pids}; wait")
    (note,) = loaded(project, home, PATH=path).failures
    assert note.endswith("for a: direnv took more than 0.3 s")
    direct = int(pids.read_text().split()[1])
    with pytest.raises(ProcessLookupError):
        os.kill(direct, 0)


def test_direnv_is_asked_once_for_all_apps_of_a_directory(
    project: Path, home: Path, tmp_path: Path
) -> None:
    put(project / ".envrc")
    path = direnv(tmp_path, f"echo once >> {tmp_path}/asked; exit 1")
    tree = loaded(project, home, "[apps.b]\ncommand = 'sleep 1'\n", PATH=path)
    assert "for a, b: direnv ended with code 1" in tree.failures[0]
    assert (tmp_path / "asked").read_text() == "once\n"


def test_direnv_is_not_asked_without_an_envrc(project: Path, home: Path, tmp_path: Path) -> None:
    path = direnv(tmp_path, "exit 1")
    assert loaded(project, home, PATH=path).failures == ()
