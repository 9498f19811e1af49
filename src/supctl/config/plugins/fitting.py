"""Have all plugins that there are change a tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from supctl.config.surroundings import Look, apps_of
from supctl.specs import Supervisor

from .enhancing import Enhancement, Enhancer
from .registry import plugins

_PATIENCE = 5.0
"""Seconds that a plugin may take for a tree."""


def fitted(
    root: Supervisor,
    environ: Mapping[str, str],
    notes: list[str],
    look: Look,
    wants: Callable[[tuple[str, ...], str], bool] = lambda path, plugin: True,
) -> tuple[Supervisor, tuple[Enhancement, ...]]:
    """Return a tree as plugins want it, and what they changed.

    Args:
        root: with absolute directories.
        environ: of whoever runs supctl.
        notes: gets a sentence for each plugin that is passed over.
        look: at the system, on which apps must be able to start.
        wants: returns whether the app at a path wants a plugin, of that name.
    """
    directories = {Path(it) for it in {app.cwd for _, app in apps_of(root)} if it is not None}
    known = plugins(environ, directories, _PATIENCE, notes)
    return Enhancer(notes, look, _PATIENCE).enhance(root, known, wants)
