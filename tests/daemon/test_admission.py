"""A group that is let in, by its daemon.toml."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from supctl.control.home import Home
from supctl.daemon.admission import Access, Admission, read_admission
from supctl.daemon.peer import Peer
from supctl.errors import InvalidConfig

from .conftest import NOBODY, Desk

SLEEPER = "[apps.a]\ncommand = ['sleep', '1000']\n"
USERS = 100

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")


@pytest.fixture
def open_desk(desk: Desk) -> Iterator[Desk]:
    """A desk in a place that everybody can reach."""
    with tempfile.TemporaryDirectory(prefix="open-") as place:
        Path(place).chmod(0o755)
        desk.home = Home.of({"SUPCTL_HOME": f"{place}/home"})
        yield desk
        with desk.popen("kill", "--yes") as command:
            command.communicate(timeout=50)


def admit(desk: Desk, text: str) -> None:
    desk.base.mkdir(exist_ok=True)
    desk.home.settings.write_text(text)


def as_nobody(desk: Desk, *words: str, group: int = USERS) -> tuple[int, str]:
    return desk.run_as(NOBODY, group, *words)


def test_a_group_may_look_and_nothing_else(open_desk: Desk) -> None:
    admit(open_desk, '[admit]\ngroup = "users"\n')
    open_desk.run("start", open_desk.write(SLEEPER))
    assert "running" in as_nobody(open_desk, "status")[1]
    assert as_nobody(open_desk, "ping") == (0, "pong\n")
    for words in (["stop", "a"], ["kill", "--yes"], ["signal", "HUP", "a"]):
        status, said = as_nobody(open_desk, *words)
        assert status == 1
        assert "nobody may not ask for" in said
        assert 'with access = "full"' in said
    assert open_desk.states()["/shop/a"] == "running"


def test_a_group_may_do_all_if_it_is_given_that(open_desk: Desk) -> None:
    admit(open_desk, '[admit]\ngroup = "users"\naccess = "full"\n')
    open_desk.run("start", open_desk.write(SLEEPER))
    assert as_nobody(open_desk, "stop", "a")[0] == 0
    assert open_desk.states()["/shop/a"] == "stopped"
    assert '"user": "nobody"' in open_desk.home.audit.read_text()


def test_who_is_not_in_the_group_does_not_come_in(open_desk: Desk) -> None:
    admit(open_desk, '[admit]\ngroup = "users"\naccess = "full"\n')
    open_desk.run("daemon", "start")
    status, said = as_nobody(open_desk, "ping", group=NOBODY)
    assert status == 1
    assert "you may not speak with" in said
    assert oct(open_desk.home.run.stat().st_mode)[-3:] == "710"
    assert oct(open_desk.home.socket.stat().st_mode)[-3:] == "660"
    assert oct(open_desk.home.state.stat().st_mode)[-3:] == "700"


def test_a_socket_that_is_bound_again_is_as_open_as_before(open_desk: Desk) -> None:
    admit(open_desk, '[admit]\ngroup = "users"\n')
    open_desk.run("daemon", "start")
    open_desk.home.socket.unlink()
    assert open_desk.run("ping") == "pong\n"
    assert as_nobody(open_desk, "ping") == (0, "pong\n")


def test_a_group_that_is_admitted_no_more_is_kept_out(open_desk: Desk) -> None:
    admit(open_desk, '[admit]\ngroup = "users"\n')
    open_desk.run("daemon", "start")
    open_desk.run("daemon", "stop")
    open_desk.home.settings.unlink()
    open_desk.run("daemon", "start")
    assert as_nobody(open_desk, "ping")[0] == 1
    assert oct(open_desk.home.run.stat().st_mode)[-3:] == "700"


def test_a_home_that_the_group_cannot_reach_is_told(desk: Desk) -> None:
    admit(desk, '[admit]\ngroup = "users"\n')
    said = desk.run("daemon", "start", status=1)
    assert "a socket that the group can reach" in said
    assert "keeps it out" in said


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[admit", "wanted TOML"),
        ("colour = 1", "wanted only the table"),
        ("admit = 1", "a table of"),
        ('[admit]\nuser = "root"', "a table of"),
        ('[admit]\ngroup = "nobody-knows-it"', "the name of a group"),
        ("[admit]\ngroup = 7", "the name of a group"),
        ('[admit]\ngroup = "users"\naccess = "some"', "wanted read or full"),
        ('[admit]\naccess = "full"', "the name of a group"),
    ],
)
def test_what_cannot_be_meant_is_told(tmp_path: Path, text: str, wanted: str) -> None:
    path = tmp_path / "daemon.toml"
    path.write_text(text)
    with pytest.raises(InvalidConfig, match=wanted) as raised:
        read_admission(path)
    assert str(path) in str(raised.value)


def test_a_file_that_others_can_change_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "daemon.toml"
    path.write_text("")
    path.chmod(0o666)
    with pytest.raises(InvalidConfig, match="nobody else can change"):
        read_admission(path)


def test_what_whom_is_given() -> None:
    operators = Admission(USERS, Access.READ)
    assert operators.of(Peer(1, os.geteuid())) is Access.FULL
    assert operators.of(Peer(1, NOBODY, frozenset({NOBODY, USERS}))) is Access.READ
    assert operators.of(Peer(1, NOBODY, frozenset({NOBODY}))) is Access.NONE
    assert Admission().of(Peer(1, NOBODY, frozenset({NOBODY}))) is Access.NONE
