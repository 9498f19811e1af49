"""What ``App(watch=...)`` means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from supctl.errors import InvalidConfig
from supctl.specs import App, Sources


@pytest.mark.parametrize(
    ("watch", "meant"),
    [
        (None, None),
        (False, None),
        (True, Sources(["."])),
        (["src", Path("app.toml")], Sources(["src", "app.toml"])),
        (Sources(["a"], debounce=1), Sources(["a"], debounce=1.0)),
    ],
)
def test_what_it_means(watch: Any, meant: Sources | None) -> None:
    assert App("a", ["true"], watch=watch).watch == meant


@pytest.mark.parametrize(
    ("keys", "field"),
    [
        ({"paths": "src"}, "paths"),
        ({"paths": []}, "paths"),
        ({"paths": ["a", ""]}, "paths[1]"),
        ({"ignore": ["a\0"]}, "ignore[0]"),
        ({"gitignore": "no"}, "gitignore"),
        ({"debounce": -1}, "debounce"),
    ],
)
def test_what_it_cannot_mean(keys: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidConfig) as raised:
        Sources(**keys)
    assert raised.value.field == field


@pytest.mark.parametrize("watch", ["src", 1, {"paths": ["src"]}])
def test_what_an_app_cannot_watch(watch: Any) -> None:
    with pytest.raises(InvalidConfig) as raised:
        App("a", ["true"], watch=watch)
    assert raised.value.field == "watch"
