"""``ConfigurationPlugin``: what changes the spec of an app before it is started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

from supctl.errors import InvalidConfig
from supctl.specs import App, Secret
from supctl.specs.child import UNLESS_STOPPED
from supctl.specs.supervisor import with_values


@runtime_checkable
class ConfigurationPlugin(Protocol):
    """Changes apps of a file before they start, where their projects ask for it.

    It is asked whenever a file is loaded to be started or checked, in a thread of its own, and
    must be done with all apps of the file within seconds. Whatever goes wrong in it is told as a
    note, and the app starts without it.
    """

    @property
    def name(self) -> str:
        """What people know it by."""

    @property
    def priority(self) -> int:
        """Its turn: lower comes first, equal ones by name. Who comes last has the last word."""

    def is_applicable(self, spec: App) -> bool:
        """Return whether it has something to change. ``cwd`` is absolute, ``env`` is there."""

    def enhance(self, spec: App) -> App:
        """Return the changed spec (:func:`with_env`), of the same name and dependencies."""


def checked(plugin: Any) -> ConfigurationPlugin:
    """Return what is said to be a plugin.

    Raises:
        InvalidConfig: it is none.
    """
    wanted = "a ConfigurationPlugin: name, priority, is_applicable(spec), enhance(spec)"
    if isinstance(plugin, type) or not isinstance(plugin, ConfigurationPlugin):
        raise InvalidConfig("plugin", plugin, wanted)
    if not isinstance(plugin.name, str) or not isinstance(plugin.priority, int):
        raise InvalidConfig("plugin", plugin, f"{wanted}; with a text as name, a whole priority")
    return plugin


def with_env(spec: App, changes: Mapping[str, str | None]) -> App:
    """Return a copy of an app with other or more variables; without those that are ``None``.

    They are looked at when a plugin has returned the copy. A secret, and the port that the app
    says, stay what they are.
    """
    fixed = {*spec.secrets, *([] if spec.port is None else ["PORT"])}
    said = {name: value for name, value in changes.items() if name not in fixed}
    env: dict[str, str | Secret | None] = {**(spec.env or {}), **said}
    kept = {name: value for name, value in env.items() if value is not None}
    return with_values(spec, env=MappingProxyType(kept))


def remade(spec: App) -> App:
    """Return a copy of an app, with everything in it checked anew.

    Raises:
        InvalidConfig: naming the field and what it wanted.
    """
    values = {field.name: getattr(spec, field.name) for field in fields(spec)}
    if values.pop("stays_stopped"):
        values["restart"] = UNLESS_STOPPED
    if not values.pop("has_own_stop"):
        values["stop"] = None
    if values["max_restarts"] is None:
        values["within"] = None
    return App(**values)
