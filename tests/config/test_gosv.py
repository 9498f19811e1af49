from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from supctl.config import ConfigErrors, load
from supctl.specs import App, Backoff, Jitter, Limits, Stop, Supervisor

Write = Callable[..., Path]
ENVIRON = {"PATH": "/usr/bin:/bin", "ANYTHING": "x"}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(services: Any, name: str = "services.json", **others: Any) -> Path:
        path = tmp_path / name
        path.write_text(json.dumps({"services": services, **others}))
        return path

    return write


def sentences(path: Path) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        load(path, ENVIRON)
    return [str(mistake).removeprefix(f"{path}: ") for mistake in caught.value.mistakes]


@pytest.mark.parametrize("name", ["services.json", "production.json", "any-name"])
def test_gosvs_own_example(
    write: Write, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    web = {"name": "web", "command": "sh", "args": ["-c", "x"], "max_restarts": 5}
    web |= {"memory_mb": 256, "cpu_percent": 50}
    loaded = load(write([web, {"name": "worker", "command": "/bin/sh"}], name), ENVIRON)
    backoff = Backoff(1.0, 2.0, 30.0, Jitter.NONE, 60.0)
    limits = Limits(memory=256 * 2**20, cpu=0.5)
    usual: dict[str, Any] = {"env": MappingProxyType(ENVIRON), "cwd": str(Path.cwd())}
    usual["backoff"] = backoff
    assert loaded.format == "gosv"
    assert loaded.root == Supervisor(
        # Called as its file, or as its directory where the file is called as such files are.
        tmp_path.name if name == "services.json" else name.removesuffix(".json"),
        [
            App("web", ["sh", "-c", "x"], give_up_after=5, limits=limits, **usual),
            App("worker", ["/bin/sh"], give_up_after=3, **usual),
        ],
        stop=Stop(grace=10.0),
        max_restarts=None,
        start="concurrent",
        start_failures="retry",
    )


def test_zero_is_gos_way_to_say_nothing(write: Write) -> None:
    service = {"name": "a", "command": "sh", "memory_mb": 0, "cpu_percent": 0}
    (app,) = load(write([service]), ENVIRON).root.children
    assert isinstance(app, App)
    assert app.limits == Limits()


def test_that_the_environment_is_inherited_is_noted(write: Write) -> None:
    loaded = load(write([{"name": "a", "command": "sh"}]), ENVIRON)
    assert [note.split(",")[0] for note in loaded.notes] == [
        "services inherit the whole environment and the directory supctl is started in"
    ]


@pytest.mark.parametrize(
    ("service", "sentence"),
    [
        (3, "services[1] is 3; wanted a table of keys and values"),
        ({"command": "sh"}, "services[1] has no name; wanted a name and a command"),
        ({"name": "b"}, "services[1] has no command; wanted a name and a command"),
        ({"name": "b", "command": ""}, "services[1].command is ''; wanted text, not empty"),
        ({"name": "b", "command": "sh", "args": "x"}, "services[1].args is 'x'; wanted a list of"),
        ({"name": "b c", "command": "sh"}, "services[1].name is 'b c'; wanted 1 to 128"),
        (
            {"name": "a", "command": "sh"},
            "services[1].name is 'a', which services[0] is called too; wanted names that differ",
        ),
        (
            {"name": "b", "command": "sh", "memory_mbb": 1},
            "services[1].memory_mbb is unknown; wanted a key of this service "
            "(did you mean 'memory_mb'?)",
        ),
        (
            {"name": "b", "command": "sh", "memory_mb": -1},
            "services[1].memory_mb is -1; wanted megabytes, 0 or more",
        ),
        (
            {"name": "b", "command": "sh", "max_restarts": -1},
            "services[1].max_restarts is -1; wanted 0 or more",
        ),
        (
            {"name": "b", "command": "no-such-program"},
            "services[1].command starts 'no-such-program', which is in no directory of its PATH",
        ),
    ],
)
def test_a_mistake_is_placed_by_the_number_of_the_service(
    write: Write, service: Any, sentence: str
) -> None:
    (said,) = sentences(write([{"name": "a", "command": "sh"}, service]))
    assert said.startswith(sentence)


def test_no_services(write: Write) -> None:
    assert sentences(write([])) == [
        "services holds nothing; wanted at least one service with name and command"
    ]


def test_keys_beside_the_services_are_not_passed_over(write: Write) -> None:
    service = {"name": "a", "command": "sh"}
    assert sentences(write([service], log="x")) == ["log is unknown; wanted one of services"]


def test_services_of_another_tool_are_not_taken_for_gosvs(write: Write) -> None:
    said = sentences(write({"web": {"image": "nginx"}}))
    assert said[0].startswith("services is unknown; wanted a key of this file")
