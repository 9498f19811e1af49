"""Why something is not well, in a few words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .words import seconds

_WELL = frozenset({"running", "ready", "starting", "stopping"})


def why(row: dict[str, Any]) -> str:
    """Return, for the row of whatever is not well, why; empty for the rest."""
    state, told = row["state"], []
    if state in _WELL:
        return _health(row) or str(row["log"]) or _unwatched(row)
    if state == "stopped" and row["kind"] == "supervisor":
        return ""
    if state == "paused":
        return "by request"
    if row.get("waits_for"):
        return f"waits for {', '.join(row['waits_for'])}"
    if row["due_in"] is not None:
        told.append(f"back-off {seconds(row['due_in'])}")
    if row["end"] is not None:
        told.append(end(row["end"]))
    return ", ".join(told)


def _health(row: dict[str, Any]) -> str:
    """Return how something that runs is, if that is not well; what a start waits for."""
    if row["health"] in ("unhealthy", "unresponsive"):
        return f"{row['health']}: {row['probed']}"
    return f"not ready yet: {row['probed']}" if row["state"] == "starting" and row["probed"] else ""


def _unwatched(row: dict[str, Any]) -> str:
    problem = row.get("unwatched")  # a daemon of before an upgrade does not tell it
    return f"not watched: {problem}" if problem else ""


def end(facts: dict[str, Any]) -> str:
    """Return how something ended: ``exit 1 (twice in 4 s)``."""
    times = facts["times"]
    if times == 1:
        return _way(facts)
    often = "twice" if times == 2 else f"{times} times"
    return f"{_way(facts)} ({often} in {seconds(facts['within'])})"


def _way(facts: dict[str, Any]) -> str:
    kind, detail = facts["kind"], facts["detail"]
    if kind == "shutdown":
        return detail or "stopped by request"
    if kind == "killed":
        return "killed: it did not stop in time"
    if kind == "start_failed":
        return f"did not start: {detail}"
    if kind == "out_of_memory":
        return "out of memory"
    if detail:
        return f"{kind.replace('_', ' ')}: {detail}"
    if facts["signal"] is not None:
        return _signal_name(facts["signal"])
    return kind.replace("_", " ") if facts["code"] is None else f"exit {facts['code']}"


def _signal_name(number: int) -> str:
    import signal

    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def refused(source: str, mistakes: Sequence[str]) -> str:
    """Return what is wrong with a file that is followed; that it is well, if nothing is."""
    file = file_of(source)
    if not mistakes:
        return f"{file} can be used again"
    if len(mistakes) > 1:
        return f"{file} cannot be used: {len(mistakes)} mistakes"
    return f"{file} cannot be used: {mistakes[0].removeprefix(f'{source}: ')}"


def file_of(source: str) -> str:
    """Return the name of a file without its directory."""
    return source.rpartition("/")[2]
