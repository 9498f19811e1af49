"""Readiness and health of an app as values."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from supctl import App, Delay, Exec, Health, Http, Notify, Output, Ready, Tcp, Watchdog
from supctl.errors import InvalidConfig


def test_a_probe_is_short_for_one_with_the_usual_figures() -> None:
    app = App("a", ["a"], ready=Tcp(5432), health=Http(8080, "/health"))
    assert app.ready == Ready(Tcp(5432), timeout=30)
    assert app.health == Health(
        Http(8080, "/health"), interval=60, timeout=5, retries=3, start_period=0
    )
    assert App("a", ["a"], health=Watchdog(10)).health == Health(Watchdog(10), retries=1)
    assert (App("a", ["a"]).ready, App("a", ["a"]).health) == (None, None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Ready(Tcp(5432)), "ready when 127.0.0.1:5432 accepts connections (within 30 s)"),
        (Ready(Delay(2)), "ready when it has run for 2 s"),
        (Ready(Output("up")), "ready when it has printed 'up' (within 30 s)"),
        (Ready(Notify(), 5), "ready when it has said READY=1 (within 5 s)"),
        (
            Health(Exec(["pg_isready", "-d", "a b"])),
            "healthy while pg_isready -d 'a b' succeeds (every 60 s)",
        ),
        (
            Health(Http(80, status=200, body="ok")),
            "healthy while http://127.0.0.1:80/ answers with status 200 and 'ok' (every 60 s)",
        ),
        (Health(Watchdog(10)), "healthy while it says WATCHDOG=1 every 10 s"),
    ],
)
def test_they_say_what_they_mean(value: Ready | Health, text: str) -> None:
    assert str(value) == text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: App("a", ["a"], ready=5432), "ready is 5432; wanted Ready(...), or Tcp, Http, "),  # type: ignore[arg-type]
        (lambda: App("a", ["a"], health=Delay(1)), "health is Delay(seconds=1); wanted Health("),
        (lambda: Ready(Watchdog(1)), "probe is Watchdog(seconds=1); wanted Tcp, Http, Exec, Out"),
        (lambda: Health(Output("x")), "wanted Tcp, Http, Exec or Watchdog"),
        (lambda: Ready(Tcp(1), timeout=0), "timeout is 0; wanted more than 0 seconds"),
        (lambda: Ready(Delay(1), timeout=2), "timeout is 2; wanted none for a delay"),
        (lambda: Health(Tcp(1), interval=0), "interval is 0; wanted more than 0 seconds"),
        (lambda: Health(Tcp(1), timeout=-1), "timeout is -1; wanted more than 0 seconds"),
        (lambda: Health(Tcp(1), retries=0), "retries is 0; wanted 1 or more"),
        (lambda: Health(Tcp(1), start_period=-1), "start_period is -1; wanted 0 seconds or more"),
        (lambda: Health(Watchdog(1), timeout=1), "timeout is 1; wanted none for a watchdog"),
        (lambda: Tcp(65536), "port is 65536; wanted 1 to 65535"),
        (lambda: Tcp(1, ""), "host is ''; wanted a name or an address"),
        (lambda: Exec("pg_isready"), "command is 'pg_isready'; wanted a list of words"),
        (lambda: Output("("), "pattern is b'('; wanted a regular expression: missing"),
        (lambda: Delay(0), "seconds is 0; wanted more than 0 seconds"),
        (lambda: Watchdog(float("nan")), "seconds is nan; wanted more than 0 seconds"),
    ],
)
def test_mistakes(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        make()
    assert message in str(caught.value)
