"""process-compose.yaml: what each key becomes, and that none of them vanishes in silence."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from supctl.config import ConfigErrors, LoadedTree, load
from supctl.config.document import read_native
from supctl.config.formats import recognise
from supctl.config.imports import Fate, Import
from supctl.config.readers import process_compose
from supctl.config.readers.process_compose import schema
from supctl.config.reading import Reader, hints, join
from supctl.config.source import Source
from supctl.specs import App, Sources

EXAMPLES = Path(__file__).parents[2] / "examples" / "formats" / "process-compose"
ENVIRON = {"PATH": "/usr/bin:/bin", "PORT": "8080", "EMPTY": ""}
Loads = Callable[..., LoadedTree]

LOG = {
    "file": "l",
    "together": True,
    "mode": "json",
    "max_size": "unlimited",
    "keep": "unlimited",
}


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    """Return what reads a text as a file of process-compose."""

    def loads(text: str, name: str = "process-compose.yaml") -> LoadedTree:
        path = tmp_path / name
        path.write_text(text)
        return load(path, ENVIRON, to_run_here=False)

    return loads


@pytest.fixture
def app(loads: Loads) -> Callable[..., dict[str, Any]]:
    """Return what makes the document of one app from the keys of one process."""

    def app(keys: str) -> dict[str, Any]:
        text = f"processes: {{a: {{command: x, {keys}}}, other: {{command: y}}}}"
        made: dict[str, Any] = loads(text).tables["apps"]["a"]
        return made

    return app


def refused(loads: Loads, text: str, name: str = "process-compose.yaml") -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        loads(text, name)
    return [str(it).partition(f"{name}:")[2].strip() for it in caught.value.mistakes]


def test_the_example() -> None:
    loaded = load(EXAMPLES, {**ENVIRON, "SHOP_MODE": "production"}, to_run_here=False)
    apps = {it.name: it for it in loaded.root.children if isinstance(it, App)}
    assert loaded.format == "process-compose"
    assert list(apps) == ["store", "migrate", "server", "worker", "report"]
    assert apps["migrate"].command[2].splitlines()[1].endswith('echo "step ${step}"; done')
    assert apps["migrate"].env == {
        "PATH": "/usr/bin:/bin",
        "PORT": "8080",
        "EMPTY": "",
        "SHOP_MODE": "production",
        "MODE": "production",
    }
    assert apps["server"].depends_on == {"store": "up", "migrate": "completed"}
    assert (apps["worker"].instances, apps["worker"].give_up_after) == (2, None)
    assert (apps["report"].autostart, apps["report"].command) == (False, ("sleep", "1000"))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("description: x", {"restart": "never"}),
        ("availability: {restart: no}", {"restart": "never"}),
        ("availability: {restart: 'no'}", {"restart": "never"}),
        ("availability: {restart: false}", {"restart": "never"}),
        (
            "availability: {restart: always}",
            {
                "restart": "always",
                "backoff": {"initial": 1, "factor": 1, "maximum": 1, "jitter": "none"},
            },
        ),
        (
            "availability: {restart: on_failure, backoff_seconds: 60, max_restarts: 3}",
            {
                "restart": "on-failure",
                "backoff": {"initial": 60, "factor": 1, "maximum": 60, "jitter": "none"},
                "give_up_after": 3,
            },
        ),
        (
            "availability: {restart: exit_on_failure}",
            {"restart": "on-failure", "give_up_after": 0, "exhausted": "shut_down"},
        ),
        ("availability: {exit_on_end: true}", {"restart": "never", "essential": True}),
        (
            "availability: {restart: exit_on_failure}, success_exit_codes: [0, 3]",
            {
                "restart": "on-failure",
                "give_up_after": 0,
                "exhausted": "shut_down",
                "stop_exit_codes": [0, 3],
            },
        ),
    ],
)
def test_what_follows_an_end(app: Callable[[str], dict[str, Any]], keys: str, said: Any) -> None:
    made = app(keys)
    assert made.pop("command") == ["bash", "-c", "x"]
    assert made == {"inherit_env": True, **said}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("entrypoint: [z]", {"command": ["bash", "-c", "x"]}),
        ("working_dir: sub", {"cwd": "sub"}),
        ("environment: [A=1=2, 'B=', A=3]", {"env": {"A": "3", "B": ""}}),
        ("environment: {A: 1, B: true}", {"env": {"A": "1", "B": "true"}}),
        ("description: $PC_PROC_NAME", {"env": {"PC_PROC_NAME": "a"}}),
        ("shutdown: {signal: 2}", {"stop": {"signal": "INT"}}),
        ("shutdown: {timeout_seconds: 3, parent_only: true}", {"stop": {"grace": 3}}),
        ("shutdown: {signal: 99}", {"stop": None}),
        ("namespace: back end", {"tags": ["back-end"]}),
        ("namespace: [x, y]", {"tags": ["x", "y"]}),
        ("is_disabled: 'true'", {"autostart": False}),
        ("is_foreground: true", {"autostart": False}),
        ("is_daemon: true", {"detached": True}),
        ("replicas: 3", {"instances": 3}),
        (
            "ready_log_line: 'up (1)'",
            {"ready": {"output": r"up\ \(1\)", "timeout": 86_400}, "health": None},
        ),
        (
            "readiness_probe: {http_get: {port: 80}}",
            {
                "ready": {"http": "http://127.0.0.1:80/", "status": 200, "timeout": 31},
                "health": {
                    "http": "http://127.0.0.1:80/", "status": 200,
                    "interval": 10, "timeout": 1, "retries": 3,
                },
            },
        ),
        (
            "readiness_probe: {exec: {command: p, working_dir: /d d}, initial_delay_seconds: 5}",
            {
                "ready": {"exec": ["bash", "-c", "cd '/d d' || exit\np"], "timeout": 36},
                "health": {
                    "exec": ["bash", "-c", "cd '/d d' || exit\np"],
                    "interval": 10, "timeout": 1, "retries": 3,
                },
            },
        ),
        (
            "liveness_probe: {http_get: {host: h, port: '1', scheme: https, path: p, "
            "status_code: 204}, period_seconds: 2, timeout_seconds: 4, failure_threshold: 5, "
            "initial_delay_seconds: 7}",
            {
                "ready": None,
                "health": {
                    "http": "https://h:1/p", "status": 204, "start_period": 7,
                    "interval": 2, "timeout": 4, "retries": 5,
                },
            },
        ),
        ("log_location: l", {"log": LOG}),
        (
            "log_location: l, log_configuration: {disable_json: true, add_timestamp: true, "
            "rotation: {max_size_mb: 1, max_age_days: 2, max_backups: 3, compress: true}}",
            {
                "log": {
                    **LOG,
                    "mode": "timestamped", "max_size": 2**20, "keep": 3, "keep_for": 172_800,
                    "compress": "gzip",
                }
            },
        ),
        ("vars: {X: 1}, description: '{{.X}}', environment: ['A={{ .X }}{{`{{`}}']",
         {"env": {"A": "1{{"}}),
        ("is_template_disabled: true, environment: ['A={{.X}}']", {"env": {"A": "{{.X}}"}}),
    ],
)  # fmt: skip
def test_a_key(app: Callable[[str], dict[str, Any]], keys: str, said: dict[str, Any]) -> None:
    made = app(keys)
    assert {key: made.get(key) for key in said} == said


def test_processes_are_told_their_number(loads: Loads) -> None:
    loaded = loads(
        """
processes:
  web: {command: "serve {{.PC_REPLICA_NUM}}", replicas: 2}
  job: {command: $PC_REPLICA_NUM, replicas: 2}
  odd: {command: "{port}", replicas: 2, liveness_probe: {http_get: {port: "8{{.PC_REPLICA_NUM}}"}}}
  few: {command: "{{.PC_REPLICA_NUM}}", ready_log_line: "{{.PC_REPLICA_NUM}}"}
  all: {command: x, depends_on: {web: {condition: process_started}}}
  one: {command: x, depends_on: {web-1: {}}}
"""
    )
    apps = loaded.tables["apps"]
    assert list(apps) == ["web", "job", "odd-0", "odd-1", "few", "all", "one"]
    assert apps["web"]["command"] == ["bash", "-c", "serve {index}"]
    assert apps["job"]["env"] == {"PC_REPLICA_NUM": "{index}"}
    assert (apps["all"]["depends_on"], apps["one"]["depends_on"]) == (["web"], ["web"])
    assert apps["odd-1"]["command"] == ["bash", "-c", "{{port}}"]
    assert apps["odd-1"]["health"]["http"] == "http://127.0.0.1:81/"
    assert (apps["few"]["command"][2], apps["few"]["ready"]["output"]) == ("0", "0")


def test_a_copy_is_depended_on_by_its_number(loads: Loads) -> None:
    text = "processes: {w: {command: x, replicas: 10}, a: {command: x, depends_on: {w-03: null}}}"
    assert loads(text).tables["apps"]["a"]["depends_on"] == ["w"]


@pytest.mark.parametrize(
    ("keys", "condition", "detail"),
    [
        ("", "process_started", ""),
        ("ready_log_line: up", "process_started", "it waits until db is ready"),
        ("ready_log_line: up", "process_log_ready", ""),
        ("readiness_probe: {http_get: {port: 1}}", "process_healthy", ""),
        (
            "",
            "process_healthy",
            "nothing shows that db is ready: it waits until that runs",
        ),
    ],
)
def test_what_is_waited_for(loads: Loads, keys: str, condition: str, detail: str) -> None:
    loaded = loads(
        f"processes: {{db: {{command: x, {keys}}}, "
        f"api: {{command: x, depends_on: {{db: {{condition: {condition}}}}}}}}}"
    )
    (remark,) = [it for it in loaded.remarks if it.place == "processes.api.depends_on.db"]
    assert (remark.became, remark.detail) == ("apps.api.depends_on", detail)
    assert remark.fate is (Fate.CHANGED if detail else Fate.MAPPED)
    assert loaded.tables["apps"]["db"]["restart"] == "on-failure"
    assert loaded.tables["apps"]["api"]["depends_on"] == ["db"]


@pytest.mark.parametrize(
    ("condition", "word"),
    [("process_completed", "ended"), ("process_completed_successfully", "completed")],
)
def test_ends_are_waited_for(loads: Loads, condition: str, word: str) -> None:
    loaded = loads(
        "processes: {db: {command: x}, api: {command: x, depends_on: "
        f"{{db: {{condition: {condition}}}}}}}}}"
    )
    (remark,) = [it for it in loaded.remarks if it.place == "processes.api.depends_on.db"]
    assert (remark.fate, remark.became) == (Fate.MAPPED, "apps.api.depends_on")
    assert loaded.tables["apps"]["api"]["depends_on"] == {"db": word}
    assert loaded.tables["apps"]["db"]["restart"] == "never"
    assert loaded.root.children[1].depends_on == {"db": word}


def test_what_is_always_restarted_never_comes_to_its_end(loads: Loads) -> None:
    loaded = loads(
        "processes: {db: {command: x, availability: {restart: always}}, "
        "api: {command: x, depends_on: {db: {condition: process_completed}}}}"
    )
    (remark,) = [it for it in loaded.remarks if it.place == "processes.api.depends_on.db"]
    assert (remark.fate, remark.detail) == (
        Fate.CHANGED,
        "db is always restarted, and so never at its end: it waits until that is up",
    )
    assert loaded.tables["apps"]["api"]["depends_on"] == ["db"]


def test_the_environment_is_put_into_the_text(loads: Loads) -> None:
    loaded = loads(
        """
processes:
  a:
    command: echo $HOME $(date) ${PORT} $${code} ${NO:-usual} ${EMPTY:-x}${EMPTY-y}${NO}
"""
    )
    line = "echo $HOME $(date) 8080 ${code} usual x"
    assert loaded.tables["apps"]["a"]["command"][2] == line


def test_what_is_in_a_file_of_variables_beside_it_counts_too(loads: Loads, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=1\nOWN=x\n")
    (tmp_path / "more.env").write_text("OWN=y\n")
    loaded = loads(
        """
environment: [A=1]
processes:
  a: {command: "${PORT} ${OWN}"}
  b: {command: b, is_dotenv_disabled: true}
  c: {command: c, env_file: more.env}
"""
    )
    apps = {it.name: it for it in loaded.root.children if isinstance(it, App)}
    assert apps["a"].command[2] == "1 x"
    assert apps["a"].env == {**ENVIRON, "PORT": "1", "OWN": "x", "A": "1"}
    assert apps["b"].env == {**ENVIRON, "A": "1"}
    assert apps["c"].env == {**ENVIRON, "PORT": "1", "OWN": "y", "A": "1"}


def test_a_broken_file_of_variables_is_a_mistake(loads: Loads, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("'")
    assert (
        ".env is '.env'; wanted a file of variables"
        in refused(loads, "processes: {a: {command: x}}")[0]
    )


@pytest.mark.parametrize("switch", ["disable_env_expansion: true", "'disable_env_expansion': yes"])
def test_a_file_may_forbid_that(loads: Loads, switch: str) -> None:
    switch = switch.replace("yes", "true")
    loaded = loads(f"{switch}\nprocesses: {{a: {{command: '${{PORT}} $$'}}}}")
    assert loaded.tables["apps"]["a"]["command"][2] == "${PORT} $$"


def test_what_is_no_name_is_refused_with_its_place(loads: Loads) -> None:
    text = "processes:\n  a: {command: '${a[@]} ${x%%.*}'}"
    assert refused(loads, text) == [
        "2:17: holds ${a[@]}; wanted ${NAME} or ${NAME:-text} (for the shell, write $${a[@]})",
        "2:25: holds ${x%%.*}; wanted ${NAME} or ${NAME:-text} (for the shell, write $${x%%.*})",
    ]


def test_json_is_read_as_well(loads: Loads) -> None:
    text = '{"processes": {"a": {"command": "${PORT}"}}}'
    for name in ("process-compose.json", "process-compose.yaml"):
        assert loads(text, name).tables["apps"]["a"]["command"][2] == "8080"


def test_a_file_extends_another_one(loads: Loads, tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "base.yml").write_text(
        """
environment: [A=1, B=1]
processes:
  a: {command: x, working_dir: sub, environment: [C=1], replicas: 2}
  b: {command: y}
"""
    )
    loaded = loads(
        """
extends: base/base.yml
environment: [B=2]
processes:
  a: {command: z, environment: [D=2]}
  c: {command: c}
"""
    )
    apps = loaded.tables["apps"]
    assert list(apps) == ["a", "b", "c"]
    assert apps["a"]["env"] == {"A": "1", "B": "2", "C": "1", "D": "2"}
    assert (apps["a"]["command"][2], apps["a"]["instances"]) == ("z", 2)
    assert apps["a"]["cwd"] == str(tmp_path / "base" / "sub")
    assert (apps["b"]["cwd"], "cwd" in apps["c"]) == (str(tmp_path / "base"), False)


def test_a_file_called_so_overrides_it(loads: Loads, tmp_path: Path) -> None:
    (tmp_path / "process-compose.override.yml").write_text(
        "processes: {a: {environment: [A=2], disabled: true}, b: {command: y}}"
    )
    text = "processes: {a: {command: x, environment: [A=1, B=1]}}"
    loaded = loads(text)
    apps = loaded.document["apps"]
    assert list(apps) == ["a", "b"]
    assert (apps["a"]["env"], apps["a"]["autostart"]) == ({"A": "2", "B": "1"}, False)
    assert [it.place for it in loaded.remarks if it.fate is Fate.CHANGED] == [
        "process-compose.override.yml"
    ]
    assert list(loads(text, "process-compose.prod.yaml").document["apps"]) == ["a"]


def test_files_that_extend_each_other_are_refused(loads: Loads, tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("extends: ./process-compose.yaml")
    with pytest.raises(ConfigErrors) as caught:
        loads("extends: b.yaml")
    assert str(caught.value) == (
        f"{tmp_path / 'b.yaml'}: extends is './process-compose.yaml', which extends this file in "
        "turn; wanted no circle"
    )


@pytest.mark.parametrize("name", ["none.yaml", "loop.yaml", '"a\\0b"', "."])
def test_a_base_that_cannot_be_read_is_refused(loads: Loads, tmp_path: Path, name: str) -> None:
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    with pytest.raises(ConfigErrors) as caught:
        loads(f"extends: {name}")
    assert "wanted a file that can be read" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("processes: {}", "processes holds nothing; wanted at least one process with a command"),
        ("version: '3'", "processes holds nothing; wanted at least one process"),
        ("processes: [a]", "processes is ['a']; wanted at least one process"),
        ("processes: {a: 3}", "processes.a is 3; wanted a table of keys"),
        ("processes: {a: {}}", "processes.a has no command; wanted command or entrypoint"),
        (
            "services: {web: {image: nginx}}",
            "services describes containers (Docker Compose); wanted programs of this machine",
        ),
        (
            "is_strict: true\nprocesses: {a: {comand: x, command: y}}",
            "processes.a.comand is unknown; wanted a key of this table of process-compose (did you "
            "mean 'command'?)",
        ),
        (
            "processes: {a: {command: x, availability: {restart: sometimes}}}",
            "processes.a.availability.restart is 'sometimes'; wanted one of no, on_failure",
        ),
        (
            "processes: {a: {command: x, depends_on: {b: {}}}}",
            "processes.a.depends_on.b is no process of this file; wanted one of a",
        ),
        (
            "processes: {a: {command: x, depends_on: [b]}}",
            "processes.a.depends_on is no table; wanted a table such as",
        ),
        (
            "processes: {a: {command: x, depends_on: {a: {}}}}",
            "processes.a.depends_on.a is 'a -> a'; wanted no circle",
        ),
        ("processes: {a: {command: x, replicas: 20000}}", "processes.a.replicas is 20000; wanted"),
        (
            "processes: {a: {command: x, replicas: -1}}",
            "processes.a.replicas is -1; wanted a whole",
        ),
        (
            "processes: {a: {command: x, readiness_probe: {}}}",
            "processes.a.readiness_probe asks for",
        ),
        (
            "processes: {a: {command: x, ready_log_line: l, readiness_probe: {http_get: {}}}}",
            "processes.a is ready by two signs",
        ),
        (
            "processes: {a: {command: x, liveness_probe: {http_get: {port: 99999}}}}",
            "processes.a.liveness_probe.http_get.port is 'http://127.0.0.1:99999/'; wanted",
        ),
        ("processes: {a: {command: '{{if .X}}'}}", "processes.a.command holds the template {{if"),
        (
            "processes: {a: {command: '{{.X}}'}}",
            "processes.a.command holds {{.X}}; wanted X in vars",
        ),
        (
            "processes: {a: {command: x, environment: [A]}}",
            "processes.a.environment[0] is 'A'; want",
        ),
        ("extends: process-compose.yaml", "extends is 'process-compose.yaml', which extends this"),
        ("processes: {a: {command: x}, a: {command: y}}", "1:30: processes.a is there twice"),
    ],
)
def test_a_mistake_is_placed_by_the_words_of_the_file(
    loads: Loads, text: str, sentence: str
) -> None:
    assert refused(loads, text)[0].startswith(sentence)


def test_names_are_made_safe_and_shown(loads: Loads) -> None:
    loaded = loads("processes: {../a b: {command: x}, a-b: {command: x}, '': {command: x}}")
    assert list(loaded.tables["apps"]) == ["a-b", "a-b-2", "app"]
    assert len([it for it in loaded.remarks if it.fate is Fate.CHANGED]) == 3


@pytest.mark.parametrize("name", ["docker-compose.yml", "compose.yaml", "any.yaml"])
def test_docker_compose_is_told_apart_by_its_services(loads: Loads, name: str) -> None:
    assert refused(loads, "services:\n  web:\n    image: nginx\n", name)[0].startswith(
        "services de"
    )


def test_our_own_yaml_is_not_taken_for_it(tmp_path: Path) -> None:
    source = Source(tmp_path / "supctl.yaml", b"apps: {processes: {command: ls}}", tmp_path, {})
    assert recognise(source) is None


def test_watch(loads: Loads) -> None:
    text = """
processes:
  a:
    command: x
    watch: {paths: [{path: src, include: ["*.go"], exclude: [gen]}], debounce: 500ms, cascade: true}
  b: {command: x, watch: {paths: []}}
"""
    loaded = loads(text)
    a, b = loaded.root.children
    assert isinstance(a, App)
    assert isinstance(b, App)
    ignore = ["*", "!*/", "!*.go", "gen"]
    assert a.watch == Sources(["src"], ignore=ignore, gitignore=False, debounce=0.5)
    assert b.watch is None


EVERY_KEY = """
x-own: 1
version: "1"
name: n
environment: [A=1]
env_cmds: {A: date}
shell: {shell_command: sh, shell_argument: -c, elevated_shell_command: sudo,
        elevated_shell_argument: -S}
vars: {V: 1}
log_location: l
log_level: debug
log_length: 1
log_format: json
log_configuration: {fields_order: [time], disable_json: true, timestamp_format: "15:04",
  no_metadata: true, add_timestamp: true, no_color: true, flush_each_line: true,
  rotation: {max_size_mb: 1, max_age_days: 1, max_backups: 1, compress: true}}
disable_env_expansion: false
is_strict: false
is_tui_disabled: true
ordered_shutdown: true
mcp_server: {port: 1}
extends: base.yaml
processes:
  a:
    restart: always
    x-own: 1
    command: x
    entrypoint: [x]
    working_dir: .
    environment: [A=1]
    env_file: e
    is_dotenv_disabled: true
    availability: {restart: always, backoff_seconds: 1, max_restarts: 1, exit_on_end: true,
      exit_on_skipped: true}
    depends_on: {b: {condition: process_started, x-own: 1}}
    readiness_probe: {exec: {command: x, working_dir: .}, initial_delay_seconds: 1,
      period_seconds: 1, timeout_seconds: 1, success_threshold: 1, failure_threshold: 1}
    liveness_probe: {http_get: {host: h, scheme: http, port: 1, num_port: 1, path: /,
      headers: {A: b}, status_code: 200}}
    shutdown: {command: x, timeout_seconds: 1, signal: 1, parent_only: true, send_keys: [q]}
    success_exit_codes: [1]
    replicas: 2
    namespace: n
    disabled: true
    is_disabled: true
    is_daemon: true
    launch_timeout_seconds: 1
    is_foreground: true
    log_location: l
    log_configuration: {disable_json: true}
    vars: {V: 1}
    is_template_disabled: true
    description: d
    extends: {process: b}
    is_tty: true
    is_interactive: true
    is_elevated: true
    disable_ansi_colors: true
    truncate_log: true
    schedule: {cron: "* * * * *"}
    watch: {paths: [.]}
    monitor_for: silence
    monitor_silence_threshold: 1
    mcp: {}
  b: {command: x, ready_log_line: up}
"""


def leaves(value: Any, place: str) -> set[str]:
    """Return the places of all values that are no tables of process-compose."""
    whole = {"environment", "env_cmds", "vars", "mcp_server", "headers", "schedule", "watch", "mcp"}
    if isinstance(value, dict) and value and place.rpartition(".")[2] not in whole | {"extends"}:
        return set().union(*(leaves(item, join(place, key)) for key, item in value.items()))
    return {place}


def test_every_key_is_remarked_on(loads: Loads, tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("processes: {}")
    (tmp_path / "e").write_text("A=1")
    loaded = loads(EVERY_KEY)
    said = {it.place for it in loaded.remarks}
    wanted = leaves(yaml.safe_load(EVERY_KEY), "")
    wanted = {it.removesuffix(".condition") for it in wanted}
    assert wanted - said == set()
    assert said - wanted == {"processes.a", "processes.b"}


def test_the_test_above_knows_every_key() -> None:
    tables = yaml.safe_load(EVERY_KEY)
    assert hints(schema.ProjectKeys).keys() <= tables.keys()
    both = {**tables["processes"]["a"], **tables["processes"]["b"]}
    assert hints(schema.ProcessKeys).keys() <= both.keys()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 50) | st.floats(allow_nan=False)
    | st.sampled_from(["", "x", "a", "no", "{{.X}}", "{{", "${X}", "process_healthy", "\x00"]),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(st.sampled_from(["a", "b", "x-a", "command", "exec", "port", "restart",
                                       "condition", "http_get", "rotation", "signal"]),
                      inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
PROCESS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(hints(schema.ProcessKeys), VALUES) | {"command": st.just("x")}
)
PROJECT = st.fixed_dictionaries(
    {
        "processes": st.dictionaries(
            st.sampled_from(["a", "b", "../c"]), PROCESS | VALUES, max_size=3
        )
    },
    optional={
        key: VALUES for key in hints(schema.ProjectKeys) if key not in ("processes", "extends")
    },
)


@given(PROJECT)
def test_any_document_is_read_or_refused(tables: dict[str, Any]) -> None:
    content = yaml.safe_dump(tables).encode()
    found = Import(Reader("f"))
    source = Source(Path("process-compose.yaml"), content, Path("/"), ENVIRON)
    with suppress(ConfigErrors):
        process_compose.read(source, found)
        assert found.document or found.reader.mistakes
        read_native(found.document, "tree", Path("/"), ENVIRON)


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    source = Source(Path("process-compose.yaml"), content, Path("/"), ENVIRON)
    with suppress(ConfigErrors):
        process_compose.read(source, Import(Reader("f")))
