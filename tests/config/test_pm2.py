from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supctl.config import ConfigErrors, load
from supctl.config.imports import Fate
from supctl.config.loading import LoadedTree
from supctl.config.translation import as_toml
from supctl.specs import App, Backoff, Jitter, Limits, Secret, Sources, Stop

Write = Callable[..., Path]
ENVIRON = {"PATH": "/usr/bin:/bin", "ANYTHING": "x"}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.chdir(tmp_path)

    def write(content: Any, name: str = "ecosystem.json") -> Path:
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / name).write_text(text)
        return Path(name)

    return write


def loaded(path: Path, **environ: str) -> LoadedTree:
    return load(path, ENVIRON | environ, to_run_here=False)


def env_of(path: Path, profile: str) -> Mapping[str, str | Secret]:
    (app,) = load(path, {}, profile=profile, to_run_here=False).root.children
    assert isinstance(app, App)
    assert app.env is not None
    return app.env


def app_of(path: Path, **environ: str) -> App:
    (app,) = loaded(path, **environ).root.children
    assert isinstance(app, App)
    return app


def sentences(path: Path) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        loaded(path)
    return [str(mistake).removeprefix(f"{path}:").strip() for mistake in caught.value.mistakes]


def remark(tree: LoadedTree, place: str) -> tuple[Fate, str, str]:
    (found,) = (it for it in tree.remarks if it.place == place)
    return found.fate, found.became, found.detail


def test_where_nothing_is_said_pm2s_defaults_hold(write: Write, tmp_path: Path) -> None:
    tree = loaded(write({"apps": [{"script": "sleep", "args": "60"}]}))
    (app,) = tree.root.children
    assert tree.format == "PM2"
    assert app == App(
        "sleep",
        ["sleep", "60"],
        cwd=tmp_path,
        env={**ENVIRON, "NODE_APP_INSTANCE": "{index}"},
        backoff=Backoff(initial=0.0),
        max_restarts=15,
        within=16.0,
        stop=Stop(signal=2, grace=1.6),
    )


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ({"apps": [{"script": "sleep"}, {"script": "cat"}]}, ["sleep", "cat"]),
        ({"apps": {"script": "sleep"}}, ["sleep"]),
        ({"pm2": [{"script": "sleep"}]}, ["sleep"]),
        ([{"script": "sleep"}], ["sleep"]),
        ({"script": "sleep"}, ["sleep"]),
        ({"apps": [{"script": "dist/app.min.js"}]}, ["app.min"]),
        ({"apps": [{"script": "npm run x.y"}]}, ["npm-run-x"]),
        ({"apps": [{"script": "cat", "name": "a"}, {"script": "cat", "name": "a"}]}, ["a", "a-2"]),
        ({"apps": [{"script": "cat", "name": "../\u2603 x"}]}, ["x"]),
    ],
)
def test_where_the_apps_are_and_what_they_are_called(
    write: Write, content: Any, names: list[str]
) -> None:
    found = [app.name.lstrip("-") for app in loaded(write(content)).root.children]
    assert found == names


@pytest.fixture
def scripts(tmp_path: Path) -> None:
    (tmp_path / "app.js").write_text("")
    (tmp_path / "app.py").write_text("")
    (tmp_path / "tool").write_text("console.log(1)")
    (tmp_path / "own").write_text("#!/bin/sh\n")
    (tmp_path / "binary").write_bytes(b"\x7fELF\0\0")
    (tmp_path / "bin").mkdir()
    for name in ("python3", "npm"):
        (tmp_path / "bin" / name).write_text("#!/usr/bin/env node\n")
        (tmp_path / "bin" / name).chmod(0o755)


@pytest.mark.usefixtures("scripts")
@pytest.mark.parametrize(
    ("said", "command"),
    [
        ({"script": "app.js"}, ["node", "app.js"]),
        ({"script": "./app.js", "node_args": "--a --b=1"}, ["node", "--a", "--b=1", "./app.js"]),
        ({"script": "app.py"}, ["python3", "app.py"]),
        ({"script": "app.py", "interpreter": "./venv/python"}, ["./venv/python", "app.py"]),
        ({"script": "tool", "args": ["x", 1, True]}, ["node", "tool", "x", "1", "true"]),
        ({"script": "own"}, ["./own"]),
        ({"script": "binary"}, ["./binary"]),
        ({"script": "npm", "args": "run start"}, ["npm", "run", "start"]),
        ({"script": "npm", "node_args": ["-x"]}, ["node", "-x", "BIN/npm"]),
        ({"script": "app.js", "interpreter": "none"}, ["./app.js"]),
        ({"script": "app.js", "interpreter": "node@20.1.0"}, ["node", "app.js"]),
        ({"script": "PORT=1 npm start", "args": "x"}, ["bash", "-c", "PORT=1 npm start"]),
        ({"exec": "app.js", "interpreterArgs": ["-x"]}, ["node", "-x", "app.js"]),
        (
            {"script": "binary", "args": """--a "b c" --d="e f" 'g h' i'"""},
            ["./binary", "--a", "b c", '--d="e f"', "g h", "i'"],
        ),
    ],
)
def test_the_program_is_the_one_that_pm2_would_start(
    write: Write, tmp_path: Path, said: dict[str, Any], command: list[str]
) -> None:
    app = app_of(write({"apps": [said]}), PATH=f"{tmp_path}/bin:/bin")
    assert list(app.command) == [word.replace("BIN", f"{tmp_path}/bin") for word in command]


@pytest.mark.usefixtures("scripts")
def test_a_program_in_python_writes_without_a_buffer(write: Write) -> None:
    app = app_of(write([{"script": "app.py"}]))
    assert app.env is not None
    assert app.env["PYTHONUNBUFFERED"] == "1"


def test_a_script_that_is_not_there_is_noted(write: Write, tmp_path: Path) -> None:
    tree = loaded(write([{"script": "missing.js"}]))
    assert tree.notes[-1] == (
        f"[0].script is 'missing.js', which is neither in {tmp_path} nor on the PATH"
    )


@pytest.mark.parametrize(
    ("said", "copies"),
    [(1, 1), ("2", 2), ("3,", 3), ("max", os.cpu_count()), (0, os.cpu_count()), (-999, 1)],
)
def test_instances_are_counted_as_pm2_does(write: Write, said: Any, copies: int) -> None:
    assert app_of(write([{"script": "sleep", "instances": said}])).instances == copies


def test_copies_know_their_number_and_count_variables_up(write: Write) -> None:
    said = {"script": "sleep", "instances": 3, "instance_var": "I", "args": "{index}"}
    variables = {"PORT": 3000, "N": 0, "M": 1, "Q": 7, "W": "x"}
    env_of_copies = {
        name: [
            {it: own.environment({})[it] for it in ("I", "PORT", name)}
            for own in map(app.instance, (1, 2, 3))
        ]
        for name in variables
        for app in [app_of(write([{**said, "increment_var": name, "env": variables}]))]
    }
    same = {"N": "0", "M": "1", "Q": "7", "W": "x"}
    counted = {"PORT": (3000, 3001, 3002), "N": (0, 1, 2), "M": (1, 2, 3), "Q": (7, 8, 9)}
    assert env_of_copies == {
        name: [
            {"I": str(index), "PORT": "3000", **({name: same[name]} if name in same else {})}
            | ({name: str(counted[name][index])} if name in counted else {})
            for index in range(3)
        ]
        for name in variables
    }
    app = app_of(write([said]))
    assert app.instance(2).command == ("sleep", "{index}")


@pytest.mark.parametrize(
    ("value", "fate", "became"),
    [
        (3000, Fate.MAPPED, "apps.sleep.port"),
        (0, Fate.MAPPED, "apps.sleep.env"),
        (None, Fate.MAPPED, "apps.sleep.env"),
        ("x", Fate.LEFT_OUT, ""),
        (65535, Fate.LEFT_OUT, ""),
    ],
)
def test_what_cannot_be_counted_up_is_said(
    write: Write, value: object, fate: Fate, became: str
) -> None:
    app = {"script": "sleep", "instances": 3, "increment_var": "PORT", "env": {"PORT": value}}
    assert remark(loaded(write([app])), "[0].increment_var")[:2] == (fate, became)


def test_copies_of_a_cluster_share_their_port(write: Write) -> None:
    clusters = [{"script": "a.js", "instances": 2}, {"script": "b.js", "instances": 1}]
    others = [{"script": "c.js", "instances": 2, "exec_mode": "fork"}]
    others += [{"script": "d.py", "instances": 2, "exec_mode": "cluster"}]
    tree = loaded(write(clusters + others))
    sharing = [it.name for it in tree.root.children if "share_port.cjs" in str(it)]
    assert sharing == ["a"]
    assert remark(tree, "[0].instances")[:2] == (Fate.CHANGED, "apps.a.instances")
    assert remark(tree, "[1].instances")[0] is Fate.MAPPED
    assert "Node.js 22.12" in remark(tree, "[0].instances")[2]
    assert "none shares a port" in remark(tree, "[3].exec_mode")[2]


@pytest.mark.parametrize(
    ("said", "field", "value"),
    [
        ({"autorestart": False}, "restart", "temporary"),
        ({"restart_delay": 4000}, "backoff", Backoff(4.0, 1.0, 4.0, Jitter.NONE)),
        (
            {"exp_backoff_restart_delay": 100},
            "backoff",
            Backoff(0.1, 1.5, 15.0, Jitter.NONE, 30.0),
        ),
        ({"max_restarts": 10, "min_uptime": "5s"}, "max_restarts", 9),
        ({"max_restarts": 10, "min_uptime": "5s"}, "within", 50.0),
        ({"max_restarts": 0}, "max_restarts", 0),
        ({"stop_exit_codes": [0, "3"]}, "stop_exit_codes", (0, 3)),
        ({"kill_timeout": "5000"}, "stop", Stop(signal=2, grace=5.0)),
        ({"max_memory_restart": "300M"}, "limits", Limits(memory=300 * 2**20)),
        ({"namespace": "jobs"}, "tags", ("jobs",)),
        ({"autostart": False}, "autostart", False),
        ({"uid": "nobody", "gid": 65534}, "user", "nobody"),
        ({"uid": "nobody", "gid": 65534}, "group", 65534),
    ],
)
def test_an_attribute_means_here_what_it_means_there(
    write: Write, said: dict[str, Any], field: str, value: object
) -> None:
    assert getattr(app_of(write([{"script": "sleep", **said}])), field) == value


def test_variables_are_text_and_those_of_the_profile_come_last(write: Write) -> None:
    env = {"A": 1, "B": True, "C": None, "D": {"e": [1.5]}, "F": "x"}
    said = {"script": "sleep", "env": env, "env_x": {"F": "y"}, "port": 80, "filter_env": True}
    tree = loaded(write([said]))
    (app,) = tree.root.children
    assert isinstance(app, App)
    expected = {"A": "1", "B": "true", "C": "null", "D": '{"e":[1.5]}', "F": "x", "PORT": "80"}
    assert app.env == {"PATH": ENVIRON["PATH"], "NODE_APP_INSTANCE": "{index}"} | expected
    assert remark(tree, "[0].env_x") == (Fate.MAPPED, "apps.sleep.env_x", "")


def test_a_profile_is_what_pm2_calls_an_env(write: Write) -> None:
    said = {"script": "sleep", "env": {"A": "1", "B": "1"}, "env_x": {"B": "2"}}
    deploy = {"x": {"env": {"A": "0", "C": "0"}}}
    path = write({"apps": [said | {"append_env_to_name": True}], "deploy": deploy})
    assert env_of(path, "x") == {"A": "1", "B": "2", "C": "0", "NODE_APP_INSTANCE": "{index}"}
    assert env_of(path, "") == {"A": "1", "B": "1", "NODE_APP_INSTANCE": "{index}"}
    tree = load(path, {}, profile="x", to_run_here=False)
    assert [app.name for app in tree.root.children] == ["sleep-x"]
    notes = load(path, {}, profile="y", to_run_here=False).notes
    assert "no app has env_y; the file has env_x" in notes


def test_a_file_of_variables_is_read_though_pm2_does_not(write: Write, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / ".env").write_text("A=1\nB=1\n")
    said = {"script": "sleep", "cwd": "sub", "env": {"B": "2"}, "env_file": ".env"}
    path = write([said])
    assert env_of(path, "") == {"A": "1", "B": "2", "NODE_APP_INSTANCE": "{index}"}
    assert remark(loaded(path), "[0].env_file")[0] is Fate.CHANGED


@pytest.mark.parametrize(
    ("said", "document"),
    [
        ({}, None),
        ({"out_file": "logs/o", "error_file": "/e"}, {"file": "sub/logs/o", "error_file": "/e"}),
        ({"out_file": "o", "err_log": "./o"}, {"file": "sub/o", "together": True}),
        ({"log_file": "all"}, {"file": "sub/all", "together": True}),
        ({"log": True}, None),
        ({"output": "~/o"}, {"file": f"{Path.home()}/o"}),
        ({"disable_logs": True, "log_file": "x"}, {"mode": "none"}),
        ({"out": "/dev/null", "err": "NULL"}, {"mode": "none"}),
        ({"out": "/dev/null"}, None),
        ({"time": True}, {"mode": "timestamped"}),
        ({"log_date_format": "YYYY"}, {"mode": "timestamped"}),
        ({"log_type": "json"}, {"mode": "json"}),
        ({"merge_logs": True, "instances": 2}, {"merged": True}),
        ({"merge_logs": True}, None),
    ],
)
def test_where_the_output_goes(write: Write, said: dict[str, Any], document: object) -> None:
    tree = loaded(write([{"script": "sleep", "cwd": "sub", **said}]))
    assert tree.document["apps"]["sleep"].get("log") == document
    assert tree.document["apps"]["sleep"]["cwd"] == "sub"


def test_paths_hang_on_where_the_command_was_given_not_on_the_file(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / write([{"script": "sleep", "out_file": "o"}, {"script": "cat", "cwd": "s"}])
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    first, second = loaded(path).root.children
    assert isinstance(first, App)
    assert isinstance(second, App)
    assert (first.cwd, second.cwd) == (f"{tmp_path}/below", f"{tmp_path}/below/s")
    assert first.log is not None
    assert first.log.file == f"{tmp_path}/below/o"


def test_a_file_of_a_directory_above_is_run_from_there(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app.js").write_text("")
    path = tmp_path / write([{"script": "app.js"}])
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    tree = loaded(path)
    assert [app.cwd for app in tree.root.children if isinstance(app, App)] == [str(tmp_path)]
    assert tree.notes[-1].startswith(f"[0].script is 'app.js', which is in {tmp_path}: the app")


@pytest.mark.parametrize(
    ("said", "watch"),
    [
        ({"watch": True}, Sources(ignore=[".*"], gitignore=False)),
        ({"watch": False, "ignore_watch": ["x"], "watch_delay": 1}, None),
        (
            {"watch": "src/**/*.js", "ignore_watch": ["logs", "*.log", "[\\/]\\."]},
            Sources(["src"], ignore=["logs", "*.log"], gitignore=False),
        ),
        (
            {"watch": ["./a", "b.js", "*.ts"], "watch_delay": 1500, "ignore_watch": "tmp"},
            Sources(["./a", "b.js", "."], ignore=["tmp"], gitignore=False, debounce=1.5),
        ),
    ],
)
def test_watch(write: Write, said: dict[str, Any], watch: Sources | None) -> None:
    tree = loaded(write([{"script": "cat", "watch_options": {"usePolling": True}, **said}]))
    (app,) = tree.root.children
    assert isinstance(app, App)
    assert app.watch == watch
    assert {*said, "watch_options"} <= {it.place.rpartition(".")[2] for it in tree.remarks}


def test_every_key_is_told_of_in_the_order_of_the_file(write: Write) -> None:
    app = {"watch": True, "script": "sleep", "nmae": 1, "wait_ready": False, "pmx": False}
    app |= {"exec": "cat", "cron": "0 0 * * *", "instance_var": "I", "max_restarts": None}
    tree = loaded(write({"deploy": {}, "apps": [app], "max_restarts": 3}))
    assert [str(it) for it in tree.remarks] == [
        "deploy (left out): supctl deploys nothing",
        "max_restarts (left out): PM2 heeds nothing beside apps; say it in every app",
        "apps[0] -> apps.sleep (mapped)",
        "apps[0].watch -> apps.sleep.watch (mapped)",
        "apps[0].script -> apps.sleep.command (mapped)",
        "apps[0].nmae (left out): PM2 does not know it either; did you mean 'name'?",
        "apps[0].wait_ready -> apps.sleep (mapped)",
        "apps[0].pmx (left out): it is for PM2's monitoring service",
        "apps[0].exec (left out): script says it already",
        "apps[0].cron (left out): supctl restarts nothing by the clock",
        "apps[0].instance_var -> apps.sleep.env (mapped)",
        "apps[0].max_restarts (left out): it has no value",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([{"script": "cat", "watch": "true", "autorestart": "false"}], 1),
        ([{"script": 1}], 1),
        ([{"name": "script"}], 1),
        ([{"script": "cat"}, 3], 1),
        ([{"script": "cat", "min_uptime": 1, "kill_timeout": -1, "exec_mode": "x"}], 3),
        ([{"script": "cat", "max_memory_restart": "many", "instances": 99999}], 2),
        ({"apps": [], "script": ""}, 1),
        ("{apps: [{script: 'cat',, }]}", 1),
    ],
)
def test_all_mistakes_are_told(write: Write, content: Any, said: int) -> None:
    assert len(sentences(write(content))) == said


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            {"autorestart": "false"},
            "[0].autorestart is 'false'; wanted true or false (leave the quotes out)",
        ),
        ({"exec_mode": "x"}, "[0].exec_mode is 'x'; wanted fork or cluster"),
        (
            {"min_uptime": "5 minutes"},
            "[0].min_uptime is '5 minutes'; wanted milliseconds, 100 or more, "
            'or text such as "10s"',
        ),
        ({"max_memory_restart": "many"}, "[0].max_memory_restart is 'many'; wanted a size such"),
        ({"stop_exit_codes": [256]}, "[0].stop_exit_codes is [256]; wanted exit codes from 0"),
    ],
)
def test_a_mistake_has_the_place_that_its_file_has(
    write: Write, said: dict[str, Any], sentence: str
) -> None:
    (found,) = sentences(write([{"script": "sleep", **said}]))
    assert found.startswith(sentence)


def test_json_that_is_javascript_is_read_as_such(write: Write) -> None:
    path = write(
        "\ufeff{\r\n  // web\r\n  apps: [{script: 'sleep', script: `cat`,},],}", "pm2.json"
    )
    assert app_of(path).command == ("cat",)


def test_where_json_does_not_parse_is_said(write: Write) -> None:
    (sentence,) = sentences(write('{"apps": [\n  {"script": "cat" "name": 1}]}'))
    place = "in place of a comma or }"
    assert sentence == f"""2:20: does not parse: found '"name": 1}}]}}' {place}; wanted JSON"""


def test_yaml_is_read_as_pm2_reads_it(write: Write) -> None:
    text = "apps:\n  - script: sleep\n    instances: 2,\n    env:\n      A: no\n      B: 1.50\n"
    app = app_of(write(text, "process.yml"))
    assert app.instances == 2
    assert app.env is not None
    assert (app.env["A"], app.env["B"]) == ("no", "1.5")
    (sentence,) = sentences(write("apps:\n  - script: cat\n    port: .inf\n", "x.yaml"))
    assert sentence == "apps[0].port is inf; wanted a number"


EXAMPLES = Path(__file__).parents[2] / "examples" / "formats"


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_the_example_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES / "pm2")
    tree = load(None, os.environ, to_run_here=False)
    assert tree.source.name == "ecosystem.config.js"
    names = [app.name for app in tree.root.children]
    assert names == ["web", "worker-mail", "worker-images", "clock"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("supctl.yaml", "apps:\n  a:\n    command: [script]\n"),
        ("supctl.json", {"apps": {"a": {"command": ["script"]}}}),
        ("services.json", {"services": [{"name": "script", "command": "sleep"}]}),
    ],
)
def test_what_is_not_pm2s_is_not_taken_for_it(write: Write, name: str, content: Any) -> None:
    assert loaded(write(content, name)).format != "PM2"


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("webpack.config.js", "module.exports = {mode: f()}", "has no apps with a script; wanted"),
        ("pm2.config.js", "module.exports = {a: 1}", "is a table without apps; wanted {apps: ["),
    ],
)
def test_javascript_of_another_tool_is_not_evaluated(
    write: Write, name: str, content: str, sentence: str
) -> None:
    (found,) = sentences(write(content, name))
    assert found.startswith(sentence)


KEYS = st.sampled_from(
    [
        *("script", "name", "args", "cwd", "instances", "env", "env_x", "watch", "out_file", "log"),
        *("min_uptime", "max_restarts", "interpreter", "kill_timeout", "max_memory_restart"),
        *("stop_exit_codes", "namespace", "uid", "port", "node_args", "error", "restart_delay"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.dictionaries(KEYS, VALUES), max_size=3) | VALUES)
def test_any_document_is_read_or_refused(write: Write, content: Any) -> None:
    path = write(json.dumps({"apps": content, "//": "script"}))
    try:
        loaded(path)
    except ConfigErrors as errors:
        assert str(errors)  # noqa: PT017 - that it can be shown is what is asked


@pytest.mark.parametrize("name", ["ecosystem.json", "process.yml", "pm2.json5"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(content=st.binary())
def test_any_bytes_are_read_or_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content + b"script")
    with pytest.raises(ConfigErrors):
        loaded(path)


def test_what_pm2_itself_does_not_find_is_noted(write: Write) -> None:
    text = "export default {\n  apps: [{script: 'sleep'}],\n};\n"
    notes = loaded(write(text, "ecosystem.config.mjs")).notes
    assert "PM2 itself (7.0) finds no apps in what is exported by default" in notes


def test_what_is_written_means_the_same(write: Write, tmp_path: Path) -> None:
    first: dict[str, Any] = {
        "script": "sleep",
        "args": "1 '$A ${B}'",
        "env": {"A": "${C}"},
        "cwd": "sub",
    }
    first |= {"restart_delay": 50, "max_memory_restart": "1G", "error": "./e", "namespace": "n"}
    path = write([first, {"script": "while :; do sleep 1; done", "instances": 2, "time": True}])
    tree = loaded(path)
    (tmp_path / "supctl.toml").write_text(as_toml(tree, tmp_path))
    assert loaded(Path("supctl.toml")).root == tree.root


def test_what_is_written_has_the_profiles(write: Write, tmp_path: Path) -> None:
    said: dict[str, Any] = {"script": "sleep", "env": {"A": 1}, "env_x": {"A": 2}}
    said["env_y"] = {"B": True}
    path = write({"apps": [said]})
    (tmp_path / "supctl.toml").write_text(as_toml(loaded(path), tmp_path))
    for profile in ("", "x", "y"):
        assert env_of(Path("supctl.toml"), profile) == env_of(path, profile)
