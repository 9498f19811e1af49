"""``App``: the description of one program that is to be kept alive."""

from __future__ import annotations

import copy
import os
import signal as signals
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from supctl.errors import InvalidConfig

from .child import put_child_fields, put_run_fields
from .command import check_command
from .dependencies import Condition, Dependencies
from .health import Health, Ready, health_of, ready_of
from .instances import FILLED, filled, used_in
from .log import Log
from .placeholders import PORT, filler
from .policy import Backoff, Exhausted, Restart, check_count, check_seconds
from .probe import Probe, check_port
from .process import put_process_fields
from .secret import Secret
from .sources import Paths, Sources, sources_of

_SIGNALS: Final = signals.valid_signals()


@dataclass(frozen=True, slots=True)
class Stop:
    """How a program is asked to stop: a signal to its process group, a grace, then SIGKILL.

    Args:
        signal: number of the signal that asks.
        grace: seconds it may take; then everything left of its tree is killed.
            0 kills at once (OTP's ``brutal_kill``).
        force: seconds that what was killed may take, more than 0. Only what is stuck in the
            kernel (state D) takes longer; then supervision goes on without it.
    """

    signal: int = signals.SIGTERM
    grace: float = 10.0
    force: float = 5.0

    def __post_init__(self) -> None:
        if self.signal not in _SIGNALS:
            raise InvalidConfig("signal", self.signal, "a signal of this system, such as TERM")
        check_seconds("grace", self.grace)
        check_seconds("force", self.force, zero=False)


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


_STOP: Final = Stop()
_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True, init=False)
class App:
    """One program, its environment and what becomes of it when it ends.

    Args:
        name: unique inside its supervisor; letters, digits, ``_ . -``.
        command: argument vector; no shell is involved. The program is looked up
            in the PATH of ``env``.
        cwd: working directory; ours when ``None``.
        env: the exact environment; ``None`` hands on ours. A value may be a :class:`Secret`.
        restart: ``permanent`` (default), ``transient``, ``temporary``, or ``unless-stopped``:
            permanent, but what an operator has stopped stays stopped also when the supervising
            process starts anew.
        backoff: delay before a restart.
        give_up_after: how many restarts it may have without a stable run (see
            :attr:`Backoff.reset_after`); ``None``: any number.
        max_restarts: how many it may have within ``within`` seconds, at any age; ``None``: any
            number.
        within: seconds, 60 by default.
        exhausted: what follows when one of these two limits is reached: ``stop`` (default): it
            becomes ``failed`` and its siblings live on; ``keep_trying``: it goes on at the
            maximum delay of its back-off; ``shut_down``: the whole tree ends.
        stop_exit_codes: codes by which it says that it wants no restart, be it ``permanent``.
        min_uptime: seconds; an end before that is a failure, whatever its code, and the run was
            not a stable one.
        significant: its end for good may end its supervisor (see
            :class:`~supctl.specs.policy.AutoShutdown`). Not for ``permanent``.
        essential: its end for good ends the whole tree, at whatever depth it is.
        depends_on: siblings that must be up before it starts and stay until it has stopped. Or
            what is to be with each, ``{"db": "up", "migrate": "completed", "seed": "ended"}``
            (:class:`~supctl.specs.dependencies.Condition`); an end that has come counts until the
            supervisor starts anew, and what happens to such a sibling later is of no concern.
        autostart: whether it is started when its supervisor starts. If not, it is ``stopped`` until
            somebody starts it.
        tags: words by which operators mean it together with others: ``@web`` is all that carry
            ``web``.
        ready: when it counts as up; a probe is short for a :class:`Ready` with the usual time-out.
            ``None``: as soon as it runs.
        health: what shows that it is still well; a probe is short for a :class:`Health` with the
            usual figures. ``None``: it is, as long as it runs.
        stop: how it is asked to stop; ``None``: as its supervisor says (:class:`Supervisor`),
            or ``Stop()``.
        limits: memory, processors, processes.
        log: what becomes of its output; ``None``: what the tree says for all, or ``Log()``.
        watch: the files that it is made of; when one changes it is restarted. ``True`` is all in
            its working directory, paths are short for :class:`Sources` of them; ``None``: none.
        instances: number of copies, addressed ``name:1`` to ``name:N`` when more than one. In
            ``command``, ``cwd``, values of ``env``, paths of ``log`` and addresses of ``ready``
            and ``health`` an instance finds ``{instance}`` (1 to N), ``{index}`` (0 to N - 1) and
            ``{port}`` replaced by its own; ``{{port}}`` stays, as ``{port}``.
        port: port of its first instance; each other one has the next. A program finds it in the
            variable ``PORT``, unless ``env`` says that.
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
    env: Mapping[str, str | Secret] | None
    restart: Restart
    stays_stopped: bool
    backoff: Backoff
    give_up_after: int | None
    max_restarts: int | None
    within: float
    exhausted: Exhausted
    stop_exit_codes: tuple[int, ...]
    min_uptime: float
    significant: bool
    essential: bool
    depends_on: Mapping[str, Condition]
    autostart: bool
    tags: tuple[str, ...]
    ready: Ready | None
    health: Health | None
    stop: Stop
    has_own_stop: bool = field(compare=False)
    limits: Limits
    log: Log | None
    watch: Sources | None
    instances: int
    port: int | None
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
        env: Mapping[str, str | Secret] | None = None,
        restart: Restart | str = Restart.PERMANENT,
        backoff: Backoff | None = None,
        give_up_after: int | None = None,
        max_restarts: int | None = None,
        within: float | None = None,
        exhausted: Exhausted | str = Exhausted.STOP,
        stop_exit_codes: Sequence[int] = (),
        min_uptime: float = 0.0,
        significant: bool = False,
        essential: bool = False,
        depends_on: Dependencies = (),
        autostart: bool = True,
        tags: Sequence[str] = (),
        ready: Ready | Probe | None = None,
        health: Health | Probe | None = None,
        stop: Stop | None = None,
        limits: Limits | None = None,
        log: Log | None = None,
        watch: Sources | Paths | bool | None = None,
        instances: int = 1,
        port: int | None = None,
        detached: bool = False,
        death_signal: bool = False,
        umask: int | None = None,
        user: str | int | None = None,
        group: str | int | None = None,
        nice: int | None = None,
        rlimits: Mapping[str, tuple[int, int]] | None = None,
    ) -> None:
        put = partial(object.__setattr__, self)
        put_child_fields(
            put,
            name=name,
            restart=restart,
            backoff=backoff,
            give_up_after=give_up_after,
            exhausted=exhausted,
            significant=significant,
            essential=essential,
            depends_on=depends_on,
            autostart=autostart,
            tags=tags,
            has_limit=max_restarts is not None,
        )
        put_run_fields(put, max_restarts=max_restarts, within=within, min_uptime=min_uptime)
        put_process_fields(
            put, cwd=cwd, env=env, umask=umask, user=user, group=group, nice=nice, rlimits=rlimits
        )
        put("stop_exit_codes", _check_codes(stop_exit_codes))
        put("command", check_command(command))
        put("ready", ready_of(ready))
        put("health", health_of(health))
        put("stop", stop or _STOP)
        put("has_own_stop", stop is not None)
        put("limits", limits or _LIMITS)
        put("log", _check_log(log))
        put("watch", sources_of(watch))
        check_count("instances", instances, 1)
        put("instances", instances)
        put("port", _check_ports(port, instances))
        put("detached", detached)
        put("death_signal", death_signal)
        if port is None:
            _check_no_port(self)

    @property
    def placeholders(self) -> set[str]:
        """The names of placeholders in it; ``""`` is one that writes itself."""
        return used_in(_told(self).values())

    @property
    def has_numbers(self) -> bool:
        """Whether something in it is filled in, for each instance otherwise."""
        return self.port is not None or bool(self.placeholders)

    def instance(self, number: int) -> App:
        """Return its instance of that number, 1 or more, as an app of one copy: with its own
        ``port``, and that and its number filled in where placeholders stand for them."""
        if self.instances == 1 and not self.has_numbers:
            return self
        port = None if self.port is None else self.port + number - 1
        own, fill = copy.copy(self), filler(instance=number, index=number - 1, port=port)
        object.__setattr__(own, "port", port)
        object.__setattr__(own, "instances", 1)
        for name, value in _told(self).items():
            object.__setattr__(own, name, filled(value, fill))
        return own

    def environment(self, outer: Mapping[str, str]) -> dict[str, str]:
        """Return the exact environment of the program, but for its secrets: ``env``, or ``outer``
        if that is to be handed on, and its port."""
        port = {} if self.port is None else {"PORT": str(self.port)}
        if self.env is None:
            return {**outer, **port}
        said = self.env.items()
        return {**port, **{name: text for name, text in said if isinstance(text, str)}}

    @property
    def secrets(self) -> dict[str, Secret]:
        """The variables whose text is in files."""
        said = () if self.env is None else self.env.items()
        return {name: it for name, it in said if isinstance(it, Secret)}

    @property
    def may_end(self) -> bool:
        """Whether there are ends after which it is not restarted, besides failures."""
        return self.restart is not Restart.PERMANENT or bool(self.stop_exit_codes)

    @property
    def may_complete(self) -> bool:
        """Whether such an end can be a success."""
        return self.may_end

    def __hash__(self) -> int:
        """Hash by what identifies it; equality compares everything."""
        return hash((self.name, self.command))


def _told(app: App) -> dict[str, object]:
    return {name: getattr(app, name) for name in FILLED}


def _check_ports(port: int | None, instances: int) -> int | None:
    """Return ``port`` if each of so many instances has one."""
    if port is None:
        return None
    check_port(port)
    if instances > 65536 - port:
        wanted = f"{65536 - port} at the most, as their ports begin at {port} and end at 65535"
        raise InvalidConfig("instances", instances, wanted, "begin at a lower port")
    return port


def _check_no_port(app: App) -> None:
    """Refuse an app without a port that speaks of it."""
    if "port" in app.placeholders:
        name = next(name for name, value in _told(app).items() if "port" in used_in([value]))
        wanted = f"that of the first instance, as {name} says {PORT}"
        raise InvalidConfig("port", None, wanted, "such as 8000; {{port}} is just text")


def _check_log(log: Log | None) -> Log | None:
    if log is not None and not isinstance(log, Log):
        raise InvalidConfig("log", log, "a Log, such as Log(keep=3)")
    return log


def _check_codes(codes: Sequence[int]) -> tuple[int, ...]:
    if isinstance(codes, str | bytes) or not isinstance(codes, Sequence):
        raise InvalidConfig("stop_exit_codes", codes, "a list of exit codes, such as [0, 3]")
    for code in codes:
        if isinstance(code, bool) or not isinstance(code, int) or not 0 <= code <= 255:
            raise InvalidConfig("stop_exit_codes", code, "exit codes, 0 to 255")
    return tuple(codes)
