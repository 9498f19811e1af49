"""What only looks: the methods of the control protocol that change nothing."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import Any

import trio

from supctl._version import __version__
from supctl.control.home import Home
from supctl.specs import App
from supctl.supervision.status import ChildStatus
from supctl.supervision.tree import Tree

from .naming import resolve, resolve_one


class Views:
    """Shows what runs. Every method raises what :func:`~.naming.resolve` raises.

    Args:
        tree: that everything is in.
        home: of the daemon.
    """

    def __init__(self, tree: Tree, home: Home) -> None:
        self._tree, self._home = tree, home
        self._began_at = trio.current_time()

    async def ping(self) -> str:
        """Return ``"pong"``."""
        await trio.lowlevel.checkpoint()
        return "pong"

    async def about(self) -> dict[str, Any]:
        """Return facts about the daemon itself."""
        await trio.lowlevel.checkpoint()
        rows = self._tree.status()
        return {
            "version": __version__,
            "pid": os.getpid(),
            "uptime": trio.current_time() - self._began_at,
            "children": len(rows),
            "running": sum(row.state in ("running", "ready") for row in rows),
            "home": {name: str(path) for name, path in asdict(self._home).items()},
        }

    async def status(self, *, names: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Return a row for every child that is meant, and all below it; of all if none is named."""
        await trio.lowlevel.checkpoint()
        rows = self._tree.status()
        if names:
            chosen = resolve(names, rows)
            rows = [row for row in rows if _is_in(row.address, chosen)]
        return [_row(row) for row in rows]

    async def describe(self, *, name: str) -> dict[str, Any]:
        """Return all that is known of one child: its row, its spec and its latest events."""
        await trio.lowlevel.checkpoint()
        address = resolve_one(name, self._tree.status())
        handle = self._tree[address]
        told = [it.as_dict() for it in self._tree.latest_events if it.address == address]
        return {**_row(handle.status), "spec": _spec(handle.spec), "events": told[-20:]}

    async def events(
        self, *, names: Sequence[str] = (), follow: bool = False
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the latest events, the oldest first, and with ``follow`` what happens from then on.

        A reader who is too slow gets ``events_missed`` in place of those it missed.
        """
        chosen = resolve(names, self._tree.status()) if names else []
        with self._tree.subscribe() as subscription:
            for event in self._tree.latest_events:
                if not chosen or _is_in(event.address, chosen):
                    yield event.as_dict()
            if not follow:
                return
            async for event in subscription:
                if not chosen or _is_in(event.address, chosen):
                    yield event.as_dict()


def _is_in(address: str, chosen: Sequence[str]) -> bool:
    return any(f"{address}/".startswith(f"{it}/") for it in chosen)


def _row(row: ChildStatus) -> dict[str, Any]:
    reason = row.reason
    return {
        "address": row.address,
        "kind": row.kind,
        "state": row.state,
        "pid": row.pid or None,
        "uptime": row.uptime,
        "restarts": row.restarts,
        "due_in": row.due_in,
        "health": row.health or None,
        "probed": row.probed or None,
        "status_text": row.status_text or None,
        "depth": row.depth,
        "reason": None if reason is None else str(reason),
        "exit": None if reason is None or reason.status is None else reason.status.shell_code,
    }


def _spec(spec: Any) -> dict[str, Any]:
    """Return a spec for people. No environment: there may be secrets in it."""
    told: dict[str, Any] = {"name": spec.name, "restart": str(spec.restart)}
    if isinstance(spec, App):
        told |= {"command": list(spec.command), "cwd": spec.cwd}
        told |= {name: str(it) for name in ("ready", "health") if (it := getattr(spec, name))}
    return told
