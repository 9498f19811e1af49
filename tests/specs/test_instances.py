"""What instances of an app have of their own."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl.errors import InvalidConfig
from supctl.specs import (
    App,
    Delay,
    DynamicSupervisor,
    Exec,
    Health,
    Http,
    Log,
    Output,
    Ready,
    Secret,
    Tcp,
)
from supctl.specs.placeholders import filler, literal

PIECES = st.lists(
    st.sampled_from([*"{}", "{{", "}}", "{port}", "{{port}}", "instance", "{index}", " "])
)


@given(text=PIECES.map("".join))
def test_a_literal_text_stays_as_it_is(text: str) -> None:
    assert filler(instance=3, index=2, port=8002)(literal(text)) == text


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("{instance} {index} {port}", "3 2 8002"),
        ("{{instance}} {{index}} {{port}}", "{instance} {index} {port}"),
        ('{"instance": 1}', '{"instance": 1}'),
        ("{ port } {Port} {ports} ${port}", "{ port } {Port} {ports} $8002"),
        ("{{port} {port}} {{{port}}}", "{8002 8002} {{port}}"),
    ],
)
def test_only_these_texts_are_filled_in(text: str, meant: str) -> None:
    app = App("a", [text], port=8000, instances=3)
    assert app.instance(3).command == (meant,)


def test_every_instance_has_its_own() -> None:
    app = App(
        "web",
        ["serve", "--port={port}"],
        cwd="/srv/{instance}",
        env={"WORKER": "{index}", "{index}": "name", "TOKEN": Secret("/run/{port}")},
        log=Log(file="/log/{instance}.log", error_file="/log/{index}.err"),
        ready=Ready(Http("http://127.0.0.1:{port}/{index}", body="{port}"), timeout=5),
        health=Health(Tcp("{port}", "127.0.0.{instance}"), retries=1),
        instances=2,
        port=8000,
    )
    assert app.instance(2) == App(
        "web",
        ["serve", "--port=8001"],
        cwd="/srv/2",
        env={"WORKER": "1", "{index}": "name", "TOKEN": Secret("/run/8001")},
        log=Log(file="/log/2.log", error_file="/log/1.err"),
        ready=Ready(Http("http://127.0.0.1:8001/1", body="{port}"), timeout=5),
        health=Health(Tcp(8001, "127.0.0.2"), retries=1),
        port=8001,
    )
    assert app.instance(1).environment({"A": "b"}) == {
        "PORT": "8000",
        "WORKER": "0",
        "{index}": "name",
    }


@pytest.mark.parametrize(
    ("probe", "own"),
    [
        (Http("{port}", path="/{index}"), Http(8001, path="/1")),
        (Exec(["ask", "{port}"]), Exec(["ask", "8001"])),
        (Output("x{port}"), Output("x{port}")),
        (Delay(1), Delay(1)),
    ],
)
def test_probes_ask_the_instance(probe: Any, own: Any) -> None:
    app = App("a", ["a"], ready=probe, port=8000, instances=2)
    assert app.instance(2).ready == Ready(own)


def test_the_only_one_is_instance_1() -> None:
    own = App("a", ["{instance}", "{port}"], port=80).instance(1)
    assert (own.command, own.environment({})) == (("1", "80"), {"PORT": "80"} | {})
    plain = App("a", ["a"])
    assert plain.instance(1) is plain


def test_what_the_program_is_told_of_its_port() -> None:
    outer = {"PORT": "1", "A": "b"}
    assert App("a", ["a"]).environment(outer) == outer
    assert App("a", ["a"], port=2).environment(outer) == {"PORT": "2", "A": "b"}
    assert App("a", ["a"], port=2, env={"PORT": "3"}).environment(outer) == {"PORT": "3"}


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"port": 0}, "port is 0; wanted 1 to 65535"),
        ({"port": True}, "port is True; wanted 1 to 65535"),
        (
            {"port": 65000, "instances": 1000},
            "instances is 1000; wanted 536 at the most, as their ports begin at 65000 and end at "
            "65535 (begin at a lower port)",
        ),
        (
            {"env": {"A": "{port}"}},
            "port is None; wanted that of the first instance, as env says {port} "
            "(such as 8000; {{port}} is just text)",
        ),
        (
            {"env": {"PATH": Secret("/path")}},
            "env.PATH is 'from /path'; wanted text: it says where programs are",
        ),
        (
            {"health": Tcp("{port}")},
            "port is None; wanted that of the first instance, as health says {port} "
            "(such as 8000; {{port}} is just text)",
        ),
    ],
)
def test_what_cannot_be(said: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        App("a", ["a"], **said)
    assert str(caught.value) == sentence


def test_the_last_port_there_is() -> None:
    assert App("a", ["a"], port=65535).instance(1).port == 65535
    assert App("a", ["a"], port=65000, instances=536).instance(536).port == 65535


@pytest.mark.parametrize("url", ["http://{port}/x y", "ftp://127.0.0.1:{port}", "{index}"])
def test_a_url_is_checked_nevertheless(url: str) -> None:
    with pytest.raises(InvalidConfig):
        Http(url)


def test_what_is_added_to_a_template_is_text() -> None:
    made = DynamicSupervisor("d", App("a", ["a", "{instance}"])).make("x", ["{port}"], {})
    assert isinstance(made, App)
    assert made.instance(1).command == ("a", "1", "{port}")
