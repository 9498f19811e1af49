"""What differs between an app and the same app after a plugin, in words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Final

from supctl.specs import App, Secret

_OTHERS: Final = tuple(it.name for it in fields(App) if it.compare and it.name != "env")


def differences(before: App, after: App) -> Iterator[str]:
    """Yield a phrase for each thing that differs: ``"sets VIRTUAL_ENV"``."""
    yield from _of_variables(before.env or {}, after.env or {})
    for name in _OTHERS:
        if getattr(before, name) != getattr(after, name):
            yield f"changes {name}"


def _of_variables(
    old: Mapping[str, str | Secret], new: Mapping[str, str | Secret]
) -> Iterator[str]:
    if "PATH" in new and new["PATH"] != old.get("PATH"):
        yield _of_path(str(old.get("PATH", "")), str(new["PATH"]))
    if given := sorted(it for it in new if it != "PATH" and new[it] != old.get(it)):
        yield f"sets {', '.join(given)}"
    if gone := sorted(old.keys() - new.keys()):
        yield f"removes {', '.join(gone)}"


def _of_path(old: str, new: str) -> str:
    added = new.removesuffix(f"{os.pathsep}{old}") if old else new
    return f"PATH becomes {new}" if old and added == new else f"PATH begins with {added}"
