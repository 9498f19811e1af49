"""Tables inside those of children: restarts, stops, limits, output, questions."""

from __future__ import annotations

from typing import Annotated, TypeAlias, TypedDict

from msgspec import Meta

from supctl.config.outputs import (
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
from supctl.config.reading import By
from supctl.config.sources import parse_paths
from supctl.config.units import (
    parse_cpu,
    parse_patience,
    parse_signal,
    parse_size,
    write_patience,
    write_signal,
)
from supctl.config.values import parse_command, parse_jitter, parse_memory
from supctl.specs import Jitter
from supctl.specs.log import Compress, Every, LogMode, LogTarget, WhenFull

from .types import Flag, Number, Seconds, Text, Whole

Port: TypeAlias = Annotated[int | str, Meta(description='a port, or "host:port"')]
Url: TypeAlias = Annotated[int | str, Meta(description="a URL, or a port")]


class BackoffKeys(TypedDict, total=False):
    """``backoff``: how long to wait before a restart."""

    initial: Seconds
    """Delay before the first restart; 0 restarts at once."""
    factor: Number
    """How much longer each delay is than the one before, 1 or more."""
    maximum: Seconds
    """The longest delay, not below `initial`."""
    jitter: Annotated[Jitter, By(parse_jitter)]
    """How chance is mixed into a delay, so that many programs do not come back at once."""
    reset_after: Seconds
    """How long it has to run until the delays begin anew."""


class StartRateKeys(TypedDict, total=False):
    """``start_rate``: how many starts automatic restarts may make, over a whole subtree."""

    starts: Whole
    """Starts at once, and on average within the window, 1 or more."""
    within: Seconds
    """Length of the window."""


class StopKeys(TypedDict, total=False):
    """``stop``: how a program is asked to stop, and how long it may take."""

    signal: Annotated[int, By(parse_signal, write_signal)]
    """The signal that asks its process group."""
    grace: Seconds
    """How long it may take; then it is killed with all that it has started. 0 kills at once."""
    force: Seconds
    """How long what was killed may take to end; then supervision goes on without it."""


class LimitsKeys(TypedDict, total=False):
    """``limits``: what a program and its descendants may use together."""

    memory: Annotated[int, By(parse_memory)]
    """Memory; beyond it the kernel ends the app."""
    cpu: Annotated[float, By(parse_cpu)]
    """Processors; 0.5 is half of one."""
    pids: Whole
    """Number of processes and threads."""


class LogKeys(TypedDict, total=False):
    """``log``: what becomes of the output of a program, or of all programs of the file."""

    mode: Annotated[LogMode, By(parse_log_mode)]
    """How output is written: as it comes, with the time before each line, as JSON, or not."""
    to: Annotated[LogTarget, By(parse_log_target)]
    """Where output goes."""
    file: Text
    """File for standard output; by default one in the directory for logs of this tree."""
    error_file: Text
    """File for standard error; by default one beside that for standard output."""
    together: Flag
    """Whether standard error goes where standard output goes."""
    merged: Flag
    """Whether all instances of the app share their files."""
    max_size: Annotated[int | None, By(parse_size_limit, write_unlimited)]
    """Size at which a file is rotated, at the end of a line."""
    every: Annotated[Every | None, By(parse_every, write_never)]
    """When a file is rotated as well, whatever its size."""
    at: Annotated[str, By(parse_time_of_day)]
    """Time of day of a `daily` rotation, local time; midnight if it is not said."""
    keep: Annotated[int | None, By(parse_number_limit, write_unlimited)]
    """How many rotated files are kept of each."""
    keep_for: Annotated[float | None, By(parse_patience, write_patience)]
    """Age at which a rotated file is deleted."""
    keep_size: Annotated[int | None, By(parse_size_limit, write_unlimited)]
    """What all rotated files of one log may hold together; the oldest are deleted."""
    compress: Annotated[Compress | None, By(parse_compress, write_no)]
    """How rotated files are compressed."""
    sync: Flag
    """Whether a file is on the disk before it is rotated."""
    when_full: Annotated[WhenFull, By(parse_when_full)]
    """What happens to output that comes faster than it can be stored: the app waits, it is held
    in memory first, or it is dropped in the end."""
    buffer: Annotated[int, By(parse_size)]
    """What `spill` and `drop` hold in memory; 16M if it is not said."""
    required: Flag
    """Whether the app must not start if its log cannot be written."""


class HttpKeys(TypedDict, total=False):
    """What an ``http`` question may say besides."""

    path: Text
    """Path that is asked for, where `http` is a port."""
    status: Whole
    """The status that is wanted; by default any from 200 to 399."""
    body: Text
    """Text that has to be in the first 64 KiB of the answer."""


class ReadyKeys(HttpKeys, total=False):
    """``ready``: when a program counts as up. Exactly one question, and how it is asked."""

    tcp: Port
    """Up when this port, or `"host:port"`, takes connections."""
    http: Url
    """Up when this URL, or port of this machine, answers well."""
    exec: Annotated[tuple[str, ...], By(parse_command)]
    """Up when this command ends with status 0."""
    output: Text
    """Up when a line of its output matches this regular expression."""
    delay: Seconds
    """Up when it has run for so long."""
    notify: Flag
    """Up when it says so, as sd_notify(3) does."""
    timeout: Seconds
    """How long it may take until it is up; after that its start has failed."""


class HealthKeys(HttpKeys, total=False):
    """``health``: what shows that a program is still well. Exactly one question, and how it is
    asked."""

    tcp: Port
    """Well while this port, or `"host:port"`, takes connections."""
    http: Url
    """Well while this URL, or port of this machine, answers well."""
    exec: Annotated[tuple[str, ...], By(parse_command)]
    """Well while this command ends with status 0."""
    watchdog: Seconds
    """Well while it gives a sign of life at least so often, as sd_notify(3) does."""
    interval: Seconds
    """How long it is from one question to the next."""
    timeout: Seconds
    """How long an answer may take."""
    retries: Whole
    """Failures in a row after which it is asked to stop and has ended as unhealthy."""
    start_period: Seconds
    """How long after it is up the first question comes."""


class WatchKeys(TypedDict, total=False):
    """``watch``: the files that a program is made of."""

    paths: Annotated[tuple[str, ...], By(parse_paths)]
    """Files, and directories with all below them, relative to `cwd`."""
    ignore: Annotated[tuple[str, ...], By(parse_paths)]
    """Patterns as in `.gitignore` of files in `cwd` that are none of them: `*.log`, `tmp/`."""
    gitignore: Flag
    """Whether what git ignores is ignored, too."""
    debounce: Seconds
    """How long no file must have changed before the program is restarted."""
