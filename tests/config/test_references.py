"""``${NAME}`` in texts, and files of variables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.config import ConfigErrors, load
from supctl.config.references import escape, expand
from supctl.errors import InvalidConfig
from supctl.specs import App, Http, Ready

SET = {"NAME": "value", "EMPTY": "", "PATH": "/usr/bin:/bin"}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a ${NAME} b ${NAME}", "a value b value"),
        ("${EMPTY}", ""),
        ("${NAME:-x}${EMPTY:-y}${UNSET:-}${UNSET:-a b:c}", "valueya b:c"),
        ("${NAME:?tell}", "value"),
        ("$${NAME} $$$${NAME}", "${NAME} $${NAME}"),
        ("$$${NAME}", "$value"),
        ("kill $$; $NAME $(x) $ 5$", "kill $$; $NAME $(x) $ 5$"),
        ("$${X%.*}", "${X%.*}"),
    ],
)
def test_what_references_stand_for(text: str, meant: str) -> None:
    assert expand(text, "place", SET) == meant


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "a ${UNSET}",
            "place is '${UNSET}'; wanted UNSET to be set where supctl runs, or in env_file "
            "(or write ${UNSET:-default}; if it is for a shell: $${UNSET})",
        ),
        (
            "${UNSET:?ask Anna for it}",
            "place is '${UNSET:?ask Anna for it}'; wanted UNSET to be set where supctl runs, or in "
            "env_file (ask Anna for it)",
        ),
        (
            "$$${X%.*}",
            "place is '${X%.*}'; wanted ${NAME}, ${NAME:-default} or ${NAME:?message} "
            "(if it is for a shell: $${X%.*})",
        ),
        ("${", "place is '${'; wanted ${NAME}"),
        ("${EMPTY:?m}", "place is '${EMPTY:?m}'; wanted EMPTY to be set"),
        ("${A:-${B}}", "place is '${A:-$'; wanted ${NAME}"),
    ],
)
def test_what_is_not_set_or_no_reference_is_told(text: str, sentence: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        expand(text, "place", SET)
    assert str(caught.value).startswith(sentence)


@given(st.text("${}aA:-?"))
def test_what_is_escaped_reaches_a_program_as_it_was(text: str) -> None:
    assert expand(escape(text), "", {}) == text


def read(directory: Path, text: str, environ: dict[str, str] = SET) -> App:
    path = directory / "supctl.toml"
    path.write_text(text)
    (found,) = load(path, environ).root.children
    assert isinstance(found, App)
    return found


def sentences(directory: Path, text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        read(directory, text)
    return [str(mistake).replace(f"{directory}/", "") for mistake in caught.value.mistakes]


def test_texts_everywhere_may_refer_to_the_environment(tmp_path: Path) -> None:
    (tmp_path / "value").mkdir()
    app = read(
        tmp_path,
        """
        [defaults]
        log.file = "${NAME}.log"
        [apps.web]
        command = ["sleep", "${SECONDS:-5}"]
        cwd = "${NAME}"
        env = {PATH = "/opt:${PATH}"}
        ready = {http = "http://localhost:${PORT:-80}/"}
        stop.grace = "${GRACE:-3s}"
        """,
    )
    assert app.command == ("sleep", "5")
    assert app.cwd == str(tmp_path / "value")
    assert app.env == {"PATH": "/opt:/usr/bin:/bin"}
    assert app.ready == Ready(Http("http://localhost:80/"))
    assert app.stop.grace == 3
    assert app.log is not None
    assert app.log.file == str(tmp_path / "value.log")


def test_all_that_is_not_set_is_told_at_once_and_nothing_twice(tmp_path: Path) -> None:
    text = "[apps.web]\ncommand = ['${A}/x']\nnice = 'x'\nstop.grace = '${B}'\nenv = {X='${C}'}\n"
    assert [it.partition(";")[0] for it in sentences(tmp_path, text)] == [
        "supctl.toml: apps.web.command[0] is '${A}'",
        "supctl.toml: apps.web.stop.grace is '${B}'",
        "supctl.toml: apps.web.env.X is '${C}'",
        "supctl.toml: apps.web.nice is 'x'",
    ]


APP = "[apps.web]\ncommand = 'sleep ${SECONDS:-1}'\n"


def test_a_file_of_variables_lies_between_what_is_inherited_and_env(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "# of us all\nexport A=1\nHOME=/file\nB='x y' # z\nC=\"${A} ${NAME} ${NONE:-d}\"\nNONE\n"
    )
    (tmp_path / "more.env").write_text("A=2\nE=e\n")
    environ = {**SET, "HOME": "/inherited"}
    text = APP + "env_file = ['.env', 'more.env']\nenv = {E = 'env ${B}'}\n"
    assert read(tmp_path, text, environ).env == {
        "PATH": SET["PATH"],
        "HOME": "/file",
        "A": "2",
        "B": "x y",
        "C": "1 value d",
        "E": "env x y",
    }


def test_references_ask_the_environment_first_and_then_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SECONDS=7\nNAME=file\n")
    text = APP + "umask = '${NONE:-022}'\nenv = {X = '${NAME}'}\n"
    for placed in ("[defaults]\nenv_file = '.env'\n" + text, text + "[defaults]\nenv_file='.env'"):
        app = read(tmp_path, placed)
        assert app.command == ("sleep", "7")
        assert app.env is not None
        assert (app.env["X"], app.env["NAME"]) == ("value", "file")


def test_a_file_of_variables_may_be_optional(tmp_path: Path) -> None:
    app = read(tmp_path, APP + "env_file = [{path = 'no.env', optional = true}]\n")
    assert app.env == {"PATH": SET["PATH"]}


@pytest.mark.parametrize(
    ("said", "content", "sentence"),
    [
        (
            "'no.env'",
            None,
            "apps.web.env_file is 'no.env'; wanted a file of variables, NAME=value "
            '(no such file or directory; or write { path = "...", optional = true })',
        ),
        (
            "'.env'",
            b"A=1\nB='\n",
            "apps.web.env_file is '.env'; wanted a file of variables, NAME=value "
            "(its line 2 does not parse)",
        ),
        ("'.env'", b"A=\xff", "apps.web.env_file is '.env'; wanted a file of variables"),
        ("['.env', 3]", b"", "apps.web.env_file[1] is 3; wanted a path such as"),
        ("{path = '.env', optional = 1}", b"", "apps.web.env_file is a table; wanted a path"),
        ("{paht = '.env'}", b"", "apps.web.env_file is a table; wanted a path"),
        ("'${NO}'", b"", "apps.web.env_file is '${NO}'; wanted NO to be set"),
    ],
)
def test_a_file_of_variables_that_cannot_be_used(
    tmp_path: Path, said: Any, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / ".env").write_bytes(content)
    (told,) = sentences(tmp_path, f"{APP}env_file = {said}\n")
    assert told.startswith(f"supctl.toml: {sentence}")


def test_an_environment_that_is_taken_at_the_start_holds_nothing_of_files(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n")
    (told,) = sentences(tmp_path, f"{APP}env_file = '.env'\ninherit_env = 'at-start'\n")
    assert told.startswith("supctl.toml: apps.web.env_file is there besides")
