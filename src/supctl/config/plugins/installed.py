"""Plugins that installed packages announce, as entry points."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .plugin import ConfigurationPlugin, checked
from .time_limit import within

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "supctl.config_plugins"
"""Group of entry points: each names a plugin, or what makes one when called without arguments."""


def installed(limit: float, failures: list[str]) -> Iterator[ConfigurationPlugin]:
    """Yield the plugins of installed packages.

    Args:
        limit: seconds that each may take to be imported.
        failures: gets a sentence for each that cannot be had.
    """
    if not any(map(_announces_some, sys.path)):
        return
    from importlib.metadata import entry_points  # only here: it takes longer than all the rest

    for entry in entry_points(group=GROUP):
        try:
            yield within(limit, partial(_made, entry))
        except Exception as error:
            failures.append(f"plugin {entry.name!r} ({entry.value}) is passed over: {error}")


def _announces_some(place: str) -> bool:
    """Return whether a package in a directory announces a plugin."""
    with suppress(OSError):  # not every place for modules is a directory
        for name in os.listdir(place or "."):
            if name.endswith((".dist-info", ".egg-info")):
                with suppress(OSError):  # most packages announce nothing
                    if GROUP.encode() in Path(place, name, "entry_points.txt").read_bytes():
                        return True
    return False


def _made(entry: EntryPoint) -> ConfigurationPlugin:
    found = entry.load()
    is_maker = isinstance(found, type) or not isinstance(found, ConfigurationPlugin)
    return checked(found() if is_maker and callable(found) else found)
