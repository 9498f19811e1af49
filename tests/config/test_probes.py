"""``ready`` and ``health`` in files: what they mean, and what is said of mistakes."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from supctl.config.probes import parse_health, parse_ready
from supctl.errors import InvalidConfig
from supctl.specs import Delay, Exec, Health, Http, Notify, Output, Ready, Tcp, Watchdog


def toml(text: str) -> Any:
    return tomllib.loads(f"it = {text}")["it"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('{ tcp = 5432, timeout = "1m" }', Ready(Tcp(5432), 60.0)),
        ('{ tcp = "db.local:5432" }', Ready(Tcp(5432, "db.local"))),
        ('{ tcp = "[::1]:5432" }', Ready(Tcp(5432, "::1"))),
        ('{ http = 8080, path = "/up" }', Ready(Http(8080, "/up"))),
        (
            '{ http = "http://127.0.0.1:8080/health", status = 200, body = "ok" }',
            Ready(Http("http://127.0.0.1:8080/health", status=200, body="ok")),
        ),
        ('{ exec = ["pg_isready", "-q"] }', Ready(Exec(["pg_isready", "-q"]))),
        ('{ exec = "pg_isready -q" }', Ready(Exec(["pg_isready", "-q"]))),
        ('{ output = "listening" }', Ready(Output("listening"))),
        ('{ delay = "2s" }', Ready(Delay(2.0))),
        ("{ notify = true }", Ready(Notify())),
    ],
)
def test_ready(written: str, meant: Ready) -> None:
    assert parse_ready("ready", toml(written)) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("{ tcp = 5432 }", Health(Tcp(5432), 60.0, 5.0, 3, 0.0)),
        (
            '{ http = 80, interval = "10s", timeout = "2s", retries = 5, start_period = "30s" }',
            Health(Http(80), 10.0, 2.0, 5, 30.0),
        ),
        ('{ watchdog = "10s" }', Health(Watchdog(10.0), retries=1)),
        ('{ watchdog = "10s", retries = 2 }', Health(Watchdog(10.0), retries=2)),
    ],
)
def test_health(written: str, meant: Health) -> None:
    assert parse_health("health", toml(written)) == meant


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            "5432",
            "ready is 5432; wanted a table with one of tcp, http, exec, output, delay, notify",
        ),
        ("{}", "ready is {}; wanted a table with one of tcp"),
        ("{ tpc = 5432 }", "wanted exactly one of tcp, .* (did you mean 'tcp'?)"),
        ("{ tcp = 1, http = 2 }", "ready is 'tcp and http'; wanted exactly one of tcp, http"),
        ("{ tcp = 70000 }", "ready.tcp is 70000; wanted 1 to 65535"),
        ('{ tcp = "5432" }', "ready.tcp is '5432'; wanted a port such as 5432, or \"host:port\""),
        ("{ tcp = true }", "ready.tcp is True; wanted a port"),
        ("{ tcp = 1, status = 200 }", "ready.status is 200; wanted nothing but timeout beside tcp"),
        ('{ tcp = 1, timout = "3s" }', "ready.timout is .* (did you mean 'timeout'?)"),
        ('{ http = "ftp://x" }', "ready.http is 'ftp://x'; wanted a port, or a URL"),
        ("{ http = 1, status = 42 }", "ready.status is 42; wanted a status of HTTP, 100 to 599"),
        ("{ exec = [] }", "ready.exec is []; wanted a program and its arguments"),
        ('{ output = "(" }', "ready.output is .* wanted a regular expression: missing"),
        ("{ delay = 0 }", "ready.delay is 0.0; wanted more than 0 seconds"),
        ("{ notify = false }", "ready.notify is False; wanted true"),
        ("{ tcp = 1, timeout = 0 }", "ready.timeout is 0.0; wanted more than 0 seconds"),
        ("{ watchdog = 1 }", "wanted exactly one of tcp, http, exec, output, delay, notify"),
    ],
)
def test_mistakes_about_ready(written: str, message: str) -> None:
    """What a probe itself refuses is told by the key of the file. The rules are those of specs."""
    with pytest.raises(InvalidConfig) as caught:
        parse_ready("ready", toml(written))
    begin, _, end = message.partition(" .* ")
    assert begin in str(caught.value)
    assert end in str(caught.value)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('{ output = "x" }', "wanted exactly one of tcp, http, exec, watchdog"),
        ("{ tcp = 1, retries = 0 }", "health.retries is 0; wanted 1 or more"),
        ('{ tcp = 1, retries = "3" }', "health.retries is '3'; wanted a whole number"),
        ("{ watchdog = 0 }", "health.watchdog is 0.0; wanted more than 0 seconds"),
    ],
)
def test_mistakes_about_health(written: str, message: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        parse_health("health", toml(written))
    assert message in str(caught.value)
