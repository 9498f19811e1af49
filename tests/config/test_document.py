"""Trees as documents: what they look like, and what no document can say."""

from __future__ import annotations

import functools
import os
import pwd
import signal
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from supctl import Actor
from supctl.config import ConfigErrors, load
from supctl.config.document import as_native, read_native
from supctl.errors import InvalidConfig
from supctl.specs import (
    App,
    Backoff,
    DynamicSupervisor,
    Jitter,
    Limits,
    PartitionSupervisor,
    Pool,
    StartRate,
    Stop,
    Supervisor,
    Worker,
)

ELSEWHERE = {"PATH": "/another", "HOME": "/another", "LC_ALL": "another"}
"""The environment of whoever reads: nothing of it may get into an exact environment."""


def read(document: dict[str, Any]) -> Supervisor:
    return read_native(document, "tree", Path("/somewhere"), ELSEWHERE)


def test_what_has_its_default_is_not_written() -> None:
    root = Supervisor(
        "tree",
        [
            App("a", ["ls"], cwd="/", env={"A": "b"}),
            App("ours", ["ls"], cwd="/"),
            Worker("w", "m:C"),
            Supervisor("s", [Worker("w", "m:C")], start_rate=StartRate(), start_failures="retry"),
        ],
        max_restarts=None,
        start_failures="retry",
    )
    assert as_native(root) == {
        "apps": {
            "a": {"command": ["ls"], "cwd": "/", "inherit_env": "nothing", "env": {"A": "b"}},
            "ours": {"command": ["ls"], "cwd": "/", "inherit_env": "at-start"},
            "w": {"actor": "m:C"},
            "s": {"start_rate": {}, "apps": {"w": {"actor": "m:C"}}},
        }
    }


def test_values_are_written_for_people_to_read() -> None:
    app = App(
        "a",
        ["ls", "-l"],
        cwd="/",
        restart="temporary",
        backoff=Backoff(jitter=Jitter.NONE, initial=1),
        stop=Stop(signal.SIGINT, 2.5),
        limits=Limits(memory=2**20, cpu=0.5),
        umask=0o22,
        rlimits={"nofile": (1024, -1)},
    )
    nested = Supervisor(
        "s", [Worker("w", "m:C", hung_after=None)], max_restarts=None, start_failures="retry"
    )
    assert as_native(Supervisor("tree", [app, nested], start="concurrent")) == {
        "supervisor": {"max_restarts": 1, "start": "concurrent", "start_failures": "escalate"},
        "apps": {
            "a": {
                "command": ["ls", "-l"],
                "cwd": "/",
                "inherit_env": "at-start",
                "restart": "never",
                "backoff": {"jitter": "none", "initial": 1},
                "stop": {"signal": "INT", "grace": 2.5, "force": 5.0},
                "limits": {"memory": 2**20, "cpu": 0.5},
                "umask": "022",
                "rlimits": {"nofile": [1024, "unlimited"]},
            },
            "s": {
                "max_restarts": "unlimited",
                "apps": {"w": {"actor": "m:C", "hung_after": "never"}},
            },
        },
    }


def test_children_keep_their_order() -> None:
    apps = [App(name, ["ls"], cwd="/") for name in ("c", "a", "b")]
    assert list(as_native(Supervisor("tree", apps))["apps"]) == ["c", "a", "b"]


def test_an_exact_environment_stays_as_it_is_whoever_reads_and_runs() -> None:
    me = pwd.getpwuid(os.geteuid()).pw_name
    root = Supervisor("tree", [App("a", ["ls"], cwd="/", user=me, env={})])
    assert read(as_native(root)) == root


def test_a_directory_is_written_as_it_is_meant_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root = Supervisor("tree", [App("ours", ["ls"]), App("below", ["ls"], cwd="sub")])
    directories = [table["cwd"] for table in as_native(root)["apps"].values()]
    assert directories == [str(tmp_path), str(tmp_path / "sub")]


def test_a_class_is_written_as_its_place() -> None:
    document = as_native(Supervisor("tree", [Worker("w", Backoff)]))
    assert document["apps"]["w"] == {"actor": "supctl.specs.policy:Backoff"}


def test_what_a_file_says_is_written_as_it_was_understood(tmp_path: Path) -> None:
    text = "[apps.a]\ncommand = 'sleep 1'\nlimits.memory = '1M'\nrestart = 'on-failure'\n"
    (tmp_path / "supctl.toml").write_text(text)
    root = load(tmp_path, {"PATH": "/bin:/usr/bin"}).root
    document = as_native(root)
    assert read_native(document, root.name, Path("/"), {}) == root
    assert document["apps"]["a"]["limits"] == tomllib.loads("memory = 1048576")


class Local(Actor):
    pass


Local.__qualname__ = "test.<locals>.Local"


class Method:
    async def run(self) -> None:
        """Nothing: it is only named here."""


def circle() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


def tree(**options: Any) -> Supervisor:
    return Supervisor("tree", [Worker("w", "m:C")], **options)


def worker(*args: Any, **options: Any) -> Supervisor:
    return Supervisor("tree", [Worker("w", "m:C", *args, **options)])


def actor(code: Any) -> Supervisor:
    return Supervisor("tree", [Worker("w", code)])


def app(**options: Any) -> Supervisor:
    return Supervisor("tree", [App("a", ["ls"], **options)])


IMPORTED = "wanted a class or function that can be imported"
HOLD = "wanted what a file holds: text, numbers of 64 bits"


@pytest.mark.parametrize(
    ("root", "place", "sentence"),
    [
        (Supervisor("tree", list), "supervisor.children", "wanted a list of specs"),
        (Supervisor("tree"), "apps", "wanted at least one child"),
        (Supervisor("tree", [Supervisor("s")]), "apps.s.apps", "wanted at least one child"),
        (Supervisor("tree", [Supervisor("s", list)]), "apps.s.children", "list the children"),
        (Pool("tree", "m:C"), "supervisor", "is 'Pool'; wanted App, Worker or Supervisor"),
        (Supervisor("tree", [Pool("p", "m:C")]), "apps.p", "start it from Python"),
        (
            Supervisor("tree", [DynamicSupervisor("d", Worker("w", "m:C"))]),
            "apps.d",
            "is 'DynamicSupervisor'",
        ),
        (
            Supervisor("tree", [PartitionSupervisor("d", Worker("w", "m:C"), partitions=2)]),
            "apps.d",
            "is 'PartitionSupervisor'",
        ),
        (tree(restart="transient"), "supervisor.restart", "files have no such key here"),
        (tree(isolation="process"), "supervisor.isolation", "files have no such key here"),
        (actor(Local), "apps.w.actor", IMPORTED),
        (actor(lambda: None), "apps.w.actor", IMPORTED),
        (actor(Method().run), "apps.w.actor", IMPORTED),
        (actor(functools.partial(print)), "apps.w.actor", IMPORTED),
        (worker(1, b"x"), "apps.w.args[1]", HOLD),
        (worker((1, 2)), "apps.w.args[0]", HOLD),
        (worker([{"a": {1}}]), "apps.w.args[0][0].a", HOLD),
        (worker(float("nan")), "apps.w.args[0]", HOLD),
        (worker(2**63), "apps.w.args[0]", HOLD),
        (worker("\ud800"), "apps.w.args[0]", HOLD),
        (worker({1: 2}), "apps.w.args[0]", HOLD),
        (worker(kwargs={"x": object}), "apps.w.kwargs.x", HOLD),
        (worker(circle()), "apps.w.args[0][0]", "is 'nested too deeply'; wanted fewer"),
        (app(env={"A": "\udcff"}), "apps.a.env.A", HOLD),
        (app(limits=Limits(memory=1)), "apps.a.limits.memory", "wanted at least one page"),
        (app(instances=10_001), "apps.a.instances", "wanted a number from 1 to 10000"),
        (app(rlimits={"nofil": (1, 1)}), "apps.a.rlimits.nofil", "nofile"),
        (app(user="1000"), "apps.a.user", "this is read as 1000"),
        (app(detached=1), "apps.a.detached", "wanted true or false"),
    ],
)
def test_what_a_file_cannot_say_is_refused(root: Supervisor, place: str, sentence: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        as_native(root)
    assert caught.value.field.startswith(place)
    assert sentence in str(caught.value)


def test_the_class_of_a_script_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(Method=Method))
    monkeypatch.setattr(Method, "__module__", "__main__")
    with pytest.raises(InvalidConfig, match="not of the script"):
        as_native(actor(Method))


def test_a_document_that_cannot_be_read_is_refused_with_all_that_is_wrong() -> None:
    with pytest.raises(ConfigErrors) as caught:
        read({"apps": {"a": {"command": ["ls"], "nice": 99, "x": 1}}})
    assert [mistake.place for mistake in caught.value.mistakes] == ["apps.a.x", "apps.a.nice"]


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({1: 2}, ""),
        ({"apps": {b"a": {}}}, "apps"),
        ({"apps": {"w": {"actor": "m:C", "args": circle()}}}, "apps.w.args[0][0]"),
    ],
)
def test_a_document_that_no_file_could_hold_is_refused(document: Any, place: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        read(document)
    (mistake,) = caught.value.mistakes
    assert mistake.place.startswith(place)
