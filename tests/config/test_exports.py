"""Trees as files of other tools: what is written there can be read, and nothing is lost unsaid."""

from __future__ import annotations

import configparser
import json
import plistlib
import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.config import load
from supctl.config.exports import KINDS, Export, export_tree
from supctl.config.imports import Fate
from supctl.config.port_sharing import with_shared_port
from supctl.config.yaml_syntax import parse_yaml
from supctl.config.yaml_writing import yaml_text
from supctl.errors import InvalidConfig
from supctl.specs import (
    App,
    Backoff,
    Delay,
    Exec,
    Health,
    Http,
    Jitter,
    Limits,
    Log,
    Notify,
    Output,
    Ready,
    Restart,
    Sources,
    Stop,
    Supervisor,
    Tcp,
    Watchdog,
    Worker,
)
from supctl.specs.log import Compress, LogMode

ENVIRON = {"PATH": "/usr/bin:/bin", "SECRET": "inherited"}
HOME = Path("/srv/shop")
SCRIPT = "echo \"$HOME 100%\" \\ ;\n  echo '#' $(date)\n"

LOG = Log(file="/var/log/web.log", together=True, max_size=2**20, keep=4, mode=LogMode.TIMESTAMPED)


def app(name: str = "web", command: Any = ("sleep", "60"), **keys: Any) -> App:
    env = {**ENVIRON, **keys.pop("env", {})}
    return App(name, command, **{"cwd": "/srv/shop", "env": env, **keys})


FULL = app(
    command=["sh", "-c", SCRIPT],
    cwd="/srv/shop/web",
    env={"MODE": "50% $HOME", "QUOTED": 'a "b" c'},
    restart="transient",
    backoff=Backoff(initial=0.5, factor=3, maximum=20, reset_after=10),
    max_restarts=5,
    within=60,
    give_up_after=3,
    exhausted="shut_down",
    stop_exit_codes=[3],
    min_uptime=2.5,
    essential=True,
    autostart=False,
    depends_on=["db"],
    tags=["front"],
    ready=Ready(Http("http://127.0.0.1:8080/up?x=1"), timeout=12),
    health=Health(Http("http://127.0.0.1:8080/up?x=1"), interval=7, timeout=2, retries=4),
    stop=Stop(signal=2, grace=7.5),
    limits=Limits(memory=2**20, cpu=0.5, pids=9),
    log=Log(
        file="/var/log/web.log", together=True, max_size=2**20, keep=4, mode=LogMode.TIMESTAMPED
    ),
    instances=2,
    umask=0o27,
    user="www-data",
    group=33,
    nice=5,
    rlimits={"nofile": (1024, -1), "sigpending": (5, 5)},
)
SHOP = Supervisor(
    "shop",
    [
        app("db", ["./db"], ready=Notify(), health=Watchdog(9), restart="unless-stopped"),
        FULL,
        Supervisor(
            "back",
            [app("web", restart="temporary"), Worker("mailer", "shop:Mailer")],
            strategy="one_for_all",
        ),
    ],
    max_restarts=None,
)


def tree(*children: Any) -> Supervisor:
    """Return a tree whose root is as a file has it that says nothing of it."""
    return Supervisor("shop", children, max_restarts=None, start_failures="retry")


def export(kind: str, root: Supervisor = SHOP) -> Export:
    return export_tree(root, kind, HOME, ENVIRON)


def one(kind: str, spec: App) -> Export:
    return export(kind, tree(spec))


def remarks(made: Export) -> dict[str, Fate]:
    return {it.place: it.fate for it in made.remarks}


@pytest.mark.parametrize("kind", KINDS)
def test_every_tool_is_told_of_what_it_cannot_say(kind: str) -> None:
    made = export(kind)
    told = remarks(made)
    assert told["apps.back.strategy"] is Fate.LEFT_OUT
    assert told["apps.back.apps.mailer"] is Fate.LEFT_OUT
    assert all(it.detail for it in made.remarks)
    assert len(told) == len(made.remarks)
    assert "inherited" not in "".join(made.files.values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_plain_app_needs_few_words(kind: str) -> None:
    spec = App("web", ["/bin/sleep", "60"], cwd=HOME, env=ENVIRON)
    expected = {
        "procfile": {"apps"},
        "pm2": {"apps.web.stop.signal"},
        "launchd": {"apps.web.log"},
        "kubernetes": {"apps.web.command"},
    }
    assert remarks(one(kind, spec)).keys() == expected.get(kind, set())


ONE_BY_ONE: dict[str, dict[str, Any]] = {
    "restart": {"restart": "temporary"},
    "stays_stopped": {"restart": "unless-stopped"},
    "backoff.initial": {"backoff": Backoff(initial=5)},
    "backoff.factor": {"backoff": Backoff(factor=5)},
    "backoff.maximum": {"backoff": Backoff(maximum=5)},
    "backoff.jitter": {"backoff": Backoff(jitter=Jitter.NONE)},
    "backoff.reset_after": {"backoff": Backoff(reset_after=5)},
    "give_up_after": {"give_up_after": 5},
    "max_restarts": {"max_restarts": 5},
    "within": {"max_restarts": 5, "within": 5},
    "exhausted": {"give_up_after": 5, "exhausted": "keep_trying"},
    "stop_exit_codes": {"stop_exit_codes": [5]},
    "min_uptime": {"min_uptime": 5},
    "essential": {"essential": True},
    "autostart": {"autostart": False},
    "tags": {"tags": ["five"]},
    "ready": {"ready": Http(5)},
    "ready.timeout": {"ready": Ready(Http(5), timeout=5)},
    "health": {"health": Http(5)},
    "health.interval": {"health": Health(Http(5), interval=5)},
    "health.timeout": {"health": Health(Http(5), timeout=6)},
    "health.retries": {"health": Health(Http(5), retries=5)},
    "health.start_period": {"health": Health(Http(5), start_period=5)},
    "stop.signal": {"stop": Stop(signal=3)},
    "stop.grace": {"stop": Stop(grace=5)},
    "stop.force": {"stop": Stop(force=6)},
    "limits.memory": {"limits": Limits(memory=2**20)},
    "limits.cpu": {"limits": Limits(cpu=5)},
    "limits.pids": {"limits": Limits(pids=5)},
    "log.file": {"log": Log(file="/five")},
    "log.error_file": {"log": Log(file="/five", error_file="/six")},
    "log.together": {"log": Log(together=True)},
    "log.merged": {"log": Log(merged=True)},
    "log.mode": {"log": Log(file="/five", mode=LogMode.JSON)},
    "log.max_size": {"log": Log(file="/five", max_size=5000)},
    "log.keep": {"log": Log(file="/five", keep=5)},
    "log.keep_for": {"log": Log(file="/five", keep_for=5e5)},
    "log.compress": {"log": Log(file="/five", compress=Compress.GZIP)},
    "log.sync": {"log": Log(sync=True)},
    "log.required": {"log": Log(required=True)},
    "watch": {"watch": ["five"]},
    "instances": {"instances": 5},
    "port": {"port": 5},
    "detached": {"detached": True},
    "death_signal": {"death_signal": True},
    "umask": {"umask": 5},
    "user": {"user": "five"},
    "group": {"group": "five"},
    "nice": {"nice": 5},
    "rlimits": {"rlimits": {"nofile": (5, 5)}},
}
BEFORE: dict[str, dict[str, Any]] = {
    "within": {"max_restarts": 5},
    "exhausted": {"give_up_after": 5},
    "ready.timeout": {"ready": Http(5)},
    **{f"health.{it}": {"health": Http(5)} for it in ("interval", "timeout", "retries")},
    "health.start_period": {"health": Http(5)},
    **{
        f"log.{it}": {"log": Log(file="/five")}
        for it in ("error_file", "mode", "max_size", "keep", "keep_for", "compress")
    },
}
"""What an app says already in which such a field is said as well."""


@pytest.mark.parametrize("field", ONE_BY_ONE)
@pytest.mark.parametrize("kind", KINDS)
def test_each_field_is_said_or_remarked_on(kind: str, field: str) -> None:
    with_it, without = one(kind, app(**ONE_BY_ONE[field])), one(kind, app(**BEFORE.get(field, {})))
    part = f"apps.web.{field.partition('.')[0]}"
    told = with_it.remarks and any(
        it.place in (part, f"apps.web.{field}") for it in with_it.remarks
    )
    assert told or with_it.files != without.files


def test_the_test_above_knows_every_field() -> None:
    parts = {it.partition(".")[0] for it in ONE_BY_ONE}
    names = {it.name for it in fields(App)}
    by_hand = {"name", "command", "cwd", "env", "has_own_stop", "depends_on", "significant"}
    assert parts == names - by_hand


# systemd: the grammar of systemd.syntax(7), as far as units of services need it


def units(made: Export) -> dict[str, dict[str, list[tuple[str, str]]]]:
    found: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for name, text in made.files.items():
        sections: dict[str, list[tuple[str, str]]] = {}
        for line in text.splitlines():
            if header := re.fullmatch(r"\[([A-Z][a-z]+)\]", line):
                pairs = sections.setdefault(header[1], [])
            elif line:
                key, value = re.fullmatch(r"([A-Z][A-Za-z]+)=(.+)", line).groups()  # type: ignore[union-attr]
                pairs.append((key, value))
        found[name] = sections
    return found


def unquoted(value: str, *, variables: bool) -> list[str]:
    """Return the words of a line as systemd takes them."""
    words = []
    for word in re.findall(r'"(?:[^"\\]|\\.)*"|[^\s"]+', value):
        text = word[1:-1] if word.startswith('"') else word
        text = re.sub(r"\\x(..)|\\(.)", _unescaped, text).replace("%%", "%")
        words.append(text.replace("$$", "$") if variables else text)
    return words


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else {"n": "\n"}.get(match[2], match[2])


def test_systemd_units() -> None:
    made = units(export("systemd"))
    assert list(made) == [
        "shop-db.service",
        "shop-web@.service",
        "shop-back-web.service",
        "shop.target",
    ]
    web = made["shop-web@.service"]
    service = dict(web["Service"])
    assert dict(web["Unit"])["Requires"] == dict(web["Unit"])["After"] == "shop-db.service"
    assert (dict(web["Unit"])["StartLimitBurst"], service["Restart"]) == ("6", "on-failure")
    command = unquoted(service["ExecStart"], variables=True)
    assert (command[0].endswith("/sh"), command[1:]) == (True, ["-c", SCRIPT])
    env = [unquoted(v, variables=False)[0] for k, v in web["Service"] if k == "Environment"]
    assert env == ["MODE=50% $HOME", 'QUOTED=a "b" c']
    wanted = {
        "RestartPreventExitStatus": "3",
        "RestartSec": "0.5",
        "RestartSteps": "3",
        "RestartMaxDelaySec": "20",
        "KillSignal": "SIGINT",
        "TimeoutStopSec": "7.5",
        "User": "www-data",
        "Group": "33",
        "UMask": "0027",
        "Nice": "5",
        "MemoryMax": "1048576",
        "CPUQuota": "50%",
        "TasksMax": "9",
        "LimitNOFILE": "1024:infinity",
        "StandardOutput": "append:/var/log/web.log",
        "StandardError": "append:/var/log/web.log",
        "WorkingDirectory": "/srv/shop/web",
    }
    assert {key: service.get(key) for key in wanted} == wanted
    database = dict(made["shop-db.service"]["Service"])
    assert database["ExecStart"] == "/srv/shop/db"
    assert (database["Type"], database["WatchdogSec"]) == ("notify", "9")
    assert [v for k, v in made["shop.target"]["Unit"] if k == "Wants"] == [
        "shop-db.service",
        "shop-back-web.service",
    ]


def test_launchd_property_lists() -> None:
    made = export("launchd")
    assert list(made.files) == [
        "shop.db.plist",
        "shop.web.1.plist",
        "shop.web.2.plist",
        "shop.back-web.plist",
    ]
    job = plistlib.loads(made.files["shop.web.2.plist"].encode())
    program, *rest = job.pop("ProgramArguments")
    assert (program.endswith("/sh"), rest) == (True, ["-c", SCRIPT])
    assert job == {
        "Label": "shop.web.2",
        "WorkingDirectory": "/srv/shop/web",
        "EnvironmentVariables": {"MODE": "50% $HOME", "QUOTED": 'a "b" c'},
        "RunAtLoad": False,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 1,
        "ExitTimeOut": 8,
        "Umask": 0o27,
        "Nice": 5,
        "UserName": "www-data",
        "SoftResourceLimits": {"NumberOfFiles": 1024},
        "StandardOutPath": "/var/log/web.log",
        "StandardErrorPath": "/var/log/web.log",
    }
    assert remarks(made)["apps.web.rlimits.sigpending"] is Fate.LEFT_OUT


def test_a_property_list_cannot_hold_control_characters() -> None:
    with pytest.raises(InvalidConfig) as caught:
        one("launchd", app(command=["echo", "\x07"]))
    assert caught.value.field == "apps.web"


def supervisord(made: Export) -> configparser.RawConfigParser:
    """Return what supervisord's own parser makes of the file."""
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"), strict=True)
    parser.read_string(made.files["supervisord.conf"])
    return parser


def test_supervisord_sections() -> None:
    parser = supervisord(export("supervisord"))
    assert parser.sections() == [
        "supervisord",
        "program:db",
        "program:web",
        "program:back-web",
    ]
    web = dict(parser["program:web"])
    script = shlex.split(web.pop("command").replace("%%", "%"))[2]
    assert [it.strip() for it in script.split("\n")] == [it.strip() for it in SCRIPT.split("\n")]
    assert web == {
        "directory": "/srv/shop/web",
        "process_name": "%(program_name)s_%(process_num)d",
        "numprocs": "2",
        "numprocs_start": "1",
        "autostart": "false",
        "autorestart": "unexpected",
        "exitcodes": "0,3",
        "startsecs": "3",
        "startretries": "3",
        "stopsignal": "INT",
        "stopwaitsecs": "8",
        "stopasgroup": "true",
        "killasgroup": "true",
        "user": "www-data",
        "umask": "027",
        "environment": 'MODE="50%% $HOME",QUOTED=\'a "b" c\'',
        "redirect_stderr": "true",
        "stdout_logfile": "/var/log/web.log",
        "stdout_logfile_maxbytes": "1048576",
        "stdout_logfile_backups": "4",
        "priority": "2",
    }


@pytest.mark.parametrize("text", ["a 'b' \"c", '"a', "b'", "two\nlines", "a ;b", "a #b"])
def test_supervisord_cannot_quote_everything(text: str) -> None:
    made = one("supervisord", app(env={"A": text}))
    assert remarks(made) == {"apps.web.env.A": Fate.LEFT_OUT}
    assert "environment" not in supervisord(made)["program:web"]


WORDS = st.lists(
    st.text("ab ;#%$'\"\\\n\t{}é", max_size=8), min_size=1, max_size=4
).map(lambda words: ["./x", *words])  # fmt: skip


@given(WORDS)
def test_commands_come_through_every_quoting(words: list[str]) -> None:
    spec = app(command=words)
    (unit, _) = units(one("systemd", spec)).values()
    assert unquoted(dict(unit["Service"])["ExecStart"], variables=True)[1:] == words[1:]
    if not any("\n" in word for word in words):
        line = supervisord(one("supervisord", spec))["program:web"]["command"]
        assert shlex.split(line.replace("%%", "%")) == words
    processes = load_compose(one("compose", spec))
    assert processes["web"]["entrypoint"] == words


def load_compose(made: Export) -> dict[str, Any]:
    text = made.files["process-compose.yaml"].replace("$$", "$")
    found: dict[str, Any] = parse_yaml(text.encode(), "f")["processes"]
    return found


@given(WORDS)
def test_a_procfile_is_for_a_shell(words: list[str]) -> None:
    spec = app(command=["printf", "%s|", *words], env={"A": "b c"})
    line = one("procfile", spec).files["Procfile"]
    assert line.startswith("web: exec env 'A=b c' printf ")
    assert line.count("\n") == 1


def test_a_shell_runs_the_line_of_a_procfile(tmp_path: Path) -> None:
    words = ["a b", "two\n lines \\n", "$HOME 'x' \"y\"", "%s"]
    spec = app(command=["printf", "%s|", *words], cwd=str(tmp_path), env={"A": "b c"})
    line = one("procfile", spec).files["Procfile"].removeprefix("web: ")
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout == "".join(f"{word}|" for word in words)


def test_pm2_apps() -> None:
    text = export("pm2").files["ecosystem.config.js"]
    document = json.loads(text.removeprefix("module.exports = ").removesuffix(";\n"))
    apps = {it["name"]: it for it in document["apps"]}
    assert list(apps) == ["db", "web", "back-web"]
    assert apps["web"] == {
        "name": "web",
        "script": "sh",
        "args": ["-c", SCRIPT],
        "interpreter": "none",
        "exec_mode": "fork",
        "cwd": "/srv/shop/web",
        "env": {"MODE": "50% $HOME", "QUOTED": 'a "b" c'},
        "instances": 2,
        "restart_delay": 500,
        "stop_exit_codes": [0, 3],
        "min_uptime": 2500,
        "max_restarts": 3,
        "kill_timeout": 7500,
        "uid": "www-data",
        "gid": 33,
        "out_file": "/var/log/web.log",
        "error_file": "/var/log/web.log",
        "time": True,
        "max_memory_restart": "1048576",
        "autostart": False,
    }
    assert apps["back-web"]["autorestart"] is False


def test_a_port_is_shared_by_copies_of_a_script_that_node_runs() -> None:
    env = with_shared_port({"NODE_OPTIONS": "--trace-exit"})
    node = app("web", ("/usr/bin/node", "--a", "b.js", "--c"), env=env, instances=2)
    made = export("pm2", tree(node, app("npm", ("npm", "start"), env=env)))
    web, npm = json.loads(made.files["ecosystem.config.js"].partition("= ")[2][:-2])["apps"]
    assert (web["interpreter"], web["interpreter_args"]) == ("/usr/bin/node", ["--a"])
    assert (web["script"], web["args"], web["exec_mode"]) == ("b.js", ["--c"], "cluster")
    assert web["env"] == npm["env"] == {"NODE_OPTIONS": "--trace-exit"}
    assert npm["exec_mode"] == "fork"
    assert remarks(made)["apps.npm.share_port"] is Fate.LEFT_OUT
    assert "apps.web.share_port" not in remarks(made)


def test_pm2_watches() -> None:
    sources = Sources(["src"], ignore=["*.log"], debounce=1)
    (text,) = one("pm2", app(watch=sources)).files.values()
    (said,) = json.loads(text.removeprefix("module.exports = ").removesuffix(";\n"))["apps"]
    ignored = ["node_modules", ".git", "__pycache__", ".venv", "*.log"]
    assert (said["watch"], said["ignore_watch"], said["watch_delay"]) == (["src"], ignored, 1000)


def test_kubernetes_manifests() -> None:
    made = export("kubernetes")
    web = parse_yaml(made.files["web.yaml"].encode(), "f")
    (container,) = web["spec"]["template"]["spec"]["containers"]
    page = {"httpGet": {"path": "/up?x=1", "port": 8080, "scheme": "HTTP"}}
    assert (web["kind"], web["spec"]["completions"], web["spec"]["suspend"]) == ("Job", 2, True)
    assert container["command"] == ["sh", "-c", SCRIPT.replace("$(", "$$(")]
    assert container["env"][0] == {"name": "MODE", "value": "50% $HOME"}
    assert container["resources"] == {"limits": {"memory": "1048576", "cpu": "500m"}}
    assert container["securityContext"] == {"runAsGroup": 33}
    assert container["startupProbe"] == {**page, "periodSeconds": 1, "failureThreshold": 12}
    assert container["livenessProbe"]["httpGet"] == page["httpGet"]
    database = parse_yaml(made.files["db.yaml"].encode(), "f")
    assert (database["kind"], database["spec"]["replicas"]) == ("Deployment", 1)


# Read back by ourselves


def read_back(made: Export, directory: Path) -> dict[str, App]:
    (name, text), *_ = made.files.items()
    (directory / name).write_text(text)
    loaded = load(directory / name, ENVIRON, to_run_here=False)
    return {it.name: it for it in loaded.root.children if isinstance(it, App)}


def test_process_compose_is_read_back(tmp_path: Path) -> None:
    apps = read_back(export("compose"), tmp_path)
    assert list(apps) == ["db", "web", "back-web"]
    web = apps["web"]
    assert web == app(
        command=FULL.command,
        cwd=FULL.cwd,
        env={"MODE": "50% $HOME", "QUOTED": 'a "b" c'},
        restart="transient",
        backoff=Backoff(initial=1, factor=1, maximum=1, jitter=Jitter.NONE),
        give_up_after=3,
        stop_exit_codes=[3],
        essential=True,
        autostart=False,
        depends_on=["db"],
        tags=["front"],
        ready=Ready(Http("http://127.0.0.1:8080/up?x=1", status=200), timeout=30),
        health=Health(
            Http("http://127.0.0.1:8080/up?x=1", status=200), interval=7, timeout=2, retries=4
        ),
        stop=Stop(signal=2, grace=8),
        log=Log(
            file="/var/log/web.log", together=True, max_size=2**20, keep=4, mode=LogMode.TIMESTAMPED
        ),
        instances=2,
    )


@pytest.mark.parametrize(
    ("spec", "condition"),
    [
        (app("db"), "process_started"),
        (app("db", ready=Tcp(1)), "process_started"),
        (app("db", ready=Delay(1)), "process_started"),
        (app("db", ready=Exec(["true"])), "process_healthy"),
        (app("db", ready=Output("up")), "process_log_ready"),
    ],
)
def test_process_compose_waits_as_well_as_it_can(spec: App, condition: str) -> None:
    made = export("compose", tree(spec, app("web", depends_on=["db"])))
    assert load_compose(made)["web"]["depends_on"] == {"db": {"condition": condition}}


@pytest.mark.parametrize(
    ("wanted", "condition", "ties"),
    [
        ("completed", "process_completed_successfully", "Requires"),
        ("ended", "process_completed", "Wants"),
    ],
)
def test_ends_that_are_waited_for(wanted: str, condition: str, ties: str) -> None:
    job = app("job", restart="transient", stop_exit_codes=[3])
    root = tree(job, app("web", depends_on={"job": wanted}))
    made = export("compose", root)
    assert load_compose(made)["web"]["depends_on"] == {"job": {"condition": condition}}
    units = export("systemd", root).files
    assert f"{ties}=shop-job.service\nAfter=shop-job.service\n" in units["shop-web.service"]
    for line in ("Type=oneshot", "RemainAfterExit=yes", "SuccessExitStatus=3"):
        assert f"{line}\n" in units["shop-job.service"]
    assert not any("depends_on" in it.place for it in made.remarks)


def test_a_supervisor_that_is_depended_on_means_all_its_apps() -> None:
    root = tree(Supervisor("back", [app("a"), app("b")]), app("web", depends_on=["back"]))
    depends_on = load_compose(export("compose", root))["web"]["depends_on"]
    assert list(depends_on) == ["back-a", "back-b"]


def test_names_stay_unique() -> None:
    root = tree(app("a-b"), Supervisor("a", [app("b")]))
    assert list(load_compose(export("compose", root))) == ["a-b", "a-b-2"]


PLAIN = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.text(
    "a:#- \n'\"no{}[],&*!|>%@`~0.", max_size=10
)
TABLES = st.recursive(
    st.booleans() | st.integers(-(10**9), 10**9) | PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PLAIN, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(PLAIN, TABLES, max_size=3))
def test_yaml_is_read_as_it_was_written(tables: Mapping[str, Any]) -> None:
    assert parse_yaml(yaml_text(dict(tables)).encode(), "f") == tables


def test_supervisord_is_read_back(tmp_path: Path) -> None:
    apps = read_back(export("supervisord"), tmp_path)
    web = apps["web"]
    assert list(apps) == ["db", "web", "back-web"]
    assert web.env is not None
    assert web.env["MODE"] == "50% $HOME"
    assert web.env["QUOTED"] == 'a "b" c'
    assert (web.cwd, web.instances, web.autostart) == (FULL.cwd, 2, False)
    assert (web.restart, web.stop_exit_codes) == (FULL.restart, FULL.stop_exit_codes)
    assert (web.give_up_after, web.stop) == (3, Stop(signal=2, grace=8))
    assert (web.umask, web.user) == (FULL.umask, FULL.user)
    assert web.log is not None
    assert (web.log.file, web.log.together, web.log.keep) == ("/var/log/web.log", True, 4)
    assert apps["back-web"].restart is Restart.TEMPORARY


def test_a_procfile_is_read_back(tmp_path: Path) -> None:
    spec = app(command=["printf", "%s|", "a b", "c\nd"], cwd=str(tmp_path), env={"A": "b c"})
    made = one("procfile", spec)
    (shell, *rest) = read_back(made, tmp_path)["web"].command
    done = subprocess.run([shell, *rest], capture_output=True, text=True, check=True)
    assert done.stdout == "a b|c\nd|"


def test_a_unit_is_read_back(tmp_path: Path) -> None:
    spec = app(
        command=["/bin/sh", "-c", SCRIPT],
        env={"MODE": "50% $HOME", "QUOTED": 'a "b" c'},
        restart="transient",
        backoff=Backoff(initial=0.5, factor=1, maximum=0.5, jitter=Jitter.NONE),
        stop=Stop(signal=2, grace=7.5),
        limits=Limits(memory=2**20, cpu=0.5, pids=9),
        umask=0o27,
        user="root",
        nice=5,
        rlimits={"nofile": (1024, -1)},
    )
    (unit,) = read_back(one("systemd", spec), tmp_path).values()
    assert unit.env is not None
    assert {name: unit.env[name] for name in ("MODE", "QUOTED")} == {
        "MODE": "50% $HOME",
        "QUOTED": 'a "b" c',
    }
    for name in ("command", "cwd", "restart", "backoff", "stop", "limits", "umask", "user"):
        assert getattr(unit, name) == getattr(spec, name), name
    assert (unit.nice, dict(unit.rlimits)) == (5, {"nofile": (1024, -1)})


@pytest.mark.skipif(find_spec("supctl.config.readers.pm2") is None, reason="no reader for PM2 yet")
def test_pm2_is_read_back(tmp_path: Path) -> None:
    web = read_back(export("pm2"), tmp_path)["web"]
    assert (web.command, web.cwd, web.instances) == (FULL.command, FULL.cwd, 2)
