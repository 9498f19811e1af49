"""docs/otp.md says of every fact about OTP whether it holds, and names what exists."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from pkgutil import resolve_name
from typing import Final

import pytest

from tests.otp.compare import DELIBERATE, ORACLE

DOC: Final = Path(__file__).parents[2] / "docs" / "otp.md"
FACTS: Final = ORACLE / "SEMANTICS.md"

_FACT: Final = re.compile(r"\b[A-Z]+-\d\d\b")
_NAME: Final = re.compile(r"`((?:supctl|events|[A-Z]\w*[a-z]\w*)(?:\.\w+)*)(?=[`(])")
_PLACES: Final = (
    "supctl",
    "supctl.errors",
    "supctl.specs",
    "supctl.events",
    "supctl.actors.ref",
    "supctl.actors.registry",
    "supctl.supervision.handle",
    "supctl.supervision.status",
)
"""Where a name without a module is from."""

needs_facts = pytest.mark.skipif(
    not FACTS.is_file(), reason="the facts about OTP are not here: ../shared/otp/SEMANTICS.md"
)


def section(title: str) -> str:
    """Return the text below a heading of the second level."""
    _, found, rest = DOC.read_text().partition(f"\n## {title}\n")
    assert found, title
    return rest.partition("\n## ")[0]


def stated() -> set[str]:
    """Return the numbers of all facts, without ``OTP-``."""
    return set(re.findall(r"^- \*\*OTP-([A-Z]+-\d+)\*\*", FACTS.read_text(), re.MULTILINE))


def exists(name: str) -> bool:
    """Return whether a name that docs/otp.md uses is one of ours."""
    if name.startswith("supctl."):
        return _is_one(name)
    return any(_is_one(f"{place}.{name}") for place in _PLACES)


def _is_one(name: str) -> bool:
    try:
        resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


@needs_facts
def test_every_fact_is_said_once() -> None:
    said = Counter(_FACT.findall(section("Same") + section("Different, on purpose")))
    assert sorted(stated() - said.keys()) == []
    assert [fact for fact, times in said.items() if times > 1] == []


@needs_facts
def test_no_other_fact_is_mentioned() -> None:
    mentioned = {fact.removeprefix("OTP-") for fact in _FACT.findall(DOC.read_text())}
    assert sorted(mentioned - stated()) == []


def test_what_the_comparison_leaves_out_is_told() -> None:
    different = _FACT.findall(section("Different, on purpose"))
    for scenario in DELIBERATE:
        assert scenario.partition("_")[0] in different


def test_names_exist() -> None:
    names = set(_NAME.findall(DOC.read_text()))
    assert len(names) > 30
    assert sorted(name for name in names if not exists(name)) == []
