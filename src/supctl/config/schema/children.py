"""Tables of children: programs, workers, supervisors, and the root of them all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypedDict

from msgspec import Meta

from supctl.config.env_files import EnvFile, parse_env_file
from supctl.config.environment import Inherit
from supctl.config.probes import parse_health, parse_ready, write_health, write_ready
from supctl.config.reading import By, Each, Table
from supctl.config.sources import parse_watch, write_watch
from supctl.config.values import (
    parse_account,
    parse_auto_shutdown,
    parse_command,
    parse_depends_on,
    parse_exhausted,
    parse_exit_codes,
    parse_inherit_env,
    parse_max_restarts,
    parse_restart,
    parse_rlimit,
    parse_start,
    parse_start_failures,
    parse_strategy,
    parse_umask,
    parse_variable,
    write_depends_on,
    write_max_restarts,
    write_restart,
    write_rlimit,
    write_umask,
    write_variable,
)
from supctl.specs import (
    AutoShutdown,
    Backoff,
    Exhausted,
    Health,
    Limits,
    Log,
    Ready,
    Restart,
    Secret,
    Sources,
    Start,
    StartFailures,
    StartRate,
    Stop,
    Strategy,
)
from supctl.specs.dependencies import Condition

from .policies import BackoffKeys, LimitsKeys, LogKeys, StartRateKeys, StopKeys
from .types import Copies, Flag, Names, Patience, Port, Seconds, Text, Whole, rlimit_names


class ChildKeys(TypedDict, total=False):
    """What every child has."""

    restart: Annotated[Restart | str, By(parse_restart, write_restart)]
    """Which ends are followed by a restart; `unless-stopped` is `always`, but what was stopped by
    hand stays stopped when the daemon starts anew."""
    backoff: Annotated[Backoff, Table(BackoffKeys)]
    """How long to wait before a restart."""
    give_up_after: Whole
    """How many restarts it may have without a stable run; by default any number."""
    exhausted: Annotated[Exhausted, By(parse_exhausted)]
    """What follows when it may have no more restarts."""
    significant: Flag
    """Whether its end for good may end its supervisor (`auto_shutdown`)."""
    essential: Flag
    """Whether its end for good ends the whole tree, which under the daemon is its project."""
    autostart: Flag
    """Whether it starts with its supervisor."""
    depends_on: Annotated[Mapping[str, Condition], By(parse_depends_on, write_depends_on)]
    """Siblings that have to be up before it starts, and stay until it has stopped. Or what is to
    be with each: `{ db = "up", migrate = "completed" }`; `completed`: it has ended with success,
    `ended`: however it ended."""
    tags: Names
    """Words by which commands mean it together with others: `@web`."""


class RunKeys(ChildKeys, total=False):
    """What programs and workers have."""

    max_restarts: Whole
    """How many restarts it may have within a window; by default any number."""
    within: Seconds
    """Length of the window of `max_restarts`."""
    min_uptime: Seconds
    """An end before that is a failure, whatever its status."""


class DefaultsKeys(RunKeys, total=False):
    """``defaults``: what programs do not say themselves, and workers as far as they can say it."""

    cwd: Text
    """Directory that it runs in, relative to the file; by default that of the file."""
    env: Annotated[dict[str, str | Secret], Each(parse_variable, write=write_variable)]
    """Environment variables, besides what it inherits; the text of a secret is in a `file`."""
    env_file: Annotated[tuple[EnvFile, ...], By(parse_env_file)]
    """Files of environment variables, `.env`, below `env` and above what it inherits."""
    inherit_env: Annotated[Inherit, By(parse_inherit_env)]
    """What it inherits of the environment that supctl runs in: `false` is the few variables that
    every program needs, `true` everything, names these as well as the few."""
    plugins: Flag
    """Whether plugins may fit it to the tools that its project uses, such as a virtual environment
    (docs/plugins.md); by default they may."""
    ready: Annotated[Ready, By(parse_ready, write_ready)]
    """When it counts as up; by default as soon as it runs."""
    health: Annotated[Health, By(parse_health, write_health)]
    """What shows that it is still well; by default that it runs."""
    stop_exit_codes: Annotated[tuple[int, ...], By(parse_exit_codes)]
    """Exit codes by which it says that it wants no restart."""
    stop: Annotated[Stop, Table(StopKeys, whole=True)]
    """How it is asked to stop; what it does not say is as its supervisor says."""
    limits: Annotated[Limits, Table(LimitsKeys)]
    """What it may use together with all that it has started."""
    log: Annotated[Log, Table(LogKeys)]
    """What becomes of its output; what it does not say is as `[log]` of the file says."""
    watch: Annotated[Sources | None, By(parse_watch, write_watch)]
    """Files by whose changes it is restarted: `true` is all in `cwd`, else paths relative to it,
    or a table of `paths`, `ignore`, `gitignore` and `debounce`."""
    instances: Copies
    """How many copies of it run, called `name:1` and so on. In `command`, `cwd`, `env`, files of
    `log` and addresses of `ready` and `health`, `{instance}` and `{index}` are the number of a
    copy, counted from 1 and from 0."""
    share_port: Flag
    """Whether its copies may all listen on the same port, among which the kernel deals out the
    connections: for programs of Node.js, from 22.12 on."""
    detached: Flag
    """Whether what it has started lives on when its main process ends."""
    death_signal: Flag
    """Whether the kernel kills it should the process that watches it die."""
    umask: Annotated[int, By(parse_umask, write_umask)]
    """Permissions that files which it makes do not get; by default as those of supctl."""
    user: Annotated[str | int, By(parse_account)]
    """User that it runs as; needs root."""
    group: Annotated[str | int, By(parse_account)]
    """Group that it runs as; by default that of the user."""
    nice: Whole
    """Niceness, from -20 (first) to 19 (last); by default that of supctl."""
    rlimits: Annotated[dict[str, tuple[int, int]], Each(parse_rlimit, rlimit_names, write_rlimit)]
    """Resource limits of each of its processes, by their names in setrlimit(2): `nofile`."""


class AppKeys(DefaultsKeys, total=False):
    """``[apps.NAME]`` with a ``command``: a program."""

    command: Annotated[tuple[str, ...], By(parse_command)]
    """The program and its arguments; no shell is involved."""
    port: Port
    """Port of its first copy; each other one has the next. It is in the variable `PORT`, and where
    `{port}` is written."""


class WorkerKeys(RunKeys, total=False):
    """``[apps.NAME]`` with an ``actor``: a Python actor."""

    actor: Text
    """Place of its class or function, as `module:name`."""
    args: Annotated[list[Any], Meta(description="a list of arguments")]
    """Arguments that it is made with at every start."""
    kwargs: Annotated[dict[str, Any], Meta(description="a table of named arguments")]
    """Named arguments likewise."""
    grace: Seconds
    """How long it may take to terminate; then it is cancelled."""
    isolation: Text
    """`task`: it runs in the process of its supervisor; `process`: in one of its own."""
    blocking: Flag
    """Whether its methods may block: they run in a thread, one at a time. For `process` only."""
    hung_after: Patience
    """How long its process may give no sign of life; then it is killed."""
    on_daemon_loss: Text
    """What becomes of it when the daemon is lost: `restart`, or `survive` (for `process` only)."""


class RootKeys(TypedDict, total=False):
    """``[supervisor]``: the root of the tree."""

    strategy: Annotated[Strategy, By(parse_strategy)]
    """Who is restarted together with a child that ended: nobody, all, or those that started
    after it."""
    max_restarts: Annotated[int | None, By(parse_max_restarts, write_max_restarts)]
    """How many restarts of its children it bears within a window before it fails itself."""
    within: Seconds
    """Length of the window of `max_restarts`."""
    auto_shutdown: Annotated[AutoShutdown, By(parse_auto_shutdown)]
    """Whether it ends when significant children have ended."""
    start: Annotated[Start, By(parse_start)]
    """Whether children start one after the other, or each as soon as what it depends on is up."""
    start_rate: Annotated[StartRate, Table(StartRateKeys)]
    """How many starts automatic restarts may make below it; by default as above it, or any."""
    start_failures: Annotated[StartFailures, By(parse_start_failures)]
    """What follows when a child does not come up at its first start: it is tried again, or the
    supervisor fails."""
    stop: Annotated[Stop, Table(StopKeys, whole=True)]
    """How programs below it are asked to stop that do not say it themselves."""


class SupervisorKeys(ChildKeys, RootKeys, total=False):
    """``[apps.NAME]`` with ``apps`` of its own: a supervisor."""

    apps: Any
    """Its children, a table for each."""
    defaults: Any
    """What programs below it do not say themselves."""
    isolation: Text
    """`process`: it runs in a process of its own, with the actors below it."""
    hung_after: Patience
    """How long such a process may give no sign of life; then it is killed."""
