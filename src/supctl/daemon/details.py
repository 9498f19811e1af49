"""What the system and the spec say of a child."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import trio

from supctl.backends.base import ProcessInfo
from supctl.errors import Unsupported
from supctl.specs import App
from supctl.supervision.tree import Tree

from .naming import below, resolve, resolve_one

_SECRET: Final = re.compile(
    r"PASS(?!T)|PWD|SECRET|TOKEN|(?<!MON)KEY|CREDENTIAL|PRIVATE|AUTH|COOKIE|DSN", re.IGNORECASE
)
_HARMLESS: Final = frozenset({"PWD", "OLDPWD", "SSH_AUTH_SOCK", "XAUTHORITY"})
_PASSWORD: Final = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]+@")
MASK: Final = "********"


def masked(env: Mapping[str, str]) -> dict[str, str]:
    """Return ``env`` without what looks like a secret: by its name, or a password in an address."""
    return {
        name: MASK
        if value and _SECRET.search(name) and name not in _HARMLESS
        else _PASSWORD.sub(rf"\1:{MASK}@", value)
        for name, value in env.items()
    }


class Details:
    """Looks closer at children. Every method raises what :func:`~.naming.resolve` raises.

    Args:
        tree: that they are in.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    async def env(self, *, name: str, show: bool = False) -> dict[str, str | dict[str, str]]:
        """Return the exact environment that a program gets at its next start; of a secret, the
        ``file`` that has it.

        Args:
            show: also the values of what looks like a secret.

        Raises:
            Unsupported: it is no program.
        """
        await trio.lowlevel.checkpoint()
        address = resolve_one(name, self._tree.status())
        spec = self._tree[address].spec
        if not isinstance(spec, App):
            raise Unsupported("env", f"{address}, which is no program", "name a program")
        env = spec.environment(os.environ)
        secrets = {name: {"file": it.file} for name, it in spec.secrets.items()}
        return {**(env if show else masked(env)), **secrets}

    async def inspect(self, *, names: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Return the system's facts about programs, one row for each: ``address``, ``state``,
        ``pid``, and if it runs ``command``, ``started_at_wall``, ``memory``, ``descriptors``,
        ``threads``, ``memory_maps``, ``descendants``. All programs if none is named."""
        rows = self._tree.status()
        if names:
            rows = below(resolve(names, rows), rows)
        rows = [row for row in rows if row.kind != "supervisor"]
        infos = await trio.to_thread.run_sync(self._tree.info, [it.pid for it in rows if it.pid])
        return [
            {"address": row.address, "state": row.state, "pid": row.pid or None}
            | (_plain(infos[row.pid]) if row.pid in infos else {})
            for row in rows
        ]


def _plain(info: ProcessInfo) -> dict[str, Any]:
    lists = {"command": list(info.command), "descendants": list(info.descendants)}
    return asdict(info) | lists
