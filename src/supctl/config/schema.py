"""The keys of ``supctl.toml``: every table, what its keys are called and how each is read.

What is said here once gives the reading, the writing, the unknown-key messages and the types. A
key that is left out keeps the default of the spec it goes to (:mod:`supctl.specs`).
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, TypedDict

from msgspec import Meta

from supctl.specs import (
    AutoShutdown,
    Backoff,
    Exhausted,
    Health,
    Jitter,
    Limits,
    Log,
    Ready,
    Restart,
    Start,
    StartFailures,
    StartRate,
    Stop,
    Strategy,
)
from supctl.specs.log import Compress, Every, LogMode, LogTarget, WhenFull

from .env_files import EnvFile, parse_env_file
from .environment import Inherit
from .outputs import (
    parse_compress,
    parse_every,
    parse_log_mode,
    parse_log_target,
    parse_number_limit,
    parse_size_limit,
    parse_time_of_day,
    parse_when_full,
    write_never,
    write_no,
    write_unlimited,
)
from .probes import parse_health, parse_ready, write_health, write_ready
from .reading import By, Each, Table
from .units import (
    parse_cpu,
    parse_duration,
    parse_patience,
    parse_signal,
    parse_size,
    write_patience,
    write_signal,
)
from .values import (
    parse_account,
    parse_auto_shutdown,
    parse_command,
    parse_env_value,
    parse_exhausted,
    parse_exit_codes,
    parse_include,
    parse_inherit_env,
    parse_jitter,
    parse_max_restarts,
    parse_memory,
    parse_restart,
    parse_rlimit,
    parse_start,
    parse_start_failures,
    parse_strategy,
    parse_umask,
    write_max_restarts,
    write_restart,
    write_rlimit,
    write_umask,
)

Text: TypeAlias = Annotated[str, Meta(min_length=1, description="text, not empty")]
Flag: TypeAlias = Annotated[bool, Meta(description="true or false")]
Whole: TypeAlias = Annotated[int, Meta(description="a whole number")]
Number: TypeAlias = Annotated[float, Meta(description="a number")]
Seconds: TypeAlias = Annotated[float, By(parse_duration)]
Patience: TypeAlias = Annotated[float | None, By(parse_patience, write_patience)]

Names: TypeAlias = Annotated[list[str], Meta(description="a list of names")]

Copies: TypeAlias = Annotated[int, Meta(ge=1, le=10_000, description="a number from 1 to 10000")]
"""More would be a slip of the finger: a program that starts them is hard to stop."""


def rlimit_names() -> tuple[str, ...]:
    """Return the names of this system's resource limits as files write them: ``nofile``."""
    import resource  # only here: not every system has it

    prefix = "RLIMIT_"
    return tuple(n.removeprefix(prefix).lower() for n in dir(resource) if n.startswith(prefix))


class BackoffKeys(TypedDict, total=False):
    """``backoff``: how long to wait before a restart."""

    initial: Seconds
    factor: Number
    maximum: Seconds
    jitter: Annotated[Jitter, By(parse_jitter)]
    reset_after: Seconds


class StartRateKeys(TypedDict, total=False):
    """``start_rate``: how many starts automatic restarts may make."""

    starts: Whole
    within: Seconds


class StopKeys(TypedDict, total=False):
    """``stop``: how a program is asked to stop, and how long it may take."""

    signal: Annotated[int, By(parse_signal, write_signal)]
    grace: Seconds
    force: Seconds


class LimitsKeys(TypedDict, total=False):
    """``limits``: what a program and its descendants may use together."""

    memory: Annotated[int, By(parse_memory)]
    cpu: Annotated[float, By(parse_cpu)]
    pids: Whole


class LogKeys(TypedDict, total=False):
    """``log``: what becomes of the output of a program, or of all programs of the file."""

    mode: Annotated[LogMode, By(parse_log_mode)]
    to: Annotated[LogTarget, By(parse_log_target)]
    file: Text
    error_file: Text
    together: Flag
    merged: Flag
    max_size: Annotated[int | None, By(parse_size_limit, write_unlimited)]
    every: Annotated[Every | None, By(parse_every, write_never)]
    at: Annotated[str, By(parse_time_of_day)]
    keep: Annotated[int | None, By(parse_number_limit, write_unlimited)]
    keep_for: Annotated[float | None, By(parse_patience, write_patience)]
    keep_size: Annotated[int | None, By(parse_size_limit, write_unlimited)]
    compress: Annotated[Compress | None, By(parse_compress, write_no)]
    sync: Flag
    when_full: Annotated[WhenFull, By(parse_when_full)]
    buffer: Annotated[int, By(parse_size)]
    required: Flag


class ChildKeys(TypedDict, total=False):
    """What every child has."""

    restart: Annotated[Restart | str, By(parse_restart, write_restart)]
    backoff: Annotated[Backoff, Table(BackoffKeys)]
    give_up_after: Whole
    exhausted: Annotated[Exhausted, By(parse_exhausted)]
    significant: Flag
    essential: Flag
    autostart: Flag
    depends_on: Names
    tags: Names


class RunKeys(ChildKeys, total=False):
    """What programs and workers have."""

    max_restarts: Whole
    within: Seconds
    min_uptime: Seconds


class DefaultsKeys(RunKeys, total=False):
    """``defaults``: what programs do not say themselves."""

    cwd: Text
    env: Annotated[dict[str, str], Each(parse_env_value)]
    env_file: Annotated[tuple[EnvFile, ...], By(parse_env_file)]
    inherit_env: Annotated[Inherit, By(parse_inherit_env)]
    ready: Annotated[Ready, By(parse_ready, write_ready)]
    health: Annotated[Health, By(parse_health, write_health)]
    stop_exit_codes: Annotated[tuple[int, ...], By(parse_exit_codes)]
    stop: Annotated[Stop, Table(StopKeys, whole=True)]
    limits: Annotated[Limits, Table(LimitsKeys)]
    log: Annotated[Log, Table(LogKeys)]
    instances: Copies
    detached: Flag
    death_signal: Flag
    umask: Annotated[int, By(parse_umask, write_umask)]
    user: Annotated[str | int, By(parse_account)]
    group: Annotated[str | int, By(parse_account)]
    nice: Whole
    rlimits: Annotated[dict[str, tuple[int, int]], Each(parse_rlimit, rlimit_names, write_rlimit)]


class AppKeys(DefaultsKeys, total=False):
    """``[apps.NAME]`` with a ``command``: a program."""

    command: Annotated[tuple[str, ...], By(parse_command)]


class WorkerKeys(RunKeys, total=False):
    """``[apps.NAME]`` with an ``actor``: a Python actor."""

    actor: Text
    args: Annotated[list[Any], Meta(description="a list of arguments")]
    kwargs: Annotated[dict[str, Any], Meta(description="a table of named arguments")]
    grace: Seconds
    isolation: Text
    blocking: Flag
    hung_after: Patience
    on_daemon_loss: Text


class RootKeys(TypedDict, total=False):
    """``[supervisor]``: the root of the tree."""

    strategy: Annotated[Strategy, By(parse_strategy)]
    max_restarts: Annotated[int | None, By(parse_max_restarts, write_max_restarts)]
    within: Seconds
    auto_shutdown: Annotated[AutoShutdown, By(parse_auto_shutdown)]
    start: Annotated[Start, By(parse_start)]
    start_rate: Annotated[StartRate, Table(StartRateKeys)]
    start_failures: Annotated[StartFailures, By(parse_start_failures)]
    stop: Annotated[Stop, Table(StopKeys, whole=True)]


class SupervisorKeys(ChildKeys, RootKeys, total=False):
    """``[apps.NAME]`` with ``apps`` of its own: a supervisor."""

    apps: Any
    defaults: Any
    isolation: Text
    hung_after: Patience


class FileKeys(TypedDict, total=False):
    """A file, or a profile of it."""

    supervisor: Any
    log: Any
    defaults: Any
    apps: Any


class LayerKeys(FileKeys, total=False):
    """A file that may include others."""

    include: Annotated[list[str], By(parse_include)]
    profiles: Any


class ServiceKeys(TypedDict, total=False):
    """An element of ``services`` in gosv's ``services.json``."""

    name: Text
    command: Text
    args: Annotated[list[str], Meta(description="a list of texts")]
    max_restarts: Whole
    memory_mb: Annotated[int, Meta(ge=0, le=2**40, description="megabytes, 0 or more")]
    cpu_percent: Annotated[int, Meta(ge=0, le=409_600, description="percent, 0 or more")]


class ServicesKeys(TypedDict, total=False):
    """gosv's ``services.json`` itself."""

    services: Any
