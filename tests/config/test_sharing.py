from __future__ import annotations

from typing import Any

from supctl.config.sharing import share


def test_what_all_programs_say_alike_is_said_once() -> None:
    below: dict[str, Any] = {"b": {"command": "b", "restart": "never", "nice": 1}}
    document: dict[str, Any] = {
        "apps": {
            "a": {"command": "a", "restart": "never", "nice": 1, "umask": "022"},
            "group": {"start": "concurrent", "apps": below},
        }
    }
    share(document, ["restart", "umask", "user"])
    assert list(document) == ["defaults", "apps"]
    assert document["defaults"] == {"restart": "never"}
    assert document["apps"]["a"] == {"command": "a", "nice": 1, "umask": "022"}
    assert document["apps"]["group"]["apps"]["b"] == {"command": "b", "nice": 1}


def test_what_one_says_otherwise_stays_where_it_is() -> None:
    document: dict[str, Any] = {"apps": {"a": {"restart": "never"}, "b": {"restart": "always"}}}
    share(document, ["restart"])
    assert document == {"apps": {"a": {"restart": "never"}, "b": {"restart": "always"}}}


def test_one_alone_says_it_itself() -> None:
    document: dict[str, Any] = {"apps": {"a": {"restart": "never"}}}
    share(document, ["restart"])
    assert document == {"apps": {"a": {"restart": "never"}}}
