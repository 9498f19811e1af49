"""The facts that SIGUSR1 asks for: a table of every app and its process."""

from __future__ import annotations

import shlex
from typing import Any

import trio

from supctl.backends.base import ProcessInfo
from supctl.supervision.status import ChildStatus
from supctl.supervision.tree import Tree

from .words import seconds, size

_COLUMNS = (
    ("app", "left"),
    ("state", "left"),
    ("pid", "right"),
    ("uptime", "right"),
    ("restarts", "right"),
    ("memory", "right"),
    ("fds", "right"),
    ("threads", "right"),
    ("maps", "right"),
    ("descendants", "left"),
    ("command", "left"),
)


async def facts(tree: Tree) -> list[dict[str, Any]]:
    """Return a row for every app: its state and, if it runs, its process's facts."""
    apps = [status for status in tree.status() if status.kind == "app"]
    pids = [status.pid for status in apps if status.pid]
    infos = await trio.to_thread.run_sync(tree.info, pids)  # some milliseconds for each
    return [_row(status, infos.get(status.pid)) for status in apps]


def _row(status: ChildStatus, info: ProcessInfo | None) -> dict[str, Any]:
    return {
        "app": status.address.strip("/"),
        "state": f"{status.state}, {status.health}" if status.health else status.state,
        "pid": status.pid or None,
        "uptime": status.uptime,
        "restarts": status.restarts,
        "memory": info and info.memory,
        "fds": info and info.descriptors,
        "threads": info and info.threads,
        "maps": info and info.memory_maps,
        "descendants": list(info.descendants) if info else [],
        "command": list(info.command) if info else [],
    }


def table(rows: list[dict[str, Any]], width: int) -> str:
    """Return ``rows`` of :func:`facts` as a table, ``width`` columns wide at the most."""
    from io import StringIO

    from rich.console import Console
    from rich.table import Table

    drawn = Table(box=None, pad_edge=False)
    for name, side in _COLUMNS:
        drawn.add_column(name, justify="right" if side == "right" else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(_cell(name, row[name]) for name, _ in _COLUMNS))
    out = StringIO()
    Console(file=out, width=width).print(drawn)
    return out.getvalue().rstrip()


def _cell(name: str, value: Any) -> str:
    if value is None or value == []:
        return "-"
    match name:
        case "uptime":
            return seconds(value)
        case "memory":
            return size(value)
        case "command":
            return shlex.join(value)
        case "descendants":
            return " ".join(map(str, value))
    return str(value)
