from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supctl.config import ConfigErrors, load
from supctl.config.readers.systemd.keys import RLIMITS, SERVICE
from supctl.config.readers.systemd.values import parse_span
from supctl.config.readers.systemd.words import put_in, split
from supctl.errors import InvalidConfig
from supctl.specs import App, Limits, Log, Notify, Ready, Watchdog
from supctl.specs.log import LogMode, LogTarget

Write = Callable[..., Path]
ENVIRON = {"PATH": "/usr/bin:/bin", "HOME": "/root", "SECRET": "x"}
EXAMPLES = Path(__file__).parents[2] / "examples" / "formats" / "systemd"
START = "[Service]\nExecStart=/bin/sleep 60\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str, name: str = "web.service") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


def app_of(path: Path) -> App:
    (app,) = load(path, ENVIRON).root.children
    assert isinstance(app, App)
    return app


def sentences(path: Path) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        load(path, ENVIRON)
    return [str(mistake).removeprefix(f"{path}") for mistake in caught.value.mistakes]


def test_the_example() -> None:
    web = app_of(EXAMPLES / "web.service")
    assert web.command[3:] == ("-m", "http.server", "--bind", "127.0.0.1", "0")
    assert web.env == {
        "PATH": "/usr/bin:/bin",
        "HOME": "/root",
        "PORT": "0",
        "GREETING": "hello, world",
    }
    assert (web.max_restarts, web.within, web.backoff.initial) == (3, 60.0, 2.0)
    assert (web.stop.signal, web.stop.grace, web.stop_exit_codes) == (2, 15.0, (3,))
    assert (web.umask, web.nice, web.rlimits) == (0o27, 5, {"nofile": (256, 512)})


@pytest.mark.parametrize("name", ["web.service", "ticker@60.service"])
def test_every_directive_is_remarked_on(name: str) -> None:
    loaded = load(EXAMPLES / name, ENVIRON)
    text = (EXAMPLES / name).read_text()
    lines = [line for line in text.splitlines() if "=" in line and line[0].isupper()]
    assert len(loaded.remarks) == len(lines) + 1  # and one for the service
    known = {*SERVICE.mapped, *SERVICE.changed, *SERVICE.left_out, *RLIMITS}
    assert {line.partition("=")[0] for line in lines} <= known


@pytest.mark.parametrize("name", ["web.service", "ticker@60.service"])
def test_what_it_becomes_in_our_own_format_is_the_same_tree(name: str, tmp_path: Path) -> None:
    loaded = load(EXAMPLES / name, ENVIRON)
    path = tmp_path / "supctl.json"
    path.write_text(json.dumps(loaded.document))
    assert load(path, ENVIRON).root.children == loaded.root.children


def test_what_is_not_said_is_as_under_systemd(write: Write) -> None:
    app = app_of(write(START))
    assert (app.restart, app.cwd, app.stop.grace) == ("temporary", "/", 90.0)
    assert app.env == {"PATH": "/usr/bin:/bin", "HOME": "/root"}
    app = app_of(write(f"{START}Restart=always\n"))
    assert (app.max_restarts, app.within) == (5, 10.0)
    assert [app.backoff.delay(n, 0, lambda: 0.5) for n in range(3)] == [0.1] * 3


@pytest.mark.parametrize(
    ("lines", "field", "value"),
    [
        ("Restart=on-failure", "restart", "transient"),
        ("Restart=on-abnormal", "restart", "transient"),
        ("Restart=on-success", "restart", "temporary"),
        ("Restart=always\nRestartPreventExitStatus=1 SIGHUP 2", "stop_exit_codes", (1, 2)),
        ("Restart=always\nStartLimitInterval=0", "max_restarts", None),
        ("Type=notify\nTimeoutStartSec=1min 30s", "ready", Ready(Notify(), 90.0)),
        ("Type=forking", "detached", True),
        ("User=0", "user", 0),
        ("UMask=0077", "umask", 0o77),
        ("Nice=-5", "nice", -5),
        ("LimitCORE=infinity\nLimitAS=4G", "rlimits", {"core": (-1, -1), "as": (2**32, 2**32)}),
        ("MemoryMax=512M\nCPUQuota=150%\nTasksMax=9", "limits", Limits(512 * 2**20, 1.5, 9)),
        ("MemoryMax=infinity\nTasksMax=10%", "limits", Limits()),
        ("StandardOutput=append:/tmp/x.log", "log", Log(file="/tmp/x.log", together=True)),
        ("StandardOutput=null", "log", Log(mode=LogMode.NONE)),
        ("StandardOutput=journal", "log", Log(to=LogTarget.JOURNALD)),
        ("StandardError=file:/tmp/x.log", "log", Log(error_file="/tmp/x.log")),
        ("WorkingDirectory=/tmp", "cwd", "/tmp"),
        ("ExecStart=\nExecStart=/bin/echo %%  'a  b' \"c\\x41\" \\\n # no\n  d", "command", None),
    ],
)
def test_directives(write: Write, lines: str, field: str, value: Any) -> None:
    value = ("/bin/echo", "%", "a  b", "cA", "d") if field == "command" else value
    assert getattr(app_of(write(f"{START}{lines}\n")), field) == value


def test_a_watchdog_is_a_health_check(write: Write) -> None:
    health = app_of(write(f"{START}WatchdogSec=30\n")).health
    assert health is not None
    assert health.probe == Watchdog(30.0)


def test_steps_of_restarts(write: Write) -> None:
    lines = "Restart=always\nRestartSec=1\nRestartSteps=3\nRestartMaxDelaySec=8"
    backoff = app_of(write(f"{START}{lines}\n")).backoff
    assert [backoff.delay(n, 0, lambda: 0.5) for n in range(5)] == [1, 2, 4, 8, 8]


def test_commands_of_a_oneshot_follow_each_other(write: Write) -> None:
    text = "[Service]\nType=oneshot\nExecStart=/bin/echo 'a b'\nExecStart=-/bin/false\n"
    command = app_of(write(text)).command
    assert command == ("sh", "-c", "{ /bin/echo 'a b'; } && { /bin/false || :; }")


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("web@a-b.service", "%i", "a-b"),
        ("web@a-b.service", "%I", "a/b"),
        ("web@a-b.service", "%f", "/a/b"),
        ("web@a.service", "%n", "web@a.service"),
        ("web@a.service", "%p", "web"),
        ("web.service", "%N", "web"),
        ("web.service", "%t/x", "/run/x"),
        ("user/web.service", "%C", "/root/.cache"),
        ("web.service", "%h", "/root"),
    ],
)
def test_specifiers(write: Write, name: str, text: str, word: str) -> None:
    path = write(f"[Service]\nWorkingDirectory=/\nExecStart=/bin/echo {text}\n", name)
    assert app_of(path).command == ("/bin/echo", word)


def test_variables_of_files_are_there_and_in_commands(write: Write, tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("B='two words'\nA=file\n")
    lines = "Environment=A=unit C=c\nEnvironmentFile=a.env\nEnvironmentFile=-none\n"
    app = app_of(
        write(f"[Service]\n{lines}ExecStart=/bin/echo ${{A}}$B $B x${{B}} $$ $NO ${{NO}}\n")
    )
    assert app.env == {
        "PATH": "/usr/bin:/bin",
        "HOME": "/root",
        "A": "file",
        "B": "two words",
        "C": "c",
    }
    assert app.command == ("/bin/echo", "file$B", "two", "words", "xtwo words", "$", "")


def test_words() -> None:
    assert split("x", r"'b \"c' d\sf \; ''") == ['b "c', "d f", ";", ""]
    assert split("x", r"'\.c' \(") == [r"\.c", r"\("]
    assert put_in(["$A", "$$A", "${A}b", "$Ab"], {"A": "x y"}) == ["x", "y", "$A", "x yb"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1min 30s", 90), ("1.5h", 5400), ("100ms", 0.1), ("2d", 172800), ("1M", 2629800)],
)
def test_spans(text: str, seconds: float) -> None:
    assert parse_span("x", text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["5 parsecs", "s", "-1", "1e3"])
def test_no_spans(text: str) -> None:
    with pytest.raises(InvalidConfig, match="time span"):
        parse_span("x", text)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("Restart=sometimes", ":3: Service.Restart is 'sometimes'; wanted one of no, always"),
        ("RestartSec=soon", ":3: Service.RestartSec is 'soon'; wanted a time span"),
        ("Environment=A", ":3: Service.Environment holds 'A'; wanted NAME=value"),
        ("EnvironmentFile=none", "if it may be missing"),
        (f"EnvironmentFile={'x' * 300}", "wanted a file of variables that can be read"),
        ("EnvironmentFile=loop", "wanted a file of variables that can be read"),
        ("KillSignal=TREM", ":3: Service.KillSignal is 'TREM'; wanted a signal"),
        ("what", ":3: holds 'what'; wanted Name=value"),
        (
            "ExecStart=/bin/echo %q",
            ":3: Service.ExecStart[2] is '%q'; wanted %% for a percent sign",
        ),
        ("ExecStart=\nExecStart=/none/prog", ":4: Service.ExecStart[3] starts '/none/prog'"),
        ("ExecStart=\nExecStart=", ":2: Service has no ExecStart; wanted a program to run"),
        ("ExecStart=\nExecStart=echo 'a", "wanted quotes that are closed"),
        ("ExecStart=/bin/echo", "comes more than once; wanted one program"),
        ("CPUQuota=fast", ":3: Service.CPUQuota is 'fast'; wanted processors"),
        ("LimitNOFILE=many", ":3: Service.LimitNOFILE is 'many'; wanted a limit"),
        ("MemoryMax=lots", ":3: Service.MemoryMax is 'lots'; wanted a size"),
    ],
)
def test_mistakes(write: Write, lines: str, sentence: str) -> None:
    path = write(f"{START}{lines}\n")
    path.with_name("loop").symlink_to("loop")
    said = sentences(path)
    assert any(sentence in it for it in said), said


def test_what_is_run_beside_it_is_told_aloud(write: Write) -> None:
    loaded = load(write(f"{START}ExecStop=/bin/kill $MAINPID\nRestrat=no\n"), ENVIRON)
    assert [note.partition(": ")[0] for note in loaded.notes] == [
        "Service.ExecStop is left out",
        "Service.Restrat is left out",
    ]
    assert loaded.notes[1].endswith("(did you mean 'Restart'?)")


KEYS = st.sampled_from([*SERVICE.mapped, *SERVICE.changed, *RLIMITS, "ExecStop", "Odd"])
VALUES = st.one_of(
    st.sampled_from(
        ["", "yes", "3", "-1", "infinity", "5s", "10%", "%i", "$A ${A}", "always", "on-failure"]
    ),
    st.sampled_from(["notify", "oneshot", "-@a b", "/bin/sh -c 'x'", "file:/x", "A=b", "null"]),
    st.text(max_size=15),
)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(items=st.lists(st.tuples(KEYS, VALUES), max_size=6))
def test_whatever_it_holds_it_loads_or_is_refused(tmp_path: Path, items: Any) -> None:
    text = START + "".join(f"{key}={value}\n" for key, value in items)
    check(tmp_path, text.encode("utf-8", "surrogatepass"))


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=60))
def test_any_bytes_load_or_are_refused(tmp_path: Path, content: bytes) -> None:
    check(tmp_path, START.encode() + content)


def check(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "web.service"
    path.write_bytes(content)
    with suppress(ConfigErrors):
        assert load(path, ENVIRON, to_run_here=False).root.children
