"""How PM2 restarts and stops an app, and how many copies it runs, in our words."""

from __future__ import annotations

import os
import re
from typing import Any, Final

from .attributes import Attributes
from .program import Program

_KILL_TIMEOUT: Final = 1600
"""Milliseconds from SIGINT to SIGKILL where nothing is said."""

_MIN_UPTIME: Final = 1000
"""Milliseconds below which a run counts as unstable, where nothing is said."""

_MAX_RESTARTS: Final = 16
"""How many unstable runs there may be, where nothing is said."""

_LONGEST_BACKOFF: Final = 15.0
_STABLE: Final = 30.0
"""Seconds, of ``exp_backoff_restart_delay``: its longest delay, and the run that ends it."""

_OF_RESTARTS: Final = (
    *("restart_delay", "exp_backoff_restart_delay", "min_uptime", "max_restarts"),
    "stop_exit_codes",
)

_UNITS: Final = {"h": 3_600_000, "m": 60_000, "s": 1000}

_SHARING: Final = (
    "the kernel deals connections out among the copies, for which Node.js 22.12 or later is needed"
)

_NO_SHARING: Final = "each copy is a process of its own: none shares a port with the others"

_MOST: Final = 10_000
"""Copies; more would be a slip of the finger."""


def shares_port(said: Attributes, program: Program) -> bool:
    """Return whether the copies of an app may listen on the same port."""
    return _is_cluster(said, program) and _runs_node(program)


def _is_cluster(said: Attributes, program: Program) -> bool:
    mode = str(said.get("exec_mode", ""))
    if mode:
        return mode.startswith("cluster")
    return "instances" in said and bool({*_names(program)} & {"node", "bun"})


def _runs_node(program: Program) -> bool:
    return "node" in _names(program)


def _names(program: Program) -> list[str]:
    """Return the name of the interpreter, if there is one."""
    return [word.rpartition("/")[2] for word in program.interpreters[:1]]


def instances(said: Attributes, became: str, program: Program) -> int:
    """Return how many copies run; remarks on them and on the mode."""
    given, became = said.get("instances", 1), f"{became}.instances"
    copies = _copies(given)
    if copies > _MOST:
        said.wrong("instances", f"{_MOST} copies or fewer")
        return 1
    mode = said.get("exec_mode", "")
    if mode not in ("", "fork", "fork_mode", "cluster", "cluster_mode"):
        said.wrong("exec_mode", "fork or cluster")
    if _is_cluster(said, program) and copies > 1:
        how = _SHARING if _runs_node(program) else _NO_SHARING
        said.change("exec_mode", became, how)
        said.change("instances", became, how)
    elif copies != given:
        said.change("instances", became, f"it means {copies} on this machine")
    said.map("instances", became)
    said.map("exec_mode", became)
    return copies


def _copies(given: object) -> int:
    """Return what PM2 makes of ``instances``: text like ``"max"`` or ``"2,"`` too."""
    if isinstance(given, str):
        digits = re.match(r"\s*-?[0-9]{1,9}", given)
        given = int(digits[0]) if digits else 0
    number = int(given) if isinstance(given, int | float) else 1
    processors = os.cpu_count() or 1
    if number <= 0:
        number += processors
    return max(number, 1)


def _backoff(said: Attributes, became: str) -> dict[str, Any]:
    """Return the delays before restarts: there is none where nothing is said."""
    became = f"{became}.backoff"
    if "exp_backoff_restart_delay" in said:
        said.map("exp_backoff_restart_delay", became)
        said.leave_out("restart_delay", "exp_backoff_restart_delay says another one")
        initial = _seconds(said, "exp_backoff_restart_delay", 0)
        maximum = max(initial, _LONGEST_BACKOFF)
        delays = {"initial": initial, "factor": 1.5, "maximum": maximum, "jitter": "none"}
        return {"backoff": delays | {"reset_after": _STABLE}}
    said.map("restart_delay", f"{became}.initial")
    delay = _seconds(said, "restart_delay", 0)
    if not delay:
        return {"backoff": {"initial": 0}}
    return {"backoff": {"initial": delay, "factor": 1, "maximum": delay, "jitter": "none"}}


def restarts(said: Attributes, became: str) -> dict[str, Any]:
    """Return whether, when and how often an app is restarted."""
    said.map("autorestart", f"{became}.restart")
    if said.get("autorestart") is False:
        for name in _OF_RESTARTS:
            said.leave_out(name, "there are no automatic restarts")
        return {"restart": "never"}
    return {**_backoff(said, became), **_limit(said, became), **_stop_exit_codes(said, became)}


def _limit(said: Attributes, became: str) -> dict[str, Any]:
    """Return how many restarts there may be.

    To PM2 so many runs that are shorter than ``min_uptime`` are too many within that many times
    ``min_uptime`` after the first start. Here they are at any time, and all restarts are counted.
    """
    uptime, most = _uptime(said), int(said.get("max_restarts", _MAX_RESTARTS))
    if most < 0:
        said.wrong("max_restarts", "0 or more")
        most = _MAX_RESTARTS
    within = max(most, 1) * uptime / 1000
    said.change("min_uptime", f"{became}.within", f"restarts are counted within {within:g} s")
    detail = f"so many restarts within {within:g} s are too many at any time, not at first only"
    said.change("max_restarts", f"{became}.max_restarts", detail)
    return {"max_restarts": 0 if most == 0 else max(most - 1, 1), "within": within}


def _uptime(said: Attributes) -> float:
    """Return ``min_uptime`` in milliseconds."""
    value = said.get("min_uptime", _MIN_UPTIME)
    if isinstance(value, str) and (match := re.fullmatch(r"([0-9]{1,9})([hms])", value)):
        value = int(match[1]) * _UNITS[match[2]]
    if isinstance(value, str) or value < 100:
        said.wrong("min_uptime", 'milliseconds, 100 or more, or text such as "10s"')
        return _MIN_UPTIME
    return float(value)


def _stop_exit_codes(said: Attributes, became: str) -> dict[str, Any]:
    value = said.get("stop_exit_codes")
    if value is None:
        return {}
    codes = value if isinstance(value, list) else [value]
    numbers = [int(c) if isinstance(c, str) and re.fullmatch("[0-9]{1,3}", c) else c for c in codes]
    said.map("stop_exit_codes", f"{became}.stop_exit_codes")
    return {"stop_exit_codes": numbers}


def stop(said: Attributes, became: str) -> dict[str, Any]:
    """Return how long an app may take to stop; the signal is the same for all."""
    if "kill_timeout" not in said:
        return {}
    grace = _seconds(said, "kill_timeout", _KILL_TIMEOUT)
    said.map("kill_timeout", f"{became}.stop.grace")
    return {"stop": {"grace": grace}}


def usual_stop() -> dict[str, Any]:
    """Return how apps stop that say nothing: SIGINT, and SIGKILL after 1.6 s."""
    return {"signal": "INT", "grace": _KILL_TIMEOUT / 1000}


def _seconds(said: Attributes, name: str, usual: float) -> float:
    value = said.get(name, usual)
    if value < 0:
        said.wrong(name, "milliseconds, 0 or more")
        value = usual
    return float(value / 1000)
