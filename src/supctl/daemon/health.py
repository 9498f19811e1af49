"""How programs are, as far as somebody asks them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from supctl.actors.incarnation import Checkup
from supctl.errors import InvalidState
from supctl.specs import App, Health, Ready, Watchdog
from supctl.supervision.status import ChildStatus
from supctl.supervision.tree import Tree

from .naming import below, resolve


class HealthViews:
    """Shows how programs are. Raises what :func:`~.naming.resolve` raises.

    Args:
        tree: that they are in.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    async def health(self, *, names: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Return what is asked of programs, and what they have answered; of all if none is named.

        Returns:
            For each: ``address`` and ``state``; ``ready`` and ``health``, what is asked, or
            nothing if nobody does; ``is_ready``; ``is`` (a word of its health), ``said``, ``age``
            and ``failures``, what came of it.
        """
        rows = self._tree.status()
        meant = below(resolve(names, rows), rows) if names else rows
        return [await self._row(row) for row in meant if row.kind == "app"]

    async def _row(self, row: ChildStatus) -> dict[str, Any]:
        handle = self._tree[row.address]
        try:
            spec, known = handle.spec, await handle.checkup()
        except InvalidState:  # its subtree has just ended
            spec, known = handle.spec, None
        assert isinstance(spec, App)
        known = known or Checkup(row.state in ("running", "ready"), row.health, row.probed)
        told = asdict(known)
        return {
            "address": row.address,
            "state": row.state,
            "ready": None if spec.ready is None else _readiness(spec.ready),
            "health": None if spec.health is None else _liveness(spec.health),
            "is_ready": told.pop("ready"),
            "is": told.pop("health") or None,
            **told,
            "said": known.said or None,
        }


def _readiness(ready: Ready) -> dict[str, Any]:
    return {**_probe(ready), "timeout": ready.timeout}


def _liveness(health: Health) -> dict[str, Any]:
    watchdog = health.probe if isinstance(health.probe, Watchdog) else None
    return {
        **_probe(health),
        "interval": health.interval if watchdog is None else watchdog.seconds,
        "timeout": health.timeout if watchdog is None else watchdog.seconds,
        "retries": health.retries,
        "start_period": health.start_period,
    }


def _probe(asked: Ready | Health) -> dict[str, Any]:
    return {"kind": type(asked.probe).__name__.lower(), "what": str(asked.probe)}
