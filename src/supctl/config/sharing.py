"""What all apps of a document say alike is said once, in ``defaults``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any


def share(document: dict[str, Any], keys: Iterable[str]) -> None:
    """Move those of ``keys`` that every program has with the same value into ``defaults``.

    Only with two programs or more. It is for keys that the reader of a format has set by itself:
    of what a file says, the place would be lost.
    """
    apps = list(_programs(document["apps"]))
    if len(apps) < 2:
        return
    for key in keys:
        values = [app.get(key) for app in apps]
        if values[0] is not None and all(value == values[0] for value in values):
            document.setdefault("defaults", {})[key] = values[0]
            for app in apps:
                del app[key]
    document["apps"] = document.pop("apps")  # after what holds for all of them


def _programs(apps: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for app in apps.values():
        if "apps" in app:
            yield from _programs(app["apps"])
        else:
            yield app
