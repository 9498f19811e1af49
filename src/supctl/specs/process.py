"""What a process begins with: its directory, environment, user and limits, checked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType

from supctl.errors import InvalidConfig

from .child import Put
from .secret import Secret


def put_process_fields(
    put: Put,
    *,
    cwd: str | os.PathLike[str] | None,
    env: Mapping[str, str | Secret] | None,
    umask: int | None,
    user: str | int | None,
    group: str | int | None,
    nice: int | None,
    rlimits: Mapping[str, tuple[int, int]] | None,
) -> None:
    """Check the fields of what a process begins with and hand them to ``put``.

    Raises:
        InvalidConfig: naming the field and what it wanted.
    """
    put("cwd", None if cwd is None else os.fspath(cwd))
    put("env", None if env is None else MappingProxyType(_check_env(env)))
    put("umask", _between("umask", umask, 0, 0o777))
    put("user", user)
    put("group", group)
    put("nice", _between("nice", nice, -20, 19))
    put("rlimits", MappingProxyType(_check_rlimits(rlimits or {})))


def _check_env(env: Mapping[str, str | Secret]) -> dict[str, str | Secret]:
    for key, value in env.items():
        if not isinstance(key, str) or not key or "=" in key or "\0" in key:
            raise InvalidConfig("env", key, "names that are not empty, without = and NUL")
        if isinstance(value, Secret) and key == "PATH":
            raise InvalidConfig("env.PATH", str(value), "text: it says where programs are")
        if isinstance(value, Secret):
            continue
        if not isinstance(value, str) or "\0" in value:
            raise InvalidConfig(f"env.{key}", value, "text without NUL characters")
    return dict(env)


def _check_rlimits(rlimits: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    checked: dict[str, tuple[int, int]] = {}
    for name, (soft, hard) in rlimits.items():
        place = f"rlimits.{name}"
        if soft < -1 or hard < -1:
            raise InvalidConfig(place, (soft, hard), "0 or more, or -1 for unlimited")
        if hard != -1 and (soft == -1 or soft > hard):
            raise InvalidConfig(place, (soft, hard), "a soft limit that is not above the hard one")
        checked[name.lower()] = (soft, hard)
    return checked


def _between(field: str, value: int | None, low: int, high: int) -> int | None:
    if value is not None and not low <= value <= high:
        raise InvalidConfig(field, value, f"{low} to {high}")
    return value
