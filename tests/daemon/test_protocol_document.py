"""docs/protocol.md tells the methods of the daemon: all of them, and no others."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from supctl import errors
from supctl.control.client import Client
from supctl.control.methods import Methods
from supctl.daemon.arguments import Arguments
from supctl.daemon.calls import Calls
from supctl.daemon.control import Control
from supctl.daemon.details import Details
from supctl.daemon.health import HealthViews
from supctl.daemon.logs import Logs
from supctl.daemon.office import CHANGING, LOOKING
from supctl.daemon.plans import Plans
from supctl.daemon.projects import Projects
from supctl.daemon.stories import Stories
from supctl.daemon.upgrade import Upgrades
from supctl.daemon.views import Views
from supctl.daemon.waiting import Waiting
from supctl.errors import SupctlError

DOCUMENT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
CHAPTER = DOCUMENT.partition("## The daemon\n")[2].partition("## An example\n")[0]
OWNERS = (
    Projects,
    Plans,
    Control,
    Calls,
    Details,
    Logs,
    HealthViews,
    Views,
    Waiting,
    Stories,
    Upgrades,
)
METHODS = {
    name: next(owner for owner in OWNERS if hasattr(owner, name)) for name in CHANGING + LOOKING
}


def _made(owner: type) -> object:
    return object.__new__(owner)


def told(text: str) -> dict[str, str]:
    return dict(re.findall(r"^#### `(\w+)\((.*)\)`$", text, re.MULTILINE))


def test_the_methods_are_those_that_are_there() -> None:
    changing, _, looking = CHAPTER.partition("### What only looks")
    assert list(told(changing)) == list(CHANGING)
    assert list(told(looking)) == list(LOOKING)


@pytest.mark.parametrize("name", METHODS)
def test_the_arguments_are_those_that_a_method_takes(name: str) -> None:
    parameters = inspect.signature(getattr(METHODS[name], name)).parameters
    words = {
        "None": "nil",
        "False": "false",
        "True": "true",
        "()": "[]",
        "30.0": "30",
        "100": "100",
        "('stdout', 'stderr')": '["stdout", "stderr"]',
        "''": '""',
    }
    wanted = [
        it.name if it.default is it.empty else f"{it.name} = {words[repr(it.default)]}"
        for it in list(parameters.values())[1:]
    ]
    assert told(CHAPTER)[name] == ", ".join(wanted)


@pytest.mark.parametrize("name", METHODS)
def test_arguments_of_all_can_be_looked_at(name: str) -> None:
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'colour'|needs"):
        Arguments(getattr(_made(METHODS[name]), name)).check({"colour": 1})


@pytest.mark.parametrize("name", METHODS)
def test_clients_have_all_of_them(name: str) -> None:
    assert callable(getattr(Methods, name))
    assert callable(getattr(Client, name))


def test_the_codes_are_those_that_errors_have() -> None:
    table = CHAPTER.partition("### Codes of errors")[2]
    known = {
        (kind.code, kind.category)
        for kind in (getattr(errors, name) for name in errors.__all__)
        if isinstance(kind, type) and issubclass(kind, SupctlError)
    }
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ([\w, ]+) \|", table, re.MULTILINE)
    assert len(rows) > 20
    for codes, categories in rows:
        for code in re.findall(r"\w+", codes):
            for category in categories.split(", "):
                assert (code, category) in known
