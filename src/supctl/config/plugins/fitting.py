"""Have all plugins that there are change a tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from supctl.config.surroundings import Look, apps_of
from supctl.specs import Supervisor

from .enhancing import Enhancement, Enhancer
from .registry import plugins

_PATIENCE = 5.0
"""Seconds that a plugin may take for a tree."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A tree that fits the tools of its projects.

    Args:
        root: the tree.
        enhancements: what plugins changed.
        failures: which plugins were passed over and why, a sentence each.
    """

    root: Supervisor
    enhancements: tuple[Enhancement, ...] = ()
    failures: tuple[str, ...] = ()


def fitted(
    root: Supervisor,
    environ: Mapping[str, str],
    look: Look,
    wants: Callable[[tuple[str, ...], str], bool] = lambda path, plugin: True,
) -> Fitted:
    """Return a tree as plugins want it.

    Args:
        root: with absolute directories.
        environ: of whoever runs supctl.
        look: at the system, on which apps must be able to start.
        wants: returns whether the app at a path wants a plugin, of that name.
    """
    failures: list[str] = []
    directories = {Path(it) for it in {app.cwd for _, app in apps_of(root)} if it is not None}
    known = plugins(environ, directories, _PATIENCE, failures)
    root, enhancements = Enhancer(failures, look, _PATIENCE).enhance(root, known, wants)
    return Fitted(root, enhancements, tuple(failures))
