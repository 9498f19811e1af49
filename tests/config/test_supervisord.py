from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supctl.config import ConfigErrors, load
from supctl.config.loading import LoadedTree
from supctl.config.readers.supervisord.expansions import expand
from supctl.config.readers.supervisord.keys import PROGRAM
from supctl.specs import App, Log, Supervisor
from supctl.specs.log import LogMode, LogTarget

Write = Callable[..., Path]
ENVIRON = {"PATH": "/usr/bin:/bin", "LEVEL": "debug", "PERCENT": "50%"}
EXAMPLES = Path(__file__).parents[2] / "examples" / "formats" / "supervisord"
WEB = "[program:web]\ncommand=sleep 60\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str, name: str = "supervisord.conf") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


def app_of(loaded: LoadedTree, name: str = "web") -> App:
    (app,) = (it for it in loaded.root.children if it.name == name)
    assert isinstance(app, App)
    return app


def remarks(loaded: LoadedTree) -> dict[str, str]:
    return {it.place: str(it) for it in loaded.remarks}


def sentences(path: Path) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        load(path, ENVIRON)
    return [str(mistake).removeprefix(f"{path}") for mistake in caught.value.mistakes]


def test_the_example(write: Write) -> None:
    loaded = load(EXAMPLES / "supervisord.conf", ENVIRON)
    web, background, cleanup = loaded.root.children
    assert isinstance(web, App)
    assert isinstance(background, Supervisor)
    assert [child.name for child in background.children] == ["clock", "worker"]
    assert web.command == ("python3", "-u", "web.py", "--name", "the shop")
    assert web.env is not None
    assert web.env["GREETING"] == "hello, world"
    assert web.env["STAGE"] == "demo"
    assert (web.give_up_after, web.min_uptime, web.stop.grace) == (3, 1.0, 5.0)
    assert cleanup.restart == "transient"


def test_every_key_of_the_example_is_remarked_on() -> None:
    loaded = load(EXAMPLES / "supervisord.conf", ENVIRON)
    said = set(remarks(loaded))
    for file, prefix in (("supervisord.conf", ""), ("conf.d/workers.conf", "conf.d/workers.conf:")):
        section = ""
        for number, line in enumerate((EXAMPLES / file).read_text().splitlines(), 1):
            place = f"{prefix}{number} " if prefix else ""
            if header := re.match(r"\[(.+)\]", line):
                section = header[1]
            elif (key := re.match(r"\w+", line)) and section.split(":")[0] not in (
                "unix_http_server",
                "rpcinterface",
                "supervisorctl",
            ):
                assert f"{place}{section}.{key[0]}" in said


def test_what_it_becomes_in_our_own_format_is_the_same_tree(tmp_path: Path) -> None:
    loaded = load(EXAMPLES / "supervisord.conf", ENVIRON, to_run_here=False)
    path = tmp_path / "supctl.json"
    path.write_text(json.dumps(loaded.document))
    moved = str(EXAMPLES)  # a program without a directory starts in that of its file
    again = load(path, ENVIRON, to_run_here=False).root
    assert str(again.children).replace(f"'{tmp_path}'", f"'{moved}'") == str(loaded.root.children)


def test_what_is_not_said_is_as_under_supervisord(write: Write) -> None:
    web = app_of(load(write(WEB), ENVIRON))
    assert web.restart == "transient"
    assert (web.give_up_after, web.min_uptime) == (3, 1.0)
    assert [web.backoff.delay(n, 0, lambda: 0.5) for n in range(3)] == [1, 2, 3]
    assert web.env == ENVIRON


@pytest.mark.parametrize(
    ("lines", "field", "value"),
    [
        ("autorestart=true", "restart", "permanent"),
        ("autorestart=false", "restart", "temporary"),
        ("exitcodes=0,2", "stop_exit_codes", (2,)),
        ("exitcodes=2", "restart", "permanent"),
        ("exitcodes=2", "stop_exit_codes", (2,)),
        ("startsecs=0", "min_uptime", 0.0),
        ("startretries=10", "give_up_after", 10),
        ("umask=022", "umask", 0o22),
        ("autostart=no", "autostart", False),
        ("redirect_stderr=true", "log", Log(together=True)),
        ("stdout_logfile=/dev/fd/1", "log", Log(to=LogTarget.STDOUT)),
        ("stdout_logfile=NONE\nstderr_logfile=/dev/null", "log", Log(mode=LogMode.NONE)),
        ("stdout_logfile=/tmp/%(program_name)s.log", "log", Log(file="/tmp/web.log")),
        ("stdout_logfile_maxbytes=0", "log", Log(max_size=None)),
        ("stdout_logfile_maxbytes=1MB", "log", Log(max_size=2**20)),
        ("stdout_syslog=true", "log", Log(to=LogTarget.SYSLOG)),
        ("command=echo %%d %(ENV_LEVEL)s", "command", ("echo", "%d", "debug")),
        ("command=echo a;b # c", "command", ("echo", "a;b")),
        ("command: echo a\n  b", "command", ("echo", "a", "b")),
        ("command=sh A\\ B\\ (x86) \"a\"x'b'", "command", ("sh", "A B (x86)", "axb")),
        ("command=echo %(ENV_OWN)s\nenvironment=OWN=x", "command", ("echo", "x")),
    ],
)
def test_keys(write: Write, lines: str, field: str, value: Any) -> None:
    path = write(f"{WEB}{lines}\n")
    app = app_of(load(path, ENVIRON))
    assert getattr(app, field) == value


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            "autorestart=sometimes",
            ":3: program:web.autorestart is 'sometimes'; wanted true, false or",
        ),
        ("startsecs=x", ":3: program:web.startsecs is 'x'; wanted a whole number, 0 or more"),
        ("stopsignal=TREM", ":3: program:web.stopsignal is 'TREM'; wanted a signal of this system"),
        (
            "command=%(ENV_NOPE)s",
            ":3: program:web.command is '%(ENV_NOPE)s'; wanted a variable that",
        ),
        ("command=date +%d", ":3: program:web.command is '%d'; wanted %% for a percent sign"),
        ("command=%(program_nam)s", "did you mean 'program_name'?"),
        ("command=no-such-program", ":3: program:web.command starts 'no-such-program'"),
        ("numprocs=2", ":3: program:web.numprocs is 2, and all would have the same name"),
        ("numprocs=99999", ":3: program:web.numprocs is 99999; wanted a number from 0 to 10000"),
        (
            "environment=ENVIRONMENT",
            ":3: program:web.environment is 'ENVIRONMENT'; wanted variables",
        ),
        ("command=echo 'a ; b' ; c", ':3: program:web.command is "echo \'a"; wanted a program'),
        ("environment=A='x", "no closing quotation"),
        ("nonsense", ":3: holds 'nonsense'; wanted key = value"),
        ("[group:g]\nprograms=wbe", ":4: group:g.programs names 'wbe'; wanted sections"),
    ],
)
def test_a_mistake_has_its_line(write: Write, lines: str, sentence: str) -> None:
    (said,) = sentences(write(f"{WEB}{lines}\n"))
    assert sentence in said


def test_all_mistakes_are_told_at_once(write: Write) -> None:
    text = f"{WEB}startsecs=x\n[program:other]\nautostart=maybe\n"
    assert [it.split(" is ")[0].split(" has ")[0] for it in sentences(write(text))] == [
        ":3: program:web.startsecs",
        ":4: program:other",
        ":5: program:other.autostart",
    ]


def test_an_unknown_key_is_warned_of(write: Write) -> None:
    said = remarks(load(write(f"{WEB}autorestat=true\n"), ENVIRON))
    assert said["program:web.autorestat"].endswith(
        "supervisord has no such key (did you mean 'autorestart'?)"
    )


def test_what_is_run_but_not_here_is_told_aloud(write: Write) -> None:
    listener = "[eventlistener:memmon]\ncommand=memmon\nevents=TICK_60\n"
    loaded = load(write(f"{WEB}{listener}[fcgi-program:php]\ncommand=php\n"), ENVIRON)
    assert [it.name for it in loaded.root.children] == ["web"]
    assert [it.partition(" is ")[0] for it in loaded.notes[:2]] == [
        "eventlistener:memmon",
        "fcgi-program:php",
    ]


def test_same_processes_are_instances_and_others_are_apps(write: Write) -> None:
    numbers = "numprocs=2\nprocess_name=%(program_name)s-%(process_num)s\nnumprocs_start=5\n"
    assert app_of(load(write(WEB + numbers), ENVIRON)).instances == 2
    different = "user=worker%(process_num)d\n"
    loaded = load(write(WEB + numbers + different), ENVIRON, to_run_here=False)
    (web,) = loaded.root.children
    assert isinstance(web, Supervisor)
    assert [(it.name, it.user) for it in web.children if isinstance(it, App)] == [
        ("web-5", "worker5"),
        ("web-6", "worker6"),
    ]


@pytest.mark.parametrize(
    ("start", "count", "text", "expected"),
    [
        (0, 2, "80%(process_num)02d{port}", "800{index}{{port}}"),
        (1, 2, "%(process_num)s", "{instance}"),
        (1, 9, "%(process_num)2d", " {instance}"),
        (8000, 3, "x%(process_num)d", "x{port}"),
        (0, 12, "%(process_num)d", "{index}"),
    ],
)
def test_processes_that_differ_by_their_number_are_instances(
    write: Write, start: int, count: int, text: str, expected: str
) -> None:
    keys = f"numprocs={count}\nnumprocs_start={start}\nprocess_name=%(process_num)s\n"
    loaded = load(write(f"{WEB}{keys}environment=X='{text}'\n"), ENVIRON)
    app = app_of(loaded)
    assert (app.env or {})["X"] == expected
    names: dict[str, str | int] = {"program_name": "web"}
    for index in range(count):
        own = app.instance(index + 1).environment({})
        assert own["X"] == expand("", text, {**names, "process_num": start + index})
    assert app.port == (start if start > 1 else None)
    assert any("%(process_num) became {" in it.detail for it in loaded.remarks)


def test_numbers_of_several_widths_are_apps_of_their_own(write: Write) -> None:
    keys = "numprocs=11\nprocess_name=%(process_num)s\nenvironment=X='%(process_num)02d'\n"
    (web,) = load(write(WEB + keys), ENVIRON).root.children
    assert isinstance(web, Supervisor)
    assert len(web.children) == 11


def test_a_program_may_be_in_two_groups(write: Write) -> None:
    text = f"{WEB}[group:a]\nprograms=web\n[group:b]\nprograms=web,web\n"
    loaded = load(write(text), ENVIRON)
    groups = [it for it in loaded.root.children if isinstance(it, Supervisor)]
    assert [(it.name, [app.name for app in it.children]) for it in groups] == [
        ("a", ["web"]),
        ("b", ["web", "web-2"]),
    ]


def test_priority_and_then_name_is_the_order(write: Write) -> None:
    text = "".join(
        f"[program:{name}]\ncommand=sleep 1\npriority={priority}\n"
        for name, priority in (("c", 1), ("b", -5), ("a", 1))
    )
    names = [it.name for it in load(write(text), ENVIRON).root.children]
    assert names == ["b", "a", "c"]


def test_of_what_is_said_again_the_last_counts(write: Write) -> None:
    write("[program:web]\nautostart=no\n", "conf.d/web.conf")
    text = f"{WEB}umask=022\numask=027\n[program:web]\ncommand=sleep 1\n"
    loaded = load(write(f"{text}autostart=yes\n[include]\nfiles=conf.d/*"), ENVIRON)
    web = app_of(loaded)
    assert (web.command, web.umask, web.autostart) == (("sleep", "1"), 0o27, False)
    assert [str(it) for it in loaded.remarks if "again" in it.detail] == [
        "program:web.umask (left out): it is said again in line 4",
        "program:web.command (left out): it is said again in line 6",
        "program:web.autostart (left out): it is said again in conf.d/web.conf:2",
    ]


def test_includes(write: Write, tmp_path: Path) -> None:
    write(f"{WEB}startsecs=x\n[include]\nfiles=other", "conf.d/bad.conf")
    write("what\n", "conf.d/worse.conf")
    path = write("[include]\nfiles=conf.d/*.conf none/* supervisord.conf\n")
    assert sentences(path) == [
        ": conf.d/worse.conf:1 begins with 'what'; wanted a section first, such as [program:web]",
        ": conf.d/bad.conf:3 program:web.startsecs is 'x'; wanted a whole number, 0 or more",
    ]
    write(WEB, "conf.d/bad.conf")
    write("[program:b]\ncommand=echo %(here)s\n", "conf.d/worse.conf")
    loaded = load(path, ENVIRON)
    assert app_of(loaded, "b").command == ("echo", str(tmp_path / "conf.d"))
    assert "include.files finds no file like none/*" in loaded.notes
    assert "read already" in remarks(loaded)["include.files supervisord.conf"]


def test_odd_includes_do_no_harm(write: Write, tmp_path: Path) -> None:
    (tmp_path / "loop.conf").symlink_to("loop.conf")
    (tmp_path / "folder.conf").mkdir()
    files = f"loop.conf folder.conf {'x' * 300} /dev/null [ *"
    loaded = load(write(f"{WEB}[include]\nfiles={files}\n"), ENVIRON)
    assert app_of(loaded).command == ("sleep", "60")


def test_a_missing_program_of_an_included_file_is_placed_there(write: Write) -> None:
    write("[program:b]\ncommand=no-such\n", "conf.d/b.conf")
    (said,) = sentences(write("[include]\nfiles=conf.d/b.conf\n"))
    assert said.startswith(": conf.d/b.conf:2 program:b.command starts 'no-such'")


def test_quotes_may_come_from_a_variable(write: Write) -> None:
    path = write("[program:web]\ncommand=echo %(ENV_QUOTE)sa b' '&&' c\n")
    loaded = load(path, {**ENVIRON, "QUOTE": "'"})
    assert app_of(loaded).command == ("echo", "a b", "&&", "c")
    assert any("holds '&&', which reaches the program as it is" in note for note in loaded.notes)


def test_a_percent_sign_in_a_variable_is_only_that(write: Write) -> None:
    loaded = load(write("[program:web]\ncommand=echo %(ENV_PERCENT)s\n"), ENVIRON)
    assert app_of(loaded).command == ("echo", "50%")


def test_crlf_and_a_byte_order_mark(write: Write) -> None:
    path = write("")
    path.write_bytes(b"\xef\xbb\xbf[program:web]\r\ncommand=sleep 60 ; yes\r\n")
    assert app_of(load(path, ENVIRON)).command == ("sleep", "60")


def test_nothing_to_run(write: Write) -> None:
    assert sentences(write("[supervisord]\nnodaemon=true\n")) == [
        ": has no program that supctl could run; wanted a section [program:NAME]"
    ]


def test_files_of_others_are_not_claimed(write: Write) -> None:
    assert "does not parse" in sentences(write("server { listen 80; }\n", "nginx.conf"))[0]


NUMBERS = ("process_name", "numprocs", "numprocs_start", "priority", "stopasgroup")
KEYS = st.sampled_from((*PROGRAM.mapped, *PROGRAM.changed, *NUMBERS, "programs", "files", "odd"))
VALUES = st.one_of(
    st.sampled_from(
        ["true", "no", "3", "-1", "NONE", "AUTO", "/dev/stdout", "%(process_num)02d", "a,b", "sh"]
    ),
    st.text(max_size=20),
)
SECTIONS = st.sampled_from(
    [
        "program:a",
        "program:b",
        "program:",
        "group:a",
        "group:g/x",
        "supervisord",
        "include",
        "DEFAULT",
    ]
)
TABLES = st.lists(st.tuples(SECTIONS, st.lists(st.tuples(KEYS, VALUES), max_size=6)), max_size=5)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tables=TABLES)
def test_whatever_it_holds_it_loads_or_is_refused(tmp_path: Path, tables: Any) -> None:
    text = "[program:a]\ncommand=sh\n"
    for section, items in tables:
        text += f"[{section}]\n" + "".join(f"{key}={value}\n" for key, value in items)
    check(tmp_path, text.encode("utf-8", "surrogatepass"))


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=60))
def test_any_bytes_load_or_are_refused(tmp_path: Path, content: bytes) -> None:
    check(tmp_path, b"[program:a]\n" + content)


def check(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "supervisord.conf"
    path.write_bytes(content)
    with suppress(ConfigErrors):
        assert load(path, ENVIRON, to_run_here=False).root.children
