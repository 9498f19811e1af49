"""Files of our own format: what they mean, and what is said of what they cannot mean."""

from __future__ import annotations

import json
import os
import pwd
import signal
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.config import ConfigErrors, load
from supctl.config.native import NativeReader
from supctl.config.reading import Reader
from supctl.specs import (
    App,
    Backoff,
    Intensity,
    Jitter,
    Limits,
    Restart,
    StartRate,
    Stop,
    Strategy,
    Supervisor,
    Worker,
)

Write = Callable[..., Path]
ENVIRON = {"PATH": "/usr/bin:/bin", "HOME": "/home/me", "SECRET": "s", "LC_ALL": "C"}

FULL = """
[supervisor]
strategy = "rest_for_one"
within = "10s"

[apps.db]
command = ["sleep", "1000"]
stop = { signal = "INT", grace = "30s" }

[apps.web]
strategy = "one_for_all"
max_restarts = 3
within = "5s"
restart = "on-failure"
isolation = "process"
hung_after = "1m"

[apps.web.apps.api]
command = "sleep 60"
cwd = "services"
env = { MODE = "production", HOME = "/tmp" }
restart = "always"
backoff = { initial = "100ms", factor = 2, maximum = "20s", jitter = "equal", reset_after = "1m" }
give_up_after = 10
limits = { memory = "512M", cpu = "50%", pids = 100 }
instances = 4
detached = true
death_signal = true
umask = "022"
nice = 5
rlimits = { nofile = [1024, 4096], core = "unlimited" }

[apps.web.apps.mailer]
actor = "shop.workers:Mailer"
args = [1, "two"]
kwargs = { three = 3 }
grace = "2s"
isolation = "process"
blocking = true
hung_after = "never"
on_daemon_loss = "restart"
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file and returns its path; beside it there is a directory ``services``."""
    (tmp_path / "services").mkdir()

    def write(text: str, name: str = "supctl.toml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def root_of(path: Path) -> Supervisor:
    return load(path, ENVIRON).root


def only_app(path: Path) -> App:
    (app,) = root_of(path).children
    assert isinstance(app, App)
    return app


def sentences(path: Path) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        load(path, ENVIRON)
    return [str(mistake).removeprefix(f"{path}: ") for mistake in caught.value.mistakes]


def test_every_key_arrives_in_the_spec(write: Write, tmp_path: Path) -> None:
    root = root_of(write(FULL))
    db, web = root.children
    assert (root.strategy, root.intensity) == (Strategy.REST_FOR_ONE, Intensity(None, 10.0))
    assert isinstance(db, App)
    assert db.stop == Stop(signal.SIGINT, 30.0)
    assert isinstance(web, Supervisor)
    assert (web.strategy, web.intensity) == (Strategy.ONE_FOR_ALL, Intensity(3, 5.0))
    assert web.restart is Restart.TRANSIENT
    assert (web.isolation, web.hung_after) == ("process", 60.0)
    assert web.children[0] == App(
        "api",
        ["sleep", "60"],
        cwd=tmp_path / "services",
        env={"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LC_ALL": "C", "MODE": "production"},
        backoff=Backoff(0.1, 2.0, 20.0, Jitter.EQUAL, 60.0),
        give_up_after=10,
        limits=Limits(512 * 2**20, 0.5, 100),
        instances=4,
        detached=True,
        death_signal=True,
        umask=0o22,
        nice=5,
        rlimits={"nofile": (1024, 4096), "core": (-1, -1)},
    )
    mailer = web.children[1]
    assert isinstance(mailer, Worker)
    assert (mailer.actor, mailer.args, dict(mailer.kwargs), mailer.grace) == (
        "shop.workers:Mailer",
        (1, "two"),
        {"three": 3},
        2.0,
    )
    assert (mailer.isolation, mailer.blocking, mailer.hung_after) == ("process", True, None)


def test_the_same_as_json_is_the_same_tree(write: Write) -> None:
    as_json = write(json.dumps(tomllib.loads(FULL)), "supctl.json")
    assert root_of(as_json) == root_of(write(FULL))
    assert load(as_json, ENVIRON).format == "JSON"


def test_what_is_not_said_has_the_defaults_of_a_spec(write: Write, tmp_path: Path) -> None:
    root = root_of(write("[apps.a]\ncommand = 'sleep 1'\n"))
    env = {name: value for name, value in ENVIRON.items() if name != "SECRET"}
    app = App("a", ["sleep", "1"], cwd=tmp_path, env=env)
    assert root == Supervisor(tmp_path.name, [app], max_restarts=None, start_failures="retry")


def test_a_nested_supervisor_has_the_intensity_of_otp(write: Write) -> None:
    root = root_of(write("[apps.s.apps.a]\ncommand = 'sleep 1'\n"))
    (nested,) = root.children
    assert isinstance(nested, Supervisor)
    assert nested == Supervisor("s", nested.children, start_failures="retry")


def test_inherit_env_widens_the_environment(write: Write) -> None:
    app = only_app(write("[apps.a]\ncommand = 'sleep 1'\ninherit_env = ['SEC*']\n"))
    assert app.env == ENVIRON


@pytest.mark.parametrize(("word", "env"), [("nothing", {}), ("at-start", None)])
def test_inherit_env_takes_nothing_or_what_there_is_at_the_start(
    write: Write, word: str, env: dict[str, str] | None
) -> None:
    keys = f"command = '/bin/ls'\nuser = {os.geteuid()}\ninherit_env = '{word}'\n"
    assert only_app(write("[apps.a]\n" + keys)).env == env


def test_an_app_of_another_user_has_that_users_home(write: Write) -> None:
    me = pwd.getpwuid(os.geteuid())
    keys = f"command = 'sleep 1'\nuser = {me.pw_uid}\nenv = {{ SHELL = 'x' }}\n"
    env = only_app(write("[apps.a]\n" + keys)).env
    assert env is not None
    assert (env["HOME"], env["USER"], env["SHELL"]) == (me.pw_dir, me.pw_name, "x")


def test_shell_syntax_in_a_command_is_noted(write: Write) -> None:
    loaded = load(write("[apps.a]\ncommand = 'sleep 1 && sleep 2'\n"), ENVIRON)
    assert [note.partition(",")[0] for note in loaded.notes] == ["apps.a.command holds '&&'"]


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (
            "restart = 'alwyas'",
            "apps.a.restart is 'alwyas'; wanted one of always, on-failure, never, unless-stopped "
            "(did you mean 'always'?)",
        ),
        (
            "restrat = 'always'",
            "apps.a.restrat is unknown; wanted a key of this app (did you mean 'restart'?)",
        ),
        ("nice = 99", "apps.a.nice is 99; wanted -20 to 19"),
        ("instances = 0", "apps.a.instances is 0; wanted a number from 1 to 10000"),
        ("give_up_after = -1", "apps.a.give_up_after is -1; wanted 0 or more"),
        ("give_up_after = true", "apps.a.give_up_after is true; wanted a whole number"),
        ("detached = 1", "apps.a.detached is 1; wanted true or false"),
        ("cwd = ''", "apps.a.cwd is ''; wanted text, not empty"),
        ("backoff = 5", "apps.a.backoff is 5; wanted a table of keys and values"),
        ("backoff.factor = 0.5", "apps.a.backoff.factor is 0.5; wanted a number, 1 or more"),
        ("backoff.factor = 'x'", "apps.a.backoff.factor is 'x'; wanted a number"),
        ("backoff.factor = nan", "apps.a.backoff.factor is nan; wanted a number, 1 or more"),
        (
            "backoff.initial = '1m'",
            "apps.a.backoff.maximum is 30.0 where nothing else is said; "
            "wanted at least initial (60) (set maximum too)",
        ),
        (
            "backoff.jitter = 'fulll'",
            "apps.a.backoff.jitter is 'fulll'; wanted one of none, full, equal, decorrelated "
            "(did you mean 'full'?)",
        ),
        (
            "stop.signal = 'TREM'",
            'apps.a.stop.signal is \'TREM\'; wanted a signal of this system, such as "TERM", '
            "\"INT\" or 15 (did you mean 'SIGTERM'?)",
        ),
        ("limits.pids = 0", "apps.a.limits.pids is 0; wanted 1 or more"),
        (
            "limits.memory = 'lots'",
            'apps.a.limits.memory is \'lots\'; wanted a size such as "64K", "512M", "1.5G", '
            "or bytes as a whole number",
        ),
        ("limits.cpu = 9999", "apps.a.limits.cpu is 9999.0; wanted processors, between 0.001 "
         "and 4096"),
        ("env.PORT = 80", 'apps.a.env.PORT is 80; wanted text (quote it: PORT = "80")'),
        (
            "inherit_env = 'at-start'\nenv.A = 'b'",
            "apps.a.env is there besides inherit_env = 'at-start'; wanted one of the two "
            "(or inherit_env = true)",
        ),
        ("env = 'A=B'", "apps.a.env is 'A=B'; wanted a table of names and values"),
        ("env = { 'A=B' = 'c' }", "apps.a.env is 'A=B'; wanted names that are not empty, "
         "without = and NUL"),
        ("env.A = \"x\\u0000y\"", "apps.a.env.A is 'x\\x00y'; wanted text without NUL characters"),
        (
            "rlimits.nofil = 5",
            "apps.a.rlimits.nofil is unknown; wanted a key of this table (did you mean 'nofile'?)",
        ),
        (
            "rlimits.core = [5, 3]",
            "apps.a.rlimits.core is (5, 3); wanted a soft limit that is not above the hard one",
        ),
        ("umask = 22", 'apps.a.umask is 22; wanted octal digits in quotes, such as "022" '
         '(quote it: "022")'),
    ],
)  # fmt: skip
def test_a_wrong_value_has_place_and_mend(write: Write, keys: str, sentence: str) -> None:
    assert sentences(write(f"[apps.a]\ncommand = 'sleep 1'\n{keys}\n")) == [sentence]


KINDS = "exactly one of command (a program), actor (a worker), apps (a supervisor)"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "apps holds nothing; wanted at least one app"),
        ("apps = 3", "apps is 3; wanted at least one app"),
        ("[[apps]]\nscript = 'x'", "apps is [{'script': 'x'}]; wanted at least one app"),
        ("[app.a]", "app is unknown; wanted a key of this file (did you mean 'apps'?)"),
        ("[apps]\na = 'ls'", "apps.a is 'ls'; wanted a table of keys (write [apps.a] and"),
        ("[apps.a]\ncommand = []", "apps.a.command is []; wanted a program and its arguments"),
        ("[apps.a]\ncommand = ''", "apps.a.command is ''; wanted a program and its arguments"),
        ('[apps.a]\ncommand = "\'"', 'apps.a.command is "\'"; wanted a program and its arg'),
        ("[apps.a]", f"apps.a has no command, actor or apps; wanted {KINDS}"),
        (
            "[apps.a]\ncomand = 'ls'",
            f"apps.a has no command, actor or apps; wanted {KINDS} "
            "(did you mean 'command' instead of 'comand'?)",
        ),
        ("[apps.a]\ncommand = 'ls'\nactor = 'm:C'", "apps.a has command and actor; wanted exactly"),
        ("[apps.'a b']\ncommand = 'ls'", 'apps."a b" is no name to use; wanted 1 to 128'),
        ("[apps.a]\napps = {}", "apps.a.apps holds nothing; wanted at least one app"),
        ("[apps.a]\nactor = 'm'", "apps.a.actor is 'm'; wanted a class, or its place"),
        (
            "[apps.a]\nactor = 'm:C'\nisolation = 'x'",
            "apps.a.isolation is 'x'; wanted 'task' or 'process'",
        ),
        (
            "[apps.a]\nactor = 'm:C'\nhung_after = 'x'",
            "apps.a.hung_after is 'x'; wanted a duration",
        ),
        ("[apps.a]\nactor = 'm:C'\nblocking = true", "apps.a.blocking is true; wanted isolation"),
        ("[apps.a]\nisolation = 'x'\napps.b.actor = 'm:C'", "apps.a.isolation is 'x'; wanted 't"),
        (
            "[apps.a]\nactor = 'm:C'\non_daemon_loss = 'x'",
            "apps.a.on_daemon_loss is 'x'; wanted 'restart' or 'survive'",
        ),
        (
            "[apps.a]\nactor = 'm:C'\non_daemon_loss = 'survive'",
            "apps.a.on_daemon_loss is 'survive'; wanted isolation='process' with it",
        ),
        (
            "[apps.a]\nisolation = 'process'\n"
            "apps.b = {actor='m:C', isolation='process', on_daemon_loss='survive'}",
            "apps.a.apps.b.on_daemon_loss is 'survive'; wanted 'restart' below a supervisor",
        ),
        (
            "[apps.a]\nisolation = 'process'\non_daemon_loss = 'survive'\napps.b.actor = 'm:C'",
            "apps.a.on_daemon_loss is unknown; wanted one of",
        ),
        ("[apps.a]\nactor = 'm:C'\ngrace = '-1s'", "apps.a.grace is '-1s'; wanted a duration"),
        ("[apps.a]\nactor = 'm:C'\nnice = 1", "apps.a.nice is unknown; wanted one of "),
        (
            "[apps.a]\nstrategy = 'one_for_none'\napps.b.actor = 'm:C'",
            "apps.a.strategy is 'one_for_none'; wanted one of one_for_one, one_for_all, "
            "rest_for_one (did you mean 'one_for_one'?)",
        ),
        (
            "[apps.a]\nstrategy = 'one_for_all'\nstart = 'concurrent'\napps.b.actor = 'm:C'",
            "apps.a.start is 'concurrent'; wanted 'sequential' with strategy one_for_all",
        ),
        (
            "[apps.a]\ncommand = 'ls'\ndepends_on = ['b']",
            "apps.a.depends_on is 'b'; wanted names of other children of the same supervisor",
        ),
        (
            "[apps.a]\ncommand = 'ls'\ndepends_on = 'b'",
            "apps.a.depends_on is 'b'; wanted a list of",
        ),
        (
            "[apps.a.apps.b]\ncommand = 'ls'\ndepends_on = ['c']\n"
            "[apps.a.apps.c]\ncommand = 'ls'\ndepends_on = ['b']",
            "apps.a.apps.b.depends_on is 'b -> c -> b'; wanted no circle",
        ),
        (
            "[apps.a]\ncommand = 'ls'\ndepends_on = ['b']\n"
            "[apps.b]\ncommand = 'ls'\nrestart = 'never'",
            "apps.a.depends_on is 'b'; wanted children that are not temporary "
            '(or wait for its end: { b = "completed" })',
        ),
        (
            "[apps.a]\ncommand = 'ls'\nrestart = 'never'\nsignificant = true",
            "apps.a.significant is true; wanted false under a supervisor whose auto_shutdown is",
        ),
        (
            "[apps.a]\ncommand = 'ls'\nsignificant = true",
            "apps.a.significant is true; wanted restart transient or temporary with it",
        ),
        (
            "supervisor.auto_shutdown = 'sometimes'\napps.b.actor = 'm:C'",
            "supervisor.auto_shutdown is 'sometimes'; wanted one of never, any_significant",
        ),
        (
            "supervisor.start = 'parallel'\napps.b.actor = 'm:C'",
            "supervisor.start is 'parallel'; wanted one of sequential, concurrent",
        ),
        (
            "supervisor.start_rate = { starts = 0 }\napps.b.actor = 'm:C'",
            "supervisor.start_rate.starts is 0; wanted 1 or more",
        ),
        (
            "supervisor.max_restarts = 'many'\napps.b.actor = 'm:C'",
            "supervisor.max_restarts is 'many'; wanted a whole number, or \"unlimited\"",
        ),
        (
            "supervisor.max_restarts = -1\napps.b.actor = 'm:C'",
            "supervisor.max_restarts is -1; wanted 0 or more",
        ),
        (
            "supervisor.within = 0\napps.b.actor = 'm:C'",
            "supervisor.within is 0.0; wanted more than 0 seconds",
        ),
        (
            "supervisor.stratgy = 'x'\napps.b.actor = 'm:C'",
            "supervisor.stratgy is unknown; wanted a key of this table (did you mean 'strategy'?)",
        ),
    ],
)
def test_a_wrong_structure_has_place_and_mend(write: Write, text: str, sentence: str) -> None:
    (said,) = sentences(write(text))
    assert said.startswith(sentence)


def test_ties_between_children(write: Write) -> None:
    text = """
        [supervisor]
        start = "concurrent"
        auto_shutdown = "all_significant"
        start_rate = { starts = 20, within = "2s" }

        [apps.web]
        command = "ls"
        depends_on = ["db"]

        [apps.db]
        command = "ls"
        restart = "on-failure"
        significant = true
    """
    root = root_of(write(text))
    assert (root.start, root.auto_shutdown) == ("concurrent", "all_significant")
    assert root.start_rate == StartRate(starts=20, within=2.0)
    web, db = root.children
    assert (web.depends_on, db.significant) == ({"db": "up"}, True)


def test_all_mistakes_come_at_once(write: Write) -> None:
    text = """
        title = "x"
        [supervisor]
        within = "soon"
        max_restarts = -1
        [apps.a]
        command = "no-such-program"
        nice = 99
        instances = 0
        backoff = { factor = 0, initial = -1, jitter = "?" }
        [apps.s.apps.b]
        command = []
        give_up_after = -1
        stop = { signal = "X", grace = "?" }
        [apps.s.apps.c]
        command = "ls"
        cwd = "nowhere"
        user = "nobody-of-that-name"
    """
    assert sorted(said.split()[0] for said in sentences(write(text))) == sorted(
        [
            "title",
            "supervisor.within",
            "supervisor.max_restarts",
            "apps.a.command",
            "apps.a.nice",
            "apps.a.instances",
            "apps.a.backoff.factor",
            "apps.a.backoff.initial",
            "apps.a.backoff.jitter",
            "apps.s.apps.b.command",
            "apps.s.apps.b.give_up_after",
            "apps.s.apps.b.stop.signal",
            "apps.s.apps.b.stop.grace",
            "apps.s.apps.c.cwd",
            "apps.s.apps.c.user",
        ]
    )


KEYS = st.sampled_from(
    [
        *("apps", "supervisor", "command", "actor", "cwd", "env", "backoff", "limits", "stop"),
        *("user", "restart", "rlimits", "instances", "strategy", "within", "args", "kwargs", "x"),
    ]
)
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.just("ls"), st.just("m:C")
)
TABLES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6)
)


@given(tables=st.dictionaries(KEYS, TABLES, max_size=4))
def test_tables_of_any_kind_become_a_tree_or_mistakes(
    tables: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    reader = Reader("f")
    root = NativeReader(reader, tmp_path_factory.getbasetemp(), ENVIRON).root(tables, "tree")
    assert reader.mistakes or root is not None
    assert all(str(mistake).startswith("f: ") for mistake in reader.mistakes)
