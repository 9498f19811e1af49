"""The first file of a project: what is known of its program, and what else may be said."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from supctl.errors import InvalidConfig

from .entry import Entry
from .units import parse_cpu
from .values import parse_memory

_TOML: Final = """\
# What supctl keeps alive here: "supctl start" starts it, "supctl check" reads this file.

[apps.{name}]
command = {command}  # {because}
{keys}
# restart = "on-failure"               # else: always, when it ends
# ready = {{ http = "http://127.0.0.1:{{port}}/" }}
# health = {{ tcp = "127.0.0.1:{{port}}" }}
# stop = {{ signal = "TERM", grace = "10s" }}
# log = {{ mode = "timestamped", max_size = "50M", keep = 10 }}
# depends_on = ["db"]
# env = {{ MODE = "production" }}
"""

_NO_LIMITS: Final = '# limits = { memory = "256M", cpu = "50%" }'

_EXAMPLE: Final = Entry(("python3", "app.py"), "the program and its arguments, without a shell")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the first file is to say besides the command; ``None``: nothing.

    Args:
        port: that of the first instance, told to the program as ``PORT`` in its environment.
        memory, cpu: limits, as files write them: ``"256M"``, ``"50%"``.
        instances: how many run.

    Raises:
        InvalidConfig: a limit is none.
    """

    port: int | None = None
    memory: str | None = None
    cpu: str | None = None
    instances: int | None = None

    def __post_init__(self) -> None:
        if self.memory is not None:
            parse_memory("--memory", self.memory)
        if self.cpu is not None:
            parse_cpu("--cpu", self.cpu)


def first_toml(name: str, entry: Entry | None, wishes: Wishes) -> str:
    """Return a ``supctl.toml`` for one program; without one, an example in comments."""
    limits = {"memory": wishes.memory, "cpu": wishes.cpu}
    limited = ", ".join(f"{key} = {json.dumps(it)}" for key, it in limits.items() if it is not None)
    port, instances = wishes.port, wishes.instances
    shown = entry or _EXAMPLE
    text = _TOML.format(
        name=name if name.replace(".", "") == name else json.dumps(name),
        command=json.dumps(list(shown.command), ensure_ascii=False),
        because=shown.because,
        keys="\n".join(
            [
                f"limits = {{ {limited} }}" if limited else _NO_LIMITS,
                "# instances = 2" if instances is None else f"instances = {instances}",
                "# port = 8000                        # PORT and {port}; the next instance has 8001"
                if port is None
                else f"port = {port}",
            ]
        ),
    )
    return text if entry is not None else "".join(map(_as_comment, text.splitlines(keepends=True)))


def _as_comment(line: str) -> str:
    return line if line.startswith("#") or not line.strip() else f"# {line}"


def first_ecosystem(name: str, entry: Entry, wishes: Wishes) -> str:
    """Return an ``ecosystem.config.js`` for one program.

    Raises:
        InvalidConfig: PM2 has no such limit.
    """
    if wishes.cpu is not None:
        raise InvalidConfig("--cpu", wishes.cpu, "none", "PM2's files have no such limit")
    program, *arguments = entry.command
    said = {
        "name": name,
        "script": program,
        "interpreter": "none",
        "args": arguments or None,
        "instances": wishes.instances,
        "max_memory_restart": wishes.memory,
        "env": None if wishes.port is None else {"PORT": wishes.port},
    }
    app: dict[str, Any] = {key: value for key, value in said.items() if value is not None}
    return f"module.exports = {json.dumps({'apps': [app]}, indent=2)};\n"
