"""Trees of all kinds, written as documents and read back: the same tree."""

from __future__ import annotations

import json
import signal
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.config.document import as_native, read_native
from supctl.config.plugins.plugin import remade
from supctl.config.reading import Table, hints
from supctl.config.schema import AppKeys, RootKeys, SupervisorKeys, WorkerKeys, rlimit_names
from supctl.config.surroundings import apps_of
from supctl.specs import (
    App,
    AutoShutdown,
    Backoff,
    Delay,
    Exec,
    Exhausted,
    Health,
    Http,
    Intensity,
    Jitter,
    Limits,
    Log,
    Notify,
    Output,
    Ready,
    Restart,
    Secret,
    Sources,
    Start,
    StartFailures,
    StartRate,
    Stop,
    Strategy,
    Supervisor,
    Tcp,
    Watchdog,
    Worker,
)
from supctl.specs.dependencies import Condition
from supctl.specs.log import Compress, Every, LogMode, LogTarget, WhenFull

ELSEWHERE = {"PATH": "/another", "HOME": "/another", "LC_ALL": "another"}
"""The environment of whoever reads: nothing of it may get into an exact environment."""


def read(document: dict[str, Any]) -> Supervisor:
    return read_native(document, "tree", Path("/somewhere"), ELSEWHERE)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
WORD = TEXT.filter(bool)
SECRET = st.sampled_from([Secret("/run/secrets/token"), Secret("/run/{index}.key")])
NUMBERED = st.sampled_from(["{instance}", "-{index}", "{{port}}", '{"instance": 1}'])
SECONDS = st.floats(0, 1e6) | st.integers(0, 1000)
MORE_THAN_0 = st.floats(0.001, 1e6)
PATIENCE = st.none() | MORE_THAN_0
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=5,
)  # fmt: skip
BACKOFF = {
    "initial": st.floats(0, 30),
    "factor": st.floats(1, 10) | st.integers(1, 3),
    "maximum": st.floats(30, 1e6),
    "jitter": st.sampled_from(Jitter),
    "reset_after": SECONDS,
}
STOP = {
    "signal": st.sampled_from(sorted(signal.valid_signals())),
    "grace": SECONDS,
    "force": MORE_THAN_0,
}
LIMITS = {
    "memory": st.none() | st.integers(4096, 2**63 - 1),
    "cpu": st.none() | st.floats(0.001, 4096),
    "pids": st.none() | st.integers(1, 10**6),
}
SIZE = st.integers(4096, 2**62)
LOG = {
    "mode": st.sampled_from([it for it in LogMode if it is not LogMode.NONE]),
    "file": st.none() | st.sampled_from(["/var/log/a.log", "/b c"]),
    "error_file": st.none() | st.just("/var/log/a.err"),
    "merged": st.booleans(),
    "max_size": st.none() | SIZE,
    "keep": st.none() | st.integers(1, 10**6),
    "keep_for": PATIENCE,
    "compress": st.sampled_from([None, Compress.GZIP]),
    "sync": st.booleans(),
    "required": st.booleans(),
}
SLOW = {"when_full": st.sampled_from([WhenFull.SPILL, WhenFull.DROP]), "buffer": st.none() | SIZE}
LOGS = st.one_of(
    st.builds(Log, **LOG),
    st.builds(Log, every=st.sampled_from(Every), **SLOW),
    st.builds(Log, every=st.just(Every.DAILY), at=st.sampled_from(["00:00", "23:59"])),
    st.builds(Log, to=st.sampled_from(LogTarget), mode=st.just(LogMode.JSON)),
    st.builds(Log, max_size=st.just(4096), keep_size=SIZE, together=st.booleans()),
    st.just(Log(mode=LogMode.NONE)),
)
START_RATE = {"starts": st.integers(1, 10**6), "within": MORE_THAN_0}
RLIMIT = st.integers(0, 2**62)
CHILD = {
    "restart": st.sampled_from([*Restart, "unless-stopped"]),
    "essential": st.booleans(),
    "autostart": st.booleans(),
    "tags": st.lists(st.sampled_from(["web", "critical"]), unique=True),
    "backoff": st.builds(Backoff, **BACKOFF),
    "give_up_after": st.none() | st.integers(0, 10**6),
}
RUN = CHILD | {"max_restarts": st.none() | st.integers(0, 10**6), "min_uptime": SECONDS}
SUPERVISED = {
    "strategy": st.sampled_from([it for it in Strategy if it is not Strategy.SIMPLE_ONE_FOR_ONE]),
    "max_restarts": st.none() | st.integers(0, 10**6),
    "within": MORE_THAN_0,
    "auto_shutdown": st.sampled_from(AutoShutdown),
    "start_rate": st.none() | st.builds(StartRate, **START_RATE),
    "start_failures": st.sampled_from(StartFailures),
    "stop": st.none() | st.builds(Stop, **STOP),
}
ACCOUNT = st.sampled_from(["www-data", "nobody-of-that-name", 0, 4711])
PORT = st.integers(1, 65535)
ANSWER = {"status": st.none() | st.integers(100, 599), "body": st.none() | WORD}
URL = st.sampled_from(["http://localhost/", "https://[::1]:8443/health"])
PATH = st.sampled_from(["/", "/health?x=1"])
HTTP = st.builds(Http, PORT, path=PATH, **ANSWER) | st.builds(Http, URL, **ANSWER)
TCP = st.builds(Tcp, PORT) | st.builds(Tcp, PORT, st.sampled_from(["localhost", "::1"]))
EXEC = st.builds(Exec, st.lists(WORD, min_size=1, max_size=3))
OUTPUT = st.builds(Output, st.sampled_from(["listening", "^ready$"]))
ASKED = TCP | HTTP | EXEC
READY = st.builds(Ready, ASKED | OUTPUT | st.just(Notify()), timeout=MORE_THAN_0) | st.builds(
    Ready, st.builds(Delay, MORE_THAN_0)
)
PATTERNS = st.lists(st.sampled_from(["src", "*.log", "!a b"]), min_size=1, max_size=2)
WATCH: dict[str, Any] = {
    "paths": PATTERNS,
    "ignore": PATTERNS,
    "gitignore": st.booleans(),
    "debounce": SECONDS,
}
RETRIES = {"retries": st.integers(1, 99), "start_period": SECONDS}
OF_PORT = st.sampled_from([
    Tcp("{port}"),
    Tcp("{port}", "127.0.0.{instance}"),
    Http("{port}", path="/{index}"),
    Http("http://[::1]:{port}/health"),
    Exec(["ask", "{port}"]),
])  # fmt: skip
HEALTH = st.builds(Health, ASKED, interval=MORE_THAN_0, timeout=MORE_THAN_0, **RETRIES) | st.builds(
    Health, st.builds(Watchdog, MORE_THAN_0), **RETRIES
)
DRAWN: dict[type, dict[str, st.SearchStrategy[Any]]] = {
    AppKeys: RUN
    | {
        "stop_exit_codes": st.lists(st.integers(0, 255), max_size=3),
        "command": st.lists(WORD | NUMBERED, min_size=1, max_size=3),
        "cwd": st.sampled_from(["/", "/srv/a b", "/no/such", "/{index}/{{port}}"]),
        "env": st.none()
        | st.dictionaries(
            WORD.filter(lambda name: "=" not in name), TEXT | NUMBERED | SECRET, max_size=3
        ),
        "ready": st.none() | READY,
        "health": st.none() | HEALTH,
        "stop": st.builds(Stop, **STOP),
        "limits": st.builds(Limits, **LIMITS),
        "log": st.none() | LOGS,
        "watch": st.none() | st.builds(Sources, **WATCH),
        "instances": st.integers(1, 10_000),
        "port": st.integers(1, 50_000),
        "detached": st.booleans(),
        "death_signal": st.booleans(),
        "umask": st.integers(0, 0o777),
        "user": ACCOUNT,
        "group": ACCOUNT,
        "nice": st.integers(-20, 19),
        "rlimits": st.dictionaries(
            st.sampled_from(rlimit_names()),
            st.builds(lambda a, b: (min(a, b), max(a, b)), RLIMIT, RLIMIT) | st.just((5, -1)),
            max_size=3,
        ),
    },
    WorkerKeys: RUN
    | {
        "actor": st.sampled_from(["shop.workers:Mailer", "shop:run"]),
        "args": st.lists(JSON, max_size=3),
        "kwargs": st.dictionaries(TEXT, JSON, max_size=3),
        "grace": SECONDS,
        "isolation": st.sampled_from(["task", "process"]),
        "hung_after": PATIENCE,
    },
    SupervisorKeys: CHILD
    | SUPERVISED
    | {"isolation": st.sampled_from(["task", "process"]), "hung_after": PATIENCE},
    RootKeys: SUPERVISED,
}
BY_HAND = {  # of these, env_file, plugins, share_port, defaults are no specs, and in no document
    AppKeys: {
        "env_file",
        "plugins",
        "share_port",
        "inherit_env",
        "significant",
        "depends_on",
        "within",
        "exhausted",
    },
    WorkerKeys: {"significant", "depends_on", "within", "exhausted", "blocking", "on_daemon_loss"},
    SupervisorKeys: {"apps", "defaults", "start", "significant", "depends_on", "exhausted"},
    RootKeys: {"start"},
}
"""Keys that are drawn below, as they mean something together with others only."""

TABLES: dict[str, set[str]] = {
    "backoff": set(BACKOFF),
    "stop": set(STOP),
    "limits": set(LIMITS),
    "log": {*LOG, *SLOW, "to", "together", "every", "at", "keep_size"},
    "start_rate": set(START_RATE),
}


@pytest.mark.parametrize("keys", DRAWN, ids=lambda keys: keys.__name__)
def test_every_key_of_the_schema_is_drawn(keys: type) -> None:
    assert hints(keys).keys() - BY_HAND[keys] == DRAWN[keys].keys()
    for key, hint in hints(keys).items():
        for marker in get_args(hint)[1:]:
            if isinstance(marker, Table):
                assert hints(marker.keys).keys() == TABLES[key]
                assert {it.name for it in fields(get_args(hint)[0])} == TABLES[key]


SAID_OTHERWISE = {
    App: {"name", "stays_stopped", "has_own_stop"},
    Worker: {"name", "stays_stopped"},
    Supervisor: {"name", "stays_stopped", "children", "factory", "intensity"},
    Intensity: set(),
}


@pytest.mark.parametrize(
    ("spec", "keys"),
    [(App, AppKeys), (Worker, WorkerKeys), (Supervisor, SupervisorKeys), (Intensity, RootKeys)],
)
def test_every_field_of_a_spec_is_a_key(spec: type, keys: type) -> None:
    names = {it.name for it in fields(spec)}
    assert names - SAID_OTHERWISE[spec] <= hints(keys).keys()


@st.composite
def dependencies(draw: st.DrawFn, made: list[Any]) -> dict[str, Condition]:
    """Return what is to be with some of those that are there: what can be with them."""
    conditions: dict[str, Condition] = {}
    for it in made:
        may_be = {
            Condition.UP: it.restart is not Restart.TEMPORARY,
            Condition.ENDED: it.may_end,
            Condition.COMPLETED: it.may_end and it.may_complete,
        }
        possible = [it for it in Condition if may_be[it]]
        said = st.none() | st.sampled_from(possible) if possible else st.none()
        if (word := draw(said)) is not None:
            conditions[it.name] = word
    return conditions


@st.composite
def children(
    draw: st.DrawFn, parent: dict[str, Any], deeper: int, losses: st.SearchStrategy[str]
) -> list[Any]:
    """Return siblings that fit ``parent``, tied to each other by ``depends_on``."""
    if parent.get("isolation") == "process":
        losses = st.just("restart")
    made: list[Any] = []
    names = draw(st.permutations(["a", "b-1", "c.d", "_e"]))[: draw(st.integers(1, 3))]
    for name in names:
        keys = draw(st.sampled_from([AppKeys, WorkerKeys, *([SupervisorKeys] * bool(deeper))]))
        options = draw(st.fixed_dictionaries({}, optional=DRAWN[keys]))
        options["depends_on"] = draw(dependencies(made))
        mortal = options.get("restart") in (Restart.TRANSIENT, Restart.TEMPORARY)
        minded = parent.get("auto_shutdown", AutoShutdown.NEVER) is not AutoShutdown.NEVER
        options["significant"] = mortal and minded and draw(st.booleans())
        limited = options.get("give_up_after") is not None
        if keys is not SupervisorKeys and options.get("max_restarts") is not None:
            limited, options["within"] = True, draw(st.none() | MORE_THAN_0)
        if limited:
            options["exhausted"] = draw(st.sampled_from(Exhausted))
        if keys is AppKeys:
            options.setdefault("cwd", "/")
            if "port" in options:
                options["ready"] = draw(st.none() | OF_PORT)
                options["health"] = draw(st.none() | OF_PORT)
            made.append(App(name, options.pop("command", ["ls"]), **options))
        elif keys is WorkerKeys:
            if options.get("isolation") == "process":
                options["blocking"] = draw(st.booleans())
                options["on_daemon_loss"] = draw(losses)
            actor, args = options.pop("actor", "m:C"), options.pop("args", ())
            made.append(Worker(name, actor, *args, **options))
        else:
            made.append(draw(supervisors(name, options, deeper - 1, losses)))
    return draw(st.permutations(made))


@st.composite
def supervisors(
    draw: st.DrawFn, name: str, options: dict[str, Any], deeper: int, losses: Any
) -> Supervisor:
    if options.get("strategy", Strategy.ONE_FOR_ONE) is Strategy.ONE_FOR_ONE:
        options["start"] = draw(st.sampled_from(Start))
    return Supervisor(name, draw(children(options, deeper, losses)), **options)


LOSSES = st.sampled_from(["restart", "survive"])
TREES = st.fixed_dictionaries({}, optional=DRAWN[RootKeys]).flatmap(
    lambda options: supervisors("tree", options, 2, LOSSES)
)


@given(root=TREES)
def test_a_tree_is_read_as_it_was_written(root: Supervisor) -> None:
    document = as_native(root)
    assert read(json.loads(json.dumps(document, allow_nan=False))) == root
    assert as_native(read(document)) == document


@given(root=TREES)
def test_an_app_that_a_plugin_returns_as_it_was_is_the_same(root: Supervisor) -> None:
    for _, app in apps_of(root):
        assert vars_of(remade(app)) == vars_of(app)


def vars_of(app: App) -> dict[str, Any]:
    """Return all fields, also those that do not count for equality."""
    return {it.name: getattr(app, it.name) for it in fields(app)}
