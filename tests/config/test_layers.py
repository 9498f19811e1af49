"""Files over files: include, several files, profiles, defaults."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supctl.config import ConfigErrors, LoadedTree, load
from supctl.config.merging import merge
from supctl.specs import App, ChildSpec, Http, Restart, Supervisor, Tcp, Worker
from supctl.specs.log import Log, LogMode

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


def read(path: Path, **others: Any) -> LoadedTree:
    return load(path, {"PATH": "/usr/bin:/bin"}, **others)


def app(path: Path, name: str = "web", **others: Any) -> App:
    found: ChildSpec = read(path, **others).root
    for part in name.split("/"):
        assert isinstance(found, Supervisor)
        found = next(child for child in found.children if child.name == part)
    assert isinstance(found, App)
    return found


def log_of(app: App) -> Log:
    assert app.log is not None
    return app.log


def sentences(path: Path, **others: Any) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        read(path, **others)
    return [str(mistake).replace(f"{path.parent}/", "") for mistake in caught.value.mistakes]


def test_a_file_lies_over_those_that_it_includes_and_later_ones_over_earlier_ones(
    write: Write,
) -> None:
    write("a.toml", "[apps.web]\ncommand = 'sleep 1'\nenv = {A = 'a', B = 'a', C = 'a'}\n")
    write("b.json", '{"apps": {"web": {"env": {"B": "b", "C": "b"}, "nice": 1}}}')
    path = write(
        "supctl.toml",
        "include = ['a.toml', 'b.json']\n[apps.web.env]\nC = 'c'\n[apps.last]\ncommand = 'sleep 1'",
    )
    tree = read(path)
    assert [child.name for child in tree.root.children] == ["web", "last"]
    web = app(path)
    assert (web.nice, web.command) == (1, ("sleep", "1"))
    assert web.env == {"PATH": "/usr/bin:/bin", "A": "a", "B": "b", "C": "c"}


def test_includes_are_relative_to_their_file_and_all_else_to_the_first(
    write: Write, tmp_path: Path
) -> None:
    write("base/more.toml", "[apps.web]\ncommand = 'sleep 1'\ncwd = '.'\n")
    write("base/base.toml", "include = 'more.toml'\n")
    assert app(write("supctl.toml", "include = ['base/base.toml']")).cwd == str(tmp_path)


def test_a_file_that_is_included_twice_counts_once(write: Write) -> None:
    write("base.toml", "[apps.web]\ncommand = 'sleep 1'\nnice = 1\n")
    write("a.toml", "include = ['base.toml']\n[apps.web]\nnice = 2\n")
    write("b.toml", "include = ['base.toml']\n")
    assert app(write("supctl.toml", "include = ['a.toml', 'b.toml']")).nice == 2


def test_a_circle_of_includes_is_refused_by_name(write: Write) -> None:
    write("a.toml", "include = ['supctl.toml']\n")
    path = write("supctl.toml", "include = ['a.toml']\n[apps.web]\ncommand = 'sleep 1'\n")
    assert sentences(path) == [
        "a.toml: include[0] goes round in a circle: supctl.toml -> a.toml -> supctl.toml; wanted "
        "files that do not include themselves (leave one of these out)"
    ]


def test_what_cannot_be_included_is_told_with_everything_else(write: Write) -> None:
    path = write(
        "supctl.toml", "include = ['no.toml', '${NO}']\n[apps.web]\ncommand = 'sleep 1'\nnice = 'x'"
    )
    missing, unset, nice = sentences(path)
    assert missing.startswith("supctl.toml: include[0] is 'no.toml': no such file or directory")
    assert unset.startswith("supctl.toml: include[1] is '${NO}'; wanted NO to be set")
    assert nice == "supctl.toml: apps.web.nice is 'x'; wanted a whole number"


def test_mistakes_name_the_file_that_they_are_in(write: Write) -> None:
    write("a.toml", "[apps.web]\ncommand = 'sleep 1'\nnice = 'x'\n[apps.db]\nrestart = 'always'\n")
    write("b.toml", "[apps.web]\numask = 'x'\nfoo = 1\n")
    path = write("supctl.toml", "include = ['a.toml', 'b.toml']\n[apps.web]\nstop = 3\n")
    assert [said.partition("; wanted")[0] for said in sentences(path)] == [
        "a.toml: apps.web.nice is 'x'",
        "b.toml: apps.web.umask is 'x'",
        "b.toml: apps.web.foo is unknown",
        "supctl.toml: apps.web.stop is 3",
        "a.toml: apps.db has no command, actor or apps",
    ]


def test_an_included_file_that_does_not_parse_has_its_line(write: Write) -> None:
    write("a.toml", "[apps.web]\nnice = x\n")
    (said,) = sentences(write("supctl.toml", "include = ['a.toml']\n"))
    assert said.startswith("a.toml:2:8: does not parse")


def test_files_that_are_given_lie_over_each_other(write: Write, tmp_path: Path) -> None:
    first = write("supctl.toml", "[apps.web]\ncommand = 'sleep 1'\nnice = 1\n")
    second = write("more/local.toml", "include = ['last.toml']\n[apps.web]\nnice = 2\n")
    write("more/last.toml", "[apps.web]\nnice = 3\numask = '077'\n")
    web = app(first, over=[second])
    assert (web.nice, web.umask, web.cwd) == (2, 0o077, str(tmp_path))


def test_files_of_other_tools_have_neither_layers_nor_most_of_them_profiles(write: Write) -> None:
    theirs = write("services.json", '{"services": [{"name": "a", "command": "sleep"}]}')
    (said,) = sentences(theirs, over=[write("supctl.toml", "[apps.web]\ncommand = 'sleep 1'")])
    assert "services.json: is a file of gosv; wanted files of supctl" in said
    (said,) = sentences(theirs, profile="p")
    assert said.endswith("profile is 'p'; wanted none, as a file of gosv has no profiles")


def test_another_probe_takes_the_place_of_the_one_below(write: Write) -> None:
    ready = "ready = {http = 80, path = '/up', timeout = '5s'}"
    write("a.toml", f"[apps.web]\ncommand = 'sleep 1'\n{ready}\n")
    path = write("supctl.toml", "include = ['a.toml']\n[apps.web]\nready = {tcp = 81}\n")
    ready_of = app(path).ready
    assert ready_of is not None
    assert (ready_of.probe, ready_of.timeout) == (Tcp(81), 5)


PROFILED = """
[apps.web]
command = 'sleep 1'
env = {A = 'a', B = 'b'}
env_production = {B = 'p'}
env_staging = {B = 's'}

[profiles.production]
supervisor = {max_restarts = 3}

[profiles.production.apps]
web = {nice = 5}
more = {command = 'sleep 2'}
"""


def test_a_profile_lies_over_its_file(write: Write) -> None:
    path = write("supctl.toml", PROFILED)
    chosen = read(path, profile="production").root
    assert [child.name for child in chosen.children] == ["web", "more"]
    assert chosen.intensity.max_restarts == 3
    web = app(path, profile="production")
    assert web.nice == 5
    assert web.env == {"PATH": "/usr/bin:/bin", "A": "a", "B": "p"}
    usual = app(path)
    assert usual.nice is None
    assert usual.env == {"PATH": "/usr/bin:/bin", "A": "a", "B": "b"}


def test_an_environment_alone_makes_a_profile(write: Write) -> None:
    env = app(write("supctl.toml", PROFILED), profile="staging").env
    assert env is not None
    assert env["B"] == "s"


def test_an_unknown_profile_names_those_there_are(write: Write) -> None:
    assert sentences(write("supctl.toml", PROFILED), profile="prodution") == [
        "supctl.toml: profile is 'prodution'; wanted one of production, staging "
        "(did you mean 'production'?)"
    ]
    (said,) = sentences(write("a.toml", "[apps.web]\ncommand = 'sleep 1'"), profile="x")
    assert said == (
        "a.toml: profile is 'x'; wanted [profiles.NAME] or env_NAME = {...} in the file, which "
        "has neither"
    )


def test_mistakes_in_a_profile_are_told_as_it_calls_them(write: Write) -> None:
    write("a.toml", "[profiles.p]\nsupervisr = {}\n[profiles.p.apps.web]\nnice = 'x'\n")
    path = write(
        "supctl.toml",
        "include = ['a.toml']\n[apps.web]\ncommand = 'sleep 1'\nenv_p = {A = 1}\nenv_x = 3\n",
    )
    said = sentences(path, profile="p")
    assert [it.partition(";")[0] for it in said] == [
        "a.toml: profiles.p.supervisr is unknown",
        "supctl.toml: apps.web.env_x is unknown",
        "a.toml: profiles.p.apps.web.nice is 'x'",
        "supctl.toml: apps.web.env_p.A is 1",
    ]


DEFAULTS = """
[log]
keep = 9
max_size = "1M"

[defaults]
restart = "never"
env = {A = 'file', B = 'file'}
backoff = {initial = "3s", maximum = "9s"}
log = {keep = 8}
health = {interval = "7s"}

[apps.web]
command = 'sleep 1'
env = {B = 'web'}
backoff = {initial = "4s"}

[apps.asked]
command = 'sleep 1'
health = {http = 80}

[apps.quiet]
command = 'sleep 1'
log = {mode = "none"}

[apps.actor]
actor = "m:C"

[apps.group.defaults]
restart = "on-failure"
backoff = {maximum = "8s"}

[apps.group.apps.inner]
command = 'sleep 1'

[apps.group.apps.own]
command = 'sleep 1'
restart = "always"
"""


def test_what_an_app_does_not_say_is_said_by_the_nearest_defaults(write: Write) -> None:
    path = write("supctl.toml", DEFAULTS)
    web, inner = app(path), app(path, "group/inner")
    assert web.env == {"PATH": "/usr/bin:/bin", "A": "file", "B": "web"}
    assert (web.restart, web.backoff.initial, web.backoff.maximum) == (Restart.TEMPORARY, 4, 9)
    assert (log_of(web).keep, log_of(web).max_size) == (8, 2**20)
    assert web.health is None
    assert (inner.restart, inner.backoff.initial, inner.backoff.maximum) == (
        Restart.TRANSIENT,
        3,
        8,
    )
    assert app(path, "group/own").restart is Restart.PERMANENT


def test_defaults_mean_only_what_can_be_meant(write: Write) -> None:
    path = write("supctl.toml", DEFAULTS)
    health = app(path, "asked").health
    assert health is not None
    assert (health.probe, health.interval) == (Http(80), 7)
    assert log_of(app(path, "quiet")).mode is LogMode.NONE
    worker = next(child for child in read(path).root.children if child.name == "actor")
    assert isinstance(worker, Worker)
    assert worker.restart is Restart.TEMPORARY
    group = next(child for child in read(path).root.children if child.name == "group")
    assert group.restart is Restart.PERMANENT


def test_mistakes_in_defaults_are_told_once_and_where_they_are(write: Write) -> None:
    apps = "".join(f"[apps.a{n}]\ncommand = 'sleep 1'\n" for n in range(3))
    write("base.toml", "[defaults]\ncwd = 'nowhere'\nrestrat = 'never'\nnice = 'x'\n")
    path = write("supctl.toml", f"include = ['base.toml']\n[defaults]\nwithin = 0\n{apps}")
    assert [it.partition(";")[0].partition(",")[0] for it in sentences(path)] == [
        "base.toml: defaults.restrat is unknown",
        "base.toml: defaults.nice is 'x'",
        "supctl.toml: defaults.within is 0.0",
        "base.toml: defaults.cwd is 'nowhere'",
    ]
    said = "\n".join(sentences(path))
    assert said.count("base.toml: defaults.cwd ") == 1
    assert said.count("supctl.toml: defaults.within ") == 1


KEYS = st.sampled_from(
    ["env", "env_p", "env_file", "log", "file", "mode", "health", "http", "interval", "ready"]
) | st.sampled_from(["stop", "grace", "path", "optional", "restart", "cwd", "apps", "command"])
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 2),
    st.sampled_from(["supctl.json", ".", "/dev/null", "\0", "${A}", "${A:-x}", "none", ""]),
)
ANYTHING = st.recursive(
    VALUES,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=4),
    max_leaves=8,
)
TABLE = st.dictionaries(KEYS, ANYTHING, max_size=4)
PROGRAM = st.builds(lambda table: {"command": "sleep 1"} | table, TABLE)
CHILDREN = st.dictionaries(st.sampled_from(["web", "a.b", "-"]), PROGRAM | TABLE, max_size=2)
GROUP = st.fixed_dictionaries({"apps": CHILDREN}, optional={"defaults": TABLE | VALUES})
LAYER = {
    "apps": st.dictionaries(st.sampled_from(["web", "group"]), PROGRAM | GROUP | TABLE) | VALUES,
    "defaults": TABLE | VALUES,
    "log": TABLE | VALUES,
}
FILES = st.fixed_dictionaries(
    {},
    optional={
        **LAYER,
        "include": VALUES | st.lists(VALUES, max_size=2),
        "profiles": st.fixed_dictionaries({"p": st.fixed_dictionaries({}, optional=LAYER)}),
        "other": VALUES,
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=FILES, profile=st.sampled_from(["", "p"]))
def test_whatever_a_file_says_it_is_a_tree_or_has_mistakes(
    tmp_path: Path, document: dict[str, Any], profile: str
) -> None:
    path = tmp_path / "supctl.json"
    path.write_text(json.dumps(document))
    found: Sequence[object]
    try:
        found = read(path, profile=profile).root.children
    except ConfigErrors as errors:
        found = errors.mistakes
    assert found
    assert len(found) == len({str(it) for it in found})


NESTED = st.recursive(
    st.integers(), lambda below: st.dictionaries(st.sampled_from("abc"), below, max_size=3)
)
TABLES = st.dictionaries(st.sampled_from("abc"), NESTED)


@given(TABLES, TABLES)
def test_what_lies_above_is_all_said(below: dict[str, Any], above: dict[str, Any]) -> None:
    merged = merge(below, above, "", lambda _: None)
    assert merge(merged, above, "", lambda _: None) == merged
    assert list(merged)[: len(below)] == list(below)
    said: list[str] = []
    assert merge({}, above, "", said.append) == above
    assert said == list(above)
