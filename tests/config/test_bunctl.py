from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck as Check
from hypothesis import given, settings
from hypothesis import strategies as st

from supctl.config import ConfigErrors, load
from supctl.config.imports import Fate
from supctl.config.loading import LoadedTree
from supctl.specs import (
    App,
    Backoff,
    Exec,
    Health,
    Http,
    Jitter,
    Limits,
    Log,
    Restart,
    Stop,
    Tcp,
)
from supctl.specs.log import LogTarget

EXAMPLES = Path(__file__).parents[2] / "examples" / "formats"
Write = Callable[..., Path]
ENVIRON = {"PATH": "/usr/bin:/bin", "ANYTHING": "x"}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.chdir(tmp_path)

    def write(content: Any, name: str = "bunctl.json") -> Path:
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / name).write_text(text)
        return Path(name)

    return write


def loaded(path: Path) -> LoadedTree:
    return load(path, ENVIRON, to_run_here=False)


def app_of(path: Path) -> App:
    (app,) = loaded(path).root.children
    assert isinstance(app, App)
    return app


def sentences(path: Path) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        loaded(path)
    return [str(mistake).removeprefix(f"{path}:").strip() for mistake in caught.value.mistakes]


def one(**keys: Any) -> dict[str, Any]:
    return {"apps": [{"name": "web", "command": "sleep 60", **keys}]}


def test_where_nothing_is_said_bunctls_defaults_hold(write: Write, tmp_path: Path) -> None:
    tree = loaded(write(one()))
    assert tree.format == "bunctl"
    assert tree.root.children == (
        App(
            "web",
            ["sleep", "60"],
            cwd=tmp_path,
            env=ENVIRON,
            restart="transient",
            backoff=Backoff(0.1, 2.0, 30.0, Jitter.EQUAL),
            log=Log(max_size=10 * 2**20),
        ),
    )


@pytest.mark.parametrize(
    ("said", "field", "value"),
    [
        ({"command": "a 'b c' $D | e"}, "command", ("a", "b c", "$D", "|", "e")),
        ({"command": "a b", "args": ["c d"]}, "command", ("a b", "c d")),
        ({"auto_start": False}, "autostart", False),
        ({"restart_policy": "no"}, "restart", Restart.TEMPORARY),
        ({"restart_policy": "always"}, "restart", Restart.PERMANENT),
        ({"restart_policy": "unless-stopped"}, "stays_stopped", True),
        ({"max_memory": 2**20, "max_cpu_percent": 150}, "limits", Limits(memory=2**20, cpu=1.5)),
        ({"uid": 1000}, "user", 1000),
        ({"gid": 1000}, "group", 1000),
        (
            {"stop_timeout": {"secs": 3, "nanos": 500_000_000}, "kill_timeout": "1s"},
            "stop",
            Stop(grace=3.5, force=1.0),
        ),
        (
            {
                "health_check": {
                    "check_type": {"type": "http", "url": "http://a/b", "expected_status": 204},
                    "interval": {"secs": 5, "nanos": 0},
                    "timeout": {"secs": 1, "nanos": 0},
                    "retries": 2,
                    "start_period": {"secs": 9, "nanos": 0},
                }
            },
            "health",
            Health(Http("http://a/b", status=204), 5.0, 1.0, 2, 9.0),
        ),
        (
            {"health_check": {"check_type": {"type": "tcp", "host": "::1", "port": 80}}},
            "health",
            Health(Tcp(80, "::1")),
        ),
        (
            {"health_check": {"check_type": {"type": "exec", "command": "a", "args": ["b"]}}},
            "health",
            Health(Exec(("a", "b"))),
        ),
        (
            {"backoff": {"base_delay_ms": 50, "max_delay_ms": 9000, "multiplier": 3, "jitter": 0}},
            "backoff",
            Backoff(0.05, 3.0, 9.0, Jitter.NONE),
        ),
        ({"backoff": {"max_attempts": 5}}, "give_up_after", 5),
        (
            {"stdout_log": "a/out", "stderr_log": "/err", "log_max_files": 3},
            "log",
            Log(file="HERE/a/out", error_file="/err", max_size=10 * 2**20, keep=3),
        ),
        (
            {"combined_log": "all", "stderr_log": "e"},
            "log",
            Log(error_file="HERE/e", max_size=10 * 2**20),
        ),
        (
            {"combined_log": "all", "log_max_size": 4096},
            "log",
            Log(file="HERE/all", together=True, max_size=4096),
        ),
    ],
)
def test_a_key_means_here_what_it_means_there(
    write: Write, tmp_path: Path, said: dict[str, Any], field: str, value: object
) -> None:
    found = getattr(app_of(write(one(**said))), field)
    assert repr(found).replace(str(tmp_path), "HERE") == repr(value)


def test_what_differs_is_said(write: Write) -> None:
    said = {"jitter": 0.3, "exhausted_action": "remove", "max_attempts": None}
    tree = loaded(write(one(backoff=said, combined_log="a", stdout_log="b")))
    differing = [it for it in tree.remarks if it.fate is not Fate.MAPPED]
    assert sorted((it.place, it.fate.value) for it in differing) == [
        ("apps[0].backoff.exhausted_action", "changed"),
        ("apps[0].backoff.jitter", "changed"),
        ("apps[0].backoff.max_attempts", "left out"),
        ("apps[0].combined_log", "left out"),
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"apps": []}, "apps holds nothing; wanted a list of apps with name and command"),
        ({"apps": [{"name": "a"}]}, "apps[0] has no command; wanted a name and a command"),
        ([], "is []; wanted a table of keys and values"),
        (
            one(restart_policy="allways"),
            "apps[0].restart_policy is 'allways'; wanted one of no, always, on-failure, "
            "unless-stopped (did you mean 'always'?)",
        ),
        (one(autostart=True), "apps[0].autostart is unknown; wanted a key of this app (did you"),
        (one(stop_timeout={"sec": 1}), 'apps[0].stop_timeout is a table; wanted {"secs": 10, '),
        (one(command="a 'b"), 'apps[0].command is "a \'b"; wanted'),
        (
            one(health_check={"check_type": {"type": "http"}}),
            "apps[0].health_check.check_type says too little; wanted type http with a url",
        ),
        (one(health_check={}), "apps[0].health_check has no check_type; wanted one such as"),
        (one(backoff={"jitter": 3}), "apps[0].backoff.jitter is 3; wanted a number from 0 to 1"),
        ("{apps: [}", "1:9: does not parse: found '}' in place of a value; wanted JSON"),
    ],
)
def test_a_mistake_is_told_in_the_words_of_the_file(
    write: Write, content: Any, sentence: str
) -> None:
    assert sentences(write(content))[0].startswith(sentence)


def test_one_entry_point(write: Write, tmp_path: Path) -> None:
    said = {"name": "shop", "entry": "index.ts", "port": 3000, "runtime": "node", "cpu": 50}
    said |= {"memory": "512M", "env": {"A": "b"}, "log_mode": "journal", "max_restarts": 5}
    tree = loaded(write("// made by bunctl init\n" + json.dumps(said), ".bunctl.json"))
    assert tree.root.children == (
        App(
            "shop",
            ["node", "index.ts"],
            cwd=tmp_path,
            env={"PATH": ENVIRON["PATH"], "A": "b"},
            port=3000,
            backoff=Backoff(10.0, 1.0, 10.0, Jitter.NONE),
            max_restarts=5,
            within=60.0,
            limits=Limits(memory=512 * 2**20, cpu=0.5, pids=100),
            log=Log(to=LogTarget.JOURNALD),
        ),
    )


def test_an_entry_point_that_is_not_named_is_looked_for(write: Write, tmp_path: Path) -> None:
    path = write({"autostart": False}, ".bunctl.json")
    assert sentences(path) == [
        "entry is not there; wanted the file to run (or call it src/index.ts)"
    ]
    (tmp_path / "server.js").write_text("")
    app = app_of(path)
    assert (app.command, app.autostart) == (("bun", "server.js"), False)


KEYS = st.sampled_from(
    [
        *(
            "apps",
            "name",
            "command",
            "args",
            "env",
            "max_memory",
            "max_cpu_percent",
            "health_check",
        ),
        *(
            "backoff",
            "stop_timeout",
            "restart_policy",
            "check_type",
            "type",
            "url",
            "port",
            "jitter",
        ),
        *("entry", "memory", "base_delay_ms", "combined_log", "restart_delay", "max_restarts"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner),
    max_leaves=8,
)


@settings(suppress_health_check=[Check.function_scoped_fixture], max_examples=60)
@given(st.dictionaries(KEYS, VALUES) | VALUES)
def test_any_document_is_read_or_refused(write: Write, content: Any) -> None:
    for whole in (content, one(**content) if isinstance(content, dict) else [content]):
        try:
            loaded(write(whole))
        except ConfigErrors as errors:
            assert str(errors)  # noqa: PT017 - that it can be shown is what is asked


def test_the_example_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES / "bunctl")
    tree = load(None, ENVIRON, to_run_here=False)
    assert [app.name for app in tree.root.children] == ["web", "worker"]
