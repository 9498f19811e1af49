"""``App``: the description of one program that is to be kept alive."""

from __future__ import annotations

import os
import signal as signals
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from supctl.errors import InvalidConfig

from .child import put_child_fields
from .command import check_command
from .health import Health, Ready, health_of, ready_of
from .policy import Backoff, Restart, check_count, check_seconds
from .probe import Probe

_SIGNALS: Final = signals.valid_signals()


@dataclass(frozen=True, slots=True)
class Stop:
    """How a program is asked to stop: a signal to its process group, a grace, then SIGKILL.

    Args:
        signal: number of the signal that asks.
        grace: seconds it may take; then everything left of its tree is killed.
            0 kills at once (OTP's ``brutal_kill``).
    """

    signal: int = signals.SIGTERM
    grace: float = 10.0

    def __post_init__(self) -> None:
        if self.signal not in _SIGNALS:
            raise InvalidConfig("signal", self.signal, "a signal of this system, such as TERM")
        check_seconds("grace", self.grace)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program and all its descendants may use together.

    Args:
        memory: bytes; beyond it the kernel ends the app (``memory.max``).
        cpu: processors, 0.5 is half of one (``cpu.max``).
        pids: number of processes and threads (``pids.max``).
    """

    memory: int | None = None
    cpu: float | None = None
    pids: int | None = None

    def __post_init__(self) -> None:
        if self.memory is not None and self.memory < 1:
            raise InvalidConfig("memory", self.memory, "1 byte or more")
        # The kernel's smallest quota is 1 ms in a period of at most 1 s.
        if self.cpu is not None and not 0.001 <= self.cpu <= 4096:
            raise InvalidConfig("cpu", self.cpu, "processors, between 0.001 and 4096")
        if self.pids is not None and self.pids < 1:
            raise InvalidConfig("pids", self.pids, "1 or more")

    def __bool__(self) -> bool:
        """Whether anything is limited."""
        return (self.memory, self.cpu, self.pids) != (None, None, None)


@dataclass(frozen=True, slots=True, init=False)
class App:
    """One program, its environment and what becomes of it when it ends.

    Args:
        name: unique inside its supervisor; letters, digits, ``_ . -``.
        command: argument vector; no shell is involved. The program is looked up
            in the PATH of ``env``.
        cwd: working directory; ours when ``None``.
        env: the exact environment; ``None`` hands on ours.
        restart: ``permanent`` (default), ``transient`` or ``temporary``.
        backoff: delay before a restart.
        give_up_after: after so many restarts without a stable run (see
            :attr:`Backoff.reset_after`) the app becomes ``failed`` and its siblings
            live on; ``None``: never.
        significant: its end for good may end its supervisor (see
            :class:`~supctl.specs.policy.AutoShutdown`). Not for ``permanent``.
        depends_on: siblings that must be up before it starts and stay until it has stopped.
        ready: when it counts as up; a probe is short for a :class:`Ready` with the usual time-out.
            ``None``: as soon as it runs.
        health: what shows that it is still well; a probe is short for a :class:`Health` with the
            usual figures. ``None``: it is, as long as it runs.
        stop: how it is asked to stop.
        limits: memory, processors, processes.
        instances: number of copies, addressed ``name:1`` to ``name:N`` when more than one.
        detached: when the main process ends, its children live on and the app counts
            as alive until the last one is gone. Otherwise they are ended with it.
        death_signal: have the kernel kill the main process when the reaper dies
            (``PR_SET_PDEATHSIG``), against reaper and supervising process dying at once.
        umask: file mode mask; ours when ``None``.
        user: name or number of the user to run as; needs privilege.
        group: name or number of the group to run as; the user's own when ``None``.
        nice: niceness, -20 to 19; ours when ``None``.
        rlimits: resource limits, for example ``{"nofile": (1024, 4096)}``: names of
            :mod:`resource` without ``RLIMIT_``, soft and hard value, -1 for unlimited.

    Raises:
        InvalidConfig: naming the field and what it wanted.
    """

    name: str
    command: tuple[str, ...]
    cwd: str | None
    env: Mapping[str, str] | None
    restart: Restart
    backoff: Backoff
    give_up_after: int | None
    significant: bool
    depends_on: tuple[str, ...]
    ready: Ready | None
    health: Health | None
    stop: Stop
    limits: Limits
    instances: int
    detached: bool
    death_signal: bool
    umask: int | None
    user: str | int | None
    group: str | int | None
    nice: int | None
    rlimits: Mapping[str, tuple[int, int]]

    def __init__(
        self,
        name: str,
        command: Sequence[str | os.PathLike[str]],
        *,
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str] | None = None,
        restart: Restart | str = Restart.PERMANENT,
        backoff: Backoff | None = None,
        give_up_after: int | None = None,
        significant: bool = False,
        depends_on: Sequence[str] = (),
        ready: Ready | Probe | None = None,
        health: Health | Probe | None = None,
        stop: Stop | None = None,
        limits: Limits | None = None,
        instances: int = 1,
        detached: bool = False,
        death_signal: bool = False,
        umask: int | None = None,
        user: str | int | None = None,
        group: str | int | None = None,
        nice: int | None = None,
        rlimits: Mapping[str, tuple[int, int]] | None = None,
    ) -> None:
        def put(field: str, value: object) -> None:
            object.__setattr__(self, field, value)

        put_child_fields(
            put,
            name=name,
            restart=restart,
            backoff=backoff or Backoff(),
            give_up_after=give_up_after,
            significant=significant,
            depends_on=depends_on,
        )
        put("command", check_command(command))
        put("cwd", None if cwd is None else os.fspath(cwd))
        put("env", None if env is None else MappingProxyType(_check_env(env)))
        put("ready", ready_of(ready))
        put("health", health_of(health))
        put("stop", stop or Stop())
        put("limits", limits or Limits())
        check_count("instances", instances, 1)
        put("instances", instances)
        put("detached", detached)
        put("death_signal", death_signal)
        put("umask", _between("umask", umask, 0, 0o777))
        put("user", user)
        put("group", group)
        put("nice", _between("nice", nice, -20, 19))
        put("rlimits", MappingProxyType(_check_rlimits(rlimits or {})))

    def __hash__(self) -> int:
        """Hash by what identifies it; equality compares everything."""
        return hash((self.name, self.command))


def _check_env(env: Mapping[str, str]) -> dict[str, str]:
    for key, value in env.items():
        if not isinstance(key, str) or not key or "=" in key or "\0" in key:
            raise InvalidConfig("env", key, "names that are not empty, without = and NUL")
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
