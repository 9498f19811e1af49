"""Which plugins there are: supctl's own, those of installed packages, those given in code."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from .built_in import built_in
from .installed import installed
from .plugin import ConfigurationPlugin, checked

_registered: Final[dict[str, ConfigurationPlugin]] = {}


def register(plugin: ConfigurationPlugin) -> None:
    """Have a plugin asked from now on. It replaces whichever has the same name.

    Raises:
        InvalidConfig: it is none.
    """
    _registered[checked(plugin).name] = plugin


def unregister(name: str) -> None:
    """Undo :func:`register`; nothing happens if there is no such plugin."""
    _registered.pop(name, None)


def plugins(
    environ: Mapping[str, str], directories: Collection[Path], limit: float, failures: list[str]
) -> list[ConfigurationPlugin]:
    """Return all plugins that may have something to do, in their order.

    Of those with one name, one that was registered counts most, supctl's own least.

    Args:
        environ: of whoever runs supctl.
        directories: of apps.
        limit: seconds that each may take to be imported.
        failures: gets a sentence for each that cannot be had.
    """
    all_of_them = (
        *built_in(environ, directories),
        *installed(limit, failures),
        *_registered.values(),
    )
    known = {it.name: it for it in all_of_them}
    return sorted(known.values(), key=lambda it: (it.priority, it.name))
