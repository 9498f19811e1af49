from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supctl import open_tree
from supctl.config import ConfigErrors, load
from supctl.config.loading import LoadedTree
from supctl.config.readers.procfile.settings import VARIABLES
from supctl.config.readers.procfile.shell import through_shell
from supctl.specs import App
from supctl.supervision.child import names_of

Write = Callable[..., Path]
ENVIRON = {"PATH": "/usr/bin:/bin"}
EXAMPLES = Path(__file__).parents[2] / "examples" / "formats" / "procfile"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str, env: str = "", *, name: str = "Procfile") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode())
        (tmp_path / ".env").write_text(env)
        return path

    return write


def apps(loaded: LoadedTree) -> dict[str, App]:
    return {it.name: it for it in loaded.root.children if isinstance(it, App)}


def ports(loaded: LoadedTree) -> dict[str, str | None]:
    return {
        name: app.instance(number).environment({}).get("PORT")
        for app in apps(loaded).values()
        for number, name in enumerate(names_of(app), 1)
    }


def sentences(path: Path) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        load(path, ENVIRON)
    return [str(mistake).removeprefix(f"{path}") for mistake in caught.value.mistakes]


def test_the_example() -> None:
    loaded = load(EXAMPLES, ENVIRON)
    assert loaded.format == "Procfile"
    assert ports(loaded) == {
        "web": "5000",
        "worker:1": "5100",
        "worker:2": "5101",
        "clock": "5200",
        "release": "5300",
    }
    web = apps(loaded)["web"]
    assert web.command == ("sh", "-c", "exec python3 -u app.py --port $PORT")
    assert web.env is not None
    assert web.env["WORKER_NAME"] == "the packer"
    assert loaded.root.start == "concurrent"


def test_one_end_stops_all(write: Write) -> None:
    loaded = load(write("web: sleep 1\n"), ENVIRON)
    web = apps(loaded)["web"]
    assert (web.restart, web.essential, web.stop.grace) == ("temporary", True, 5.0)
    assert any("all others are stopped" in note for note in loaded.notes)


async def test_it_stops_them_indeed(write: Write, tmp_path: Path) -> None:
    root = load(write("short: exit 0\nlong: sleep 1000\n")).root
    async with open_tree(root, log_directory=tmp_path / "logs") as tree:
        await tree.wait()
        assert {row.address: row.state for row in tree.status()}["/long"] == "stopped"


def test_release_waits_for_somebody(write: Write) -> None:
    loaded = load(write("release: ./migrate\nweb: sleep 1"), ENVIRON)
    release = apps(loaded)["release"]
    assert (release.autostart, release.essential, release.restart) == (False, False, "temporary")
    assert any("Heroku" in str(it) for it in loaded.remarks)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("python app.py --port $PORT", "exec python app.py --port $PORT"),
        ("./run 'a; b' > log.txt", "exec ./run 'a; b' > log.txt"),
        ("cd web && npm start", "cd web && npm start"),
        ("cd web", "cd web"),
        ("PORT=1 ./run", "PORT=1 ./run"),
        ("a | b", "a | b"),
        ("a; b", "a; b"),
        ("a & b", "a & b"),
        ("exec a", "exec a"),
        ("$RUN a", "$RUN a"),
        ("(a)", "(a)"),
        ("while :; do a; done", "while :; do a; done"),
    ],
)
def test_the_shell_replaces_itself_where_the_line_is_one_program(line: str, command: str) -> None:
    assert through_shell("web", line) == ["sh", "-c", command]


@pytest.mark.parametrize(
    "line",
    [
        "printf '%s|' a 'b c' \"$X\" $X ${Y:-d}",
        "echo `echo x` \"`echo 'y z'`\" > out.txt",
        "echo a # b",
        "X=1 env",
        "! false",
        "sh -c 'exit 3'",
        "test -e / -a ! -e /none",
    ],
)
def test_a_line_does_the_same_as_without_exec(line: str, tmp_path: Path) -> None:
    def ran(command: list[str]) -> tuple[int, bytes, bytes]:
        done = subprocess.run(
            command, capture_output=True, cwd=tmp_path, env={**ENVIRON, "X": "p q"}, check=False
        )
        out = tmp_path / "out.txt"
        return done.returncode, done.stdout, out.read_bytes() if out.exists() else b""

    assert ran(through_shell("web", line)) == ran(["sh", "-c", line])


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ("PORT=8000", {"web": "8000", "worker": "8100"}),
        ("OVERMIND_PORT=3000\nOVERMIND_PORT_STEP=10", {"web": "3000", "worker": "3010"}),
        ("FORMATION=web=2", {"web:1": "5000", "web:2": "5001", "worker": "5100"}),
        ("OVERMIND_FORMATION=all=2,web=1", {"web": "5000", "worker:1": "5100", "worker:2": "5101"}),
        ("OVERMIND_NO_PORT=1", {"web": None, "worker": None}),
    ],
)
def test_ports(write: Write, env: str, expected: dict[str, str]) -> None:
    assert ports(load(write("web: sleep 1\nworker: sleep 1\n", env), ENVIRON)) == expected


@pytest.mark.parametrize(
    ("env", "name", "field", "value"),
    [
        ("FORMATION=web=0", "web", "autostart", False),
        ("OVERMIND_NO_PORT=1\nFORMATION=web=3", "web", "instances", 3),
        ("OVERMIND_CAN_DIE=web", "web", "essential", False),
        ("OVERMIND_CAN_DIE=web", "worker", "essential", True),
        ("OVERMIND_ANY_CAN_DIE=1", "worker", "essential", False),
        ("OVERMIND_AUTO_RESTART=all", "worker", "restart", "permanent"),
        ("OVERMIND_PROCESSES=web", "worker", "autostart", False),
        ("OVERMIND_IGNORED_PROCESSES=web", "web", "autostart", False),
    ],
)
def test_overminds_variables(write: Write, env: str, name: str, field: str, value: Any) -> None:
    loaded = load(write("web: sleep 1\nworker: sleep 1\n", env), ENVIRON)
    assert getattr(apps(loaded)[name], field) == value
    said = {it.place for it in loaded.remarks}
    assert {f".env {line.partition('=')[0]}" for line in env.splitlines()} <= said


def test_overminds_signals(write: Write) -> None:
    text = "OVERMIND_STOP_SIGNALS=web=QUIT\nOVERMIND_TIMEOUT=2"
    loaded = apps(load(write("web: sleep 1\nworker: sleep 1\n", text), ENVIRON))
    assert [(it.stop.signal, it.stop.grace) for it in loaded.values()] == [(3, 2.0), (2, 2.0)]


def test_overminds_own_file_comes_first(write: Write, tmp_path: Path) -> None:
    path = write("web: sleep 1", "PORT=1\nA=env\nB=env")
    (tmp_path / ".overmind.env").write_text("A=overmind\nOVERMIND_PORT=7000")
    env = apps(load(path, ENVIRON))["web"].environment({})
    own = {"A": "overmind", "B": "env", "PORT": "7000", "OVERMIND_PORT": "7000"}
    assert env == {**ENVIRON, **own}
    (tmp_path / ".overmind.env").write_text("OVERMIND_SKIP_ENV=1")
    own = {"OVERMIND_SKIP_ENV": "1", "PORT": "5000"}
    assert apps(load(path, ENVIRON))["web"].environment({}) == {**ENVIRON, **own}


@pytest.mark.parametrize(
    ("text", "env", "sentence"),
    [
        ("web: sleep 1\nwhat\n", "", ":2: holds 'what'; wanted a line such as web: python app.py"),
        ("a: b\n\na: c", "", ":3: a is there twice, also in line 1; wanted names that differ"),
        ("a: echo 'b", "", ':1: a is "echo \'b"; wanted a line for a shell (no closing quotation)'),
        ("# nothing", "", ": holds no process; wanted lines such as web: python app.py"),
        (
            "a: b",
            "OVERMIND_PORT=x",
            ": .env OVERMIND_PORT is 'x'; wanted a whole number, 0 or more",
        ),
        ("a: b", "OVERMIND_FORMATION=web", ".env OVERMIND_FORMATION is 'web'; wanted numbers of"),
        ("a: b", "A='x", ": .env is '.env'; wanted a file of variables, NAME=value (its line 1"),
    ],
)
def test_mistakes(write: Write, text: str, env: str, sentence: str) -> None:
    (said,) = sentences(write(text, env))
    assert sentence in said


def test_slips_are_noted(write: Write) -> None:
    env = "OVERMIND_CAN_DIE=wbe\nOVERMIND_PORTS=1"
    notes = load(write("web: sleep 1\n", env), ENVIRON).notes
    assert any("no process 'wbe'" in note for note in notes)
    assert any("did you mean 'OVERMIND_PORT'?" in note for note in notes)


@pytest.mark.parametrize("name", ["Procfile.dev", "Procfile.heroku", "Procfile"])
def test_crlf_blanks_comments_and_other_names(write: Write, name: str) -> None:
    path = write("\ufeff# x\r\n\r\n web:    sleep  1 \r\nmy-w_2:sleep 1", name=name)
    assert [it.command[2] for it in apps(load(path, ENVIRON)).values()] == [
        "exec sleep  1",
        "exec sleep 1",
    ]


def test_what_it_becomes_in_our_own_format_is_the_same_tree(tmp_path: Path, write: Write) -> None:
    loaded = load(write((EXAMPLES / "Procfile").read_text(), "FORMATION=web=2"), ENVIRON)
    path = tmp_path / "supctl.json"
    path.write_text(json.dumps(loaded.document))
    assert load(path, ENVIRON).root.children == loaded.root.children


def test_nothing_heavy_is_imported(write: Write) -> None:
    path = write("web: sleep 1")
    heavy = "{'trio', 'yaml', 'ruamel', 'dotenv', 'quickjs'}"
    code = f"import sys; from supctl.config import load; load({str(path)!r}); "
    path.with_name(".env").unlink()
    check = f"{code}print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, check=True)
    assert done.stdout == b"[]\n"


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            ["web: sh", "web: sleep 1", "release: a && b", "#", ": x", "a-b_c.d: x | y"]
        ),
        st.text(max_size=20),
    ),
    max_size=5,
)
NAMES = st.sampled_from([*VARIABLES.mapped, *VARIABLES.left_out, "A"])
VALUES = st.one_of(st.sampled_from(["web=2", "all", "1", "web,x", "9999999"]), st.text(max_size=9))


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lines=LINES, variables=st.lists(st.tuples(NAMES, VALUES), max_size=3))
def test_whatever_it_holds_it_loads_or_is_refused(
    tmp_path: Path, lines: list[str], variables: list[tuple[str, str]]
) -> None:
    text = "\n".join(f"{name}={value}" for name, value in variables)
    (tmp_path / ".env").write_bytes(text.encode("utf-8", "surrogatepass"))
    check(tmp_path, "\n".join(lines).encode("utf-8", "surrogatepass"))


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=60))
def test_any_bytes_load_or_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".env").write_bytes(content)
    check(tmp_path, b"web: sleep 1\n" + content)


def check(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "Procfile"
    path.write_bytes(content)
    with suppress(ConfigErrors):
        assert load(path, ENVIRON).root.children
