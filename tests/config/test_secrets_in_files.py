"""``env = { TOKEN = { file = "token" } }`` of a file, and of a tree that is exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from supctl.config import ConfigErrors, load
from supctl.config.document import as_native
from supctl.config.exports import KINDS, export_tree
from supctl.config.loading import LoadedTree
from supctl.specs import App, Secret, Supervisor


def write(folder: Path, env: str, more: str = "") -> Path:
    path = folder / "supctl.toml"
    path.write_text(f'[apps.api]\ncommand = ["sh"]\nenv = {{ {env} }}\n{more}')
    return path


def env_of(loaded: LoadedTree) -> dict[str, Any]:
    app = loaded.root.children[0]
    assert isinstance(app, App)
    return {name: it for name, it in (app.env or {}).items() if name in "TU"}


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("sesame")
    file.chmod(0o600)
    return file


def test_a_path_begins_at_the_file(tmp_path: Path, token: Path) -> None:
    loaded = load(write(tmp_path, 'T = { file = "token" }, U = { file = "/dev/null" }'))
    assert env_of(loaded) == {"T": Secret(str(token)), "U": Secret("/dev/null")}
    assert loaded.notes == (
        "apps.api.env.U is to come from /dev/null, which is no regular file: the app cannot start",
    )
    (app,) = loaded.root.children
    native = as_native(Supervisor("r", [app]))["apps"]["api"]["env"]
    assert native["T"] == {"file": str(token)}


def test_a_profile_and_defaults_may_say_another_one(tmp_path: Path, token: Path) -> None:
    more = '[defaults]\nenv = { U = { file = "${WHERE}/u" } }\n[apps.api.env_live]\nT = "plain"\n'
    path = write(tmp_path, 'T = { file = "token" }', more)
    environ = {"WHERE": "/run", "PATH": "/bin:/usr/bin"}
    assert env_of(load(path, environ)) == {"T": Secret(str(token)), "U": Secret("/run/u")}
    live = load(path, environ, profile="live")
    assert env_of(live) == {"T": "plain", "U": Secret("/run/u")}


def test_what_is_probably_not_meant_is_noted(tmp_path: Path, token: Path) -> None:
    token.chmod(0o644)
    env = 'T = { file = "token" }, U = { file = "u{instance}" }'
    assert load(write(tmp_path, env, "instances = 2")).notes == (
        f"apps.api.env.T is to come from {token}, which everybody may read (chmod o-r {token} "
        "forbids it)",
        *(
            f"apps.api.env.U is to come from {tmp_path}/u{number}, which does not exist: the app "
            "cannot start until it does"
            for number in (1, 2)
        ),
    )
    assert load(write(tmp_path, env), to_run_here=False).notes == ()


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("{}", "is an empty table; wanted text, or a file that has it"),
        ('{ file = "" }', "wanted text, or a file that has it"),
        ('{ fiel = "a" }', "did you mean 'file'?"),
        ('{ file = "a", mode = "b" }', "wanted text, or a file that has it"),
        ("5", 'wanted text (quote it: T = "5")'),
    ],
)
def test_what_is_no_variable(tmp_path: Path, value: str, sentence: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        load(write(tmp_path, f"T = {value}"))
    (mistake,) = caught.value.mistakes
    assert mistake.place == "apps.api.env.T"
    assert sentence in str(mistake)


@pytest.mark.parametrize("kind", KINDS)
def test_no_tool_is_told_the_text(tmp_path: Path, token: Path, kind: str) -> None:
    loaded = load(write(tmp_path, 'T = { file = "token" }'))
    made = export_tree(loaded.root, kind, tmp_path, {})
    assert any(it.place == "apps.api.env.T" for it in made.remarks)
    assert "sesame" not in str(made)
    assert ("secretKeyRef" in str(made.files)) == (kind == "kubernetes")
