"""When PM2 restarts an app because files have changed, in our words."""

from __future__ import annotations

import re
from typing import Any, Final

from .attributes import Attributes

_OF_WATCH: Final = ("ignore_watch", "watch_delay", "watch_options")
_HIDDEN: Final = (".*",)
"""What PM2 ignores where nothing is said, besides ``node_modules``."""

_GLOB: Final = re.compile(r"[*?\[{(!]")
_REGULAR: Final = re.compile(r"\\|^\^|\$$")
"""What is in a regular expression, and in no path."""


def watch(said: Attributes, became: str) -> dict[str, Any]:
    """Return which files an app is restarted for."""
    given = said.get("watch", False)
    said.map("watch", f"{became}.watch")
    if given is False or given == [] or given == "":
        for name in _OF_WATCH:
            said.leave_out(name, "watch is not on")
        return {}
    became = f"{became}.watch"
    table: dict[str, Any] = {"gitignore": False, "ignore": _ignored(said, became)}
    if given is not True:
        table["paths"] = _paths(said, became)
    if "watch_delay" in said:
        said.map("watch_delay", f"{became}.debounce")
        table["debounce"] = max(0, said.get("watch_delay")) / 1000
    detail = "the kernel tells of changes, without looking again and again; links are not followed"
    said.leave_out("watch_options", detail)
    return {"watch": table}


def _paths(said: Attributes, became: str) -> list[str]:
    """Return paths without globs: each is all below the directory before its first one."""
    given = _texts(said.get("watch"))
    paths = [_before_glob(it) for it in given]
    if paths != given:
        detail = "all below a directory is watched, whatever its name"
        said.change("watch", f"{became}.paths", detail)
    return list(dict.fromkeys(paths)) or ["."]


def _before_glob(path: str) -> str:
    parts = path.split("/")
    number = next((at for at, it in enumerate(parts) if _GLOB.search(it)), len(parts))
    return "/".join(parts[:number]) or "."


def _ignored(said: Attributes, became: str) -> list[str]:
    if "ignore_watch" not in said:
        return [*_HIDDEN]
    given = _texts(said.get("ignore_watch"))
    patterns = [it for it in given if not _REGULAR.search(it) and it not in "/!"]
    detail = "they are patterns as in .gitignore"
    if patterns != given:
        detail += ", and regular expressions are left out"
    said.change("ignore_watch", f"{became}.ignore", detail)
    return patterns


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [it for it in values if isinstance(it, str) and it]
