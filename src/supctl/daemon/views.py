"""What only looks: the methods of the control protocol that change nothing."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import asdict
from typing import Any, Final

import trio

from supctl._version import __version__
from supctl.backends.base import Backend
from supctl.backends.reaper.protocol import Passing
from supctl.config.values import restart_word, write_depends_on
from supctl.control.home import Home
from supctl.events import Event, EventsMissed
from supctl.exits import signal_name
from supctl.specs import App, Supervisor
from supctl.supervision.child import join
from supctl.supervision.status import ChildStatus
from supctl.supervision.tree import Tree

from .crash import loss_of
from .desired import Desired
from .ends import Ends
from .followers import Followers
from .lines import Lines
from .naming import below, is_below, resolve, resolve_one
from .replay import replayed

_DIRECTORIES: Final = ("run", "state", "logs", "config")

_MOMENT: Final = 0.1
"""Seconds between two looks at the time that processes have used."""


class Views:
    """Shows what runs. Every method raises what :func:`~.naming.resolve` raises.

    Args:
        tree: that everything is in.
        home: of the daemon.
        lines: all output as it comes.
        backend: that it runs with.
        desired: what should run.
        followers: know what is wrong with files.
    """

    def __init__(
        self,
        tree: Tree,
        home: Home,
        lines: Lines,
        backend: Backend,
        desired: Desired,
        followers: Followers,
    ) -> None:
        self._tree, self._home, self._lines, self._backend = tree, home, lines, backend
        self._desired, self._followers = desired, followers
        self._began_at = trio.current_time()

    def ping(self) -> str:
        """Return ``"pong"``."""
        return "pong"

    def about(self) -> dict[str, Any]:
        """Return facts about the daemon itself.

        ``before``: how the one before was lost, if this is not the first: ``how``, in a few words;
        ``ago``, seconds; ``crash``, what it has said then. ``upgrade``: if that was, or was to be,
        an upgrade: the versions ``before`` and ``to``, and why it has ``failed``.
        """
        rows = self._tree.status()
        passing = Passing() if self._backend.estate is None else self._backend.estate.passing
        return {
            "version": __version__,
            "pid": os.getpid(),
            "uptime": trio.current_time() - self._began_at,
            "children": len(rows),
            "running": sum(row.state in ("running", "ready") for row in rows),
            "reaper": self._backend.reaper_pid,
            "lives": passing.lives,
            "before": None if passing.lives < 2 else loss_of(passing, self._home.crash),
            "upgrade": passing.upgrade,
            "home": {name: str(getattr(self._home, name)) for name in _DIRECTORIES},
        }

    async def status(
        self, *, names: Sequence[str] = (), usage: bool = False
    ) -> list[dict[str, Any]]:
        """Return a row for every child that is meant, and all below it; of all if none is named.

        Args:
            usage: also tell what is used, which takes a moment: ``cpu`` (processors, over that
                moment), ``memory`` (bytes) and ``processes``, of the program with all that
                descends from it.
        """
        await trio.lowlevel.checkpoint()
        rows = self._tree.status()
        if names:
            rows = below(resolve(names, rows), rows)
        ends = Ends(self._tree.latest_events)
        trouble = self._tree.logs.trouble
        refusal = self._followers.refusal_of
        told = [
            _row(row, ends) | {"log": trouble(row.address), "refused": refusal(row.address)}
            for row in rows
        ]
        if usage:
            used = await self._usage([row.pid for row in rows if row.pid])
            for row in told:
                row |= used.get(row["pid"], {"cpu": None, "memory": None, "processes": None})
        return told

    async def _usage(self, pids: Sequence[int]) -> dict[int, dict[str, float]]:
        before, began_at = await trio.to_thread.run_sync(self._tree.usage, pids), time.monotonic()
        await trio.sleep(_MOMENT)
        now = await trio.to_thread.run_sync(self._tree.usage, pids)
        passed = time.monotonic() - began_at
        return {
            pid: {
                "cpu": max(0.0, used.cpu_time - before[pid].cpu_time) / passed,
                "memory": used.memory,
                "processes": used.processes,
            }
            for pid, used in now.items()
            if pid in before
        }

    async def describe(self, *, name: str) -> dict[str, Any]:
        """Return all that is known of one child: its row, its spec, what ``plugins`` changed in
        that, its logs and its latest events."""
        rows = self._tree.status()
        address = resolve_one(name, rows)
        row = (await self.status(names=[address], usage=True))[0]  # those below it come behind
        events = self._tree.latest_events
        told = [it.as_dict() for it in events if is_below(it.address, [address])]
        spec = self._tree[address].spec
        logs = [it.as_dict() for it in self._tree.logs.report(address)]
        plugins = self._desired.plugins_of(join(address.rpartition("/")[0], spec.name))
        known = {"spec": _spec(spec), "plugins": [*plugins], "logs": logs, "events": told[-20:]}
        return {**row, **known}

    async def events(
        self, *, names: Sequence[str] = (), follow: bool = False, since: int | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the latest events, the oldest first, and with ``follow`` what happens from then on.

        With ``since`` only those after the event of that number. Where some are missing, because
        they are not kept any more or the reader is too slow, ``events_missed`` is in their place.
        """
        chosen = frozenset(resolve(names, self._tree.status()) if names else [])
        with self._tree.subscribe() as subscription:
            latest = self._tree.latest_events
            for event in latest if since is None else replayed(latest, since):
                if _concerns(event, chosen):
                    yield event.as_dict()
            if not follow:
                return
            async for event in subscription:
                if _concerns(event, chosen):
                    yield event.as_dict()

    async def lines(
        self, *, names: Sequence[str] = (), streams: Sequence[str] = ("stdout", "stderr")
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield lines of output as they come, of all if none is named: ``address``, ``stream``,
        ``line``.

        The first item says that they come from now on (``following``). A reader who is too slow
        gets ``lines_missed`` with their ``count``.
        """
        chosen = resolve(names, self._tree.status()) if names else [""]
        with self._lines.follow(chosen, streams) as reader:
            yield {"event": "following"}
            async for item in reader:
                yield item


def _concerns(event: Event, chosen: Collection[str]) -> bool:
    return not chosen or isinstance(event, EventsMissed) or is_below(event.address, chosen)


def _row(row: ChildStatus, ends: Ends) -> dict[str, Any]:
    reason = row.reason
    return {
        "address": row.address,
        "kind": row.kind,
        "state": row.state,
        "pid": row.pid or None,
        "uptime": row.uptime,
        "restarts": row.restarts,
        "due_in": row.due_in,
        "depth": row.depth,
        "reason": None if reason is None else str(reason),
        "exit": None if reason is None or reason.status is None else reason.status.shell_code,
        "end": ends.of(row),
        "health": row.health,
        "probed": row.probed,
        "status_text": row.status_text,
        "tags": list(row.tags),
        "waits_for": list(row.waits_for),
        "unwatched": row.unwatched,
    }


def _spec(spec: Any) -> dict[str, Any]:
    """Return a spec for people. No environment: there may be secrets in it."""
    told: dict[str, Any] = {"name": spec.name, "restart": restart_word(spec)}
    if isinstance(spec, App):
        stop = {"signal": signal_name(spec.stop.signal), "grace": spec.stop.grace}
        told |= {"command": list(spec.command), "port": spec.port, "cwd": spec.cwd, "stop": stop}
        told["secrets"] = [f"{name} {secret}" for name, secret in spec.secrets.items()]
        told |= {"user": spec.user, "limits": asdict(spec.limits) if spec.limits else None}
        told |= {
            name: str(it) for name in ("ready", "health", "watch") if (it := getattr(spec, name))
        }
    elif isinstance(spec, Supervisor):
        told |= {"strategy": str(spec.strategy), "intensity": asdict(spec.intensity)}
    told |= {"depends_on": write_depends_on(spec.depends_on), "tags": list(spec.tags)}
    return told
