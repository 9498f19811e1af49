from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supctl.config import ConfigErrors, load
from supctl.config.readers.daemoneye import CollectorKeys, ManagerKeys
from supctl.specs import App, Limits

Write = Callable[..., Path]
ENVIRON = {"PATH": "/usr/bin:/bin"}
EXAMPLES = Path(__file__).parents[2] / "examples" / "formats" / "daemoneye"
MANAGER = "[process_manager]\nenable_auto_restart = true\n"
BINARIES = '[process_manager.collector_binaries]\nprocmond = "/bin/sh"\n'


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str, name: str = "agent.toml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def apps(path: Path) -> dict[str, App]:
    loaded = load(path, ENVIRON)
    assert loaded.format == "DaemonEye"
    return {it.name: it for it in loaded.root.children if isinstance(it, App)}


def sentences(path: Path) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        load(path, ENVIRON)
    return [str(mistake).removeprefix(f"{path}: ") for mistake in caught.value.mistakes]


def test_the_example() -> None:
    found = apps(EXAMPLES / "agent.toml")
    assert list(found) == ["procmond-1", "netmond-1", "procmond-spare"]
    first, second, spare = found.values()
    assert first.command == ("./collector.py", "--every", "60")
    assert first.env is not None
    assert (first.env["LEVEL"], "PATH" in first.env) == ("debug", True)
    assert (first.restart, first.give_up_after, second.give_up_after) == ("transient", 3, 5)
    assert (spare.autostart, spare.restart) == (False, "temporary")
    assert (first.stop.grace, first.stop.force) == (10.0, 5.0)


def test_every_key_of_the_example_is_remarked_on() -> None:
    loaded = load(EXAMPLES / "agent.toml", ENVIRON)
    said = {it.place for it in loaded.remarks}
    manager = set(ManagerKeys.__annotations__) - {"heartbeat_timeout_multiplier"}
    assert {f"process_manager.{key}" for key in manager} <= said
    assert {"app", "collectors[1].config", "collectors[0].args"} <= said


def test_what_it_becomes_in_our_own_format_is_the_same_tree(tmp_path: Path) -> None:
    loaded = load(EXAMPLES / "agent.toml", ENVIRON, to_run_here=False)
    path = tmp_path / "supctl.json"
    path.write_text(json.dumps(loaded.document))
    (tmp_path / "collector.py").symlink_to(EXAMPLES / "collector.py")
    again = str(load(path, ENVIRON).root.children)
    assert again.replace(f"'{tmp_path}'", f"'{EXAMPLES}'") == str(loaded.root.children)


def test_without_a_list_every_binary_is_one(write: Write) -> None:
    (app,) = apps(write(MANAGER + BINARIES)).values()
    assert (app.name, app.command, app.stop.grace) == ("procmond", ("/bin/sh",), 30.0)


def test_explicit_path_then_configured_path_then_default_paths(
    write: Write, tmp_path: Path
) -> None:
    collectors = '[[collectors]]\nid = "a"\ncollector_type = "procmond"\n'
    explicit = 'binary_path = "/bin/cat"\n'
    assert apps(write(MANAGER + BINARIES + collectors + explicit))["a"].command == ("/bin/cat",)
    assert apps(write(MANAGER + BINARIES + collectors))["a"].command == ("/bin/sh",)
    built = tmp_path / "target" / "release" / "procmond"
    built.parent.mkdir(parents=True)
    built.symlink_to("/bin/sh")
    assert apps(write(MANAGER + collectors))["a"].command == (str(built),)
    built.unlink()
    (said,) = sentences(write(MANAGER + collectors))
    assert said == (
        "collectors[0] has no binary_path, and 'procmond' is neither in collector_binaries nor in "
        "/usr/local/bin, /usr/bin, target/release; wanted the path of a program"
    )


def test_collectors_as_json(write: Write) -> None:
    limits = {"max_memory_bytes": 2**20, "max_cpu_percent": 50}
    collector = {"id": "a", "collector_type": "x", "binary_path": "sh", "resource_limits": limits}
    app = apps(write(json.dumps({"collectors": [collector]}), "collectors.json"))["a"]
    assert (app.command, app.restart, app.limits) == (("sh",), "temporary", Limits(2**20, 0.5))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (MANAGER, "has no collector; wanted collector_binaries, or [[collectors]]"),
        (
            f"[process_manager]\nenable_autorestart = true\n{BINARIES}",
            "process_manager.enable_autorestart is unknown; wanted a key of this table "
            "(did you mean 'enable_auto_restart'?)",
        ),
        (
            f"{MANAGER}{BINARIES}[[collectors]]\ncollector_type = 'procmond'",
            "collectors[0] has no id; wanted a name, such as id = 'procmond-1'",
        ),
        (
            f"{MANAGER}{BINARIES}" + "[[collectors]]\nid = 'a'\nbinary_path = 'sh'\n" * 2,
            "collectors[1].id is 'a', which collectors[0] is called too; wanted names that differ "
            "(rename one of them)",
        ),
        (
            f"{MANAGER}[process_manager.collector_binaries]\nprocmond = '/none/procmond'",
            "process_manager.collector_binaries.procmond starts '/none/procmond', which does not "
            "exist; wanted a program that can be executed (check the path)",
        ),
        (
            f"collectors = 3\n{MANAGER}",
            "collectors is 3; wanted a list of tables, [[collectors]]",
        ),
    ],
)
def test_mistakes(write: Write, text: str, sentence: str) -> None:
    assert sentences(write(text)) == [sentence]


@pytest.mark.parametrize("kind", ["x" * 300, "a/b", "\\u0000"])
def test_what_can_be_no_name_of_a_program(write: Write, kind: str) -> None:
    (said,) = sentences(write(f'{MANAGER}[[collectors]]\nid = "a"\ncollector_type = "{kind}"\n'))
    assert "is neither in collector_binaries nor in" in said


def test_our_own_files_are_not_taken_for_its(write: Write) -> None:
    path = write('[apps.process_manager]\ncommand = "sh"\n', "supctl.toml")
    assert load(path, ENVIRON).format == "TOML"


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
COLLECTORS = st.dictionaries(st.sampled_from(list(CollectorKeys.__annotations__)), VALUES)
MANAGERS = st.dictionaries(st.sampled_from(list(ManagerKeys.__annotations__)), VALUES)
ODD = {"id": "a", "binary_path": "/bin/sh"}


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(collectors=st.lists(COLLECTORS.map(lambda it: ODD | it), max_size=3), manager=MANAGERS)
def test_whatever_it_holds_it_loads_or_is_refused(
    tmp_path: Path, collectors: Any, manager: Any
) -> None:
    tables = {"collectors": collectors, "process_manager": manager}
    check(tmp_path / "collectors.json", json.dumps(tables).encode())


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=60))
def test_any_bytes_load_or_are_refused(tmp_path: Path, content: bytes) -> None:
    check(tmp_path / "agent.toml", (MANAGER + BINARIES).encode() + content)


def check(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with suppress(ConfigErrors):
        assert load(path, ENVIRON, to_run_here=False).root.children
