"""``Log``: what becomes of the output of a program."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, fields
from datetime import time
from importlib.util import find_spec
from typing import Final

from supctl.errors import InvalidConfig

from .policy import check_count, check_seconds
from .word import Word

BUFFER: Final = 16 * 2**20
"""Bytes that wait for a slow log where ``buffer`` says nothing else."""

_SMALLEST: Final = 4096
"""Bytes of the smallest file worth a rotation: one page."""

_TIME_OF_DAY: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


class LogMode(Word):
    """How output is written."""

    RAW = "raw"
    """Byte for byte as it comes."""
    TIMESTAMPED = "timestamped"
    """With the time before every line."""
    JSON = "json"
    """One JSON object for every line."""
    NONE = "none"
    """Not at all; who follows the app sees it nevertheless."""


class LogTarget(Word):
    """Where output goes."""

    FILE = "file"
    """Into files of its own, or those that are named."""
    STDOUT = "stdout"
    """To the standard output of the supervising process."""
    STDERR = "stderr"
    """To its standard error."""
    SYSLOG = "syslog"
    """To the system's logger at /dev/log."""
    JOURNALD = "journald"
    """To systemd's journal."""


class Every(Word):
    """When a file is rotated, whatever its size."""

    HOURLY = "hourly"
    """At every full hour of the local time."""
    DAILY = "daily"
    """Once a day, at midnight or at the time of day that ``at`` says."""


class Compress(Word):
    """How rotated files are compressed."""

    GZIP = "gzip"
    ZSTD = "zstd"
    """Needs Python 3.14, or the package ``zstandard``."""


class WhenFull(Word):
    """What happens to output that comes faster than it can be stored."""

    BLOCK = "block"
    """It stays in the app's pipe, and the app waits when that is full. Nothing is lost."""
    SPILL = "spill"
    """It waits in memory, ``buffer`` bytes at most; after that as ``block``."""
    DROP = "drop"
    """It waits in memory likewise; after that it is dropped, and a line in the log says how
    much. The app never waits."""


@dataclass(frozen=True, slots=True)
class Log:
    """What becomes of the output of a program.

    Args:
        mode: how it is written: ``raw`` (default), ``timestamped``, ``json``, ``none``.
        to: where it goes: ``file`` (default), ``stdout``, ``stderr``, ``syslog``, ``journald``.
        file: the file for standard output; by default one in the tree's directory for logs. A
            relative path begins in our working directory. Several apps may name the same file:
            their lines are not torn.
        error_file: the same for standard error.
        together: whether standard error goes where standard output goes. Not with
            ``error_file``.
        merged: whether all instances of the app share their files.
        max_size: bytes at which a file is rotated, at the end of a line; ``None``: at no size.
            50 MiB by default.
        every: when a file is rotated as well: ``hourly``, ``daily``; ``None``: at no time.
        at: the time of day of a ``daily`` rotation, as ``"HH:MM"`` of the local time.
        keep: how many rotated files are kept of each; ``None``: any number. 10 by default.
        keep_for: seconds after which a rotated file is deleted; ``None``: never.
        keep_size: bytes that all rotated files of one log may have together; the oldest are
            deleted. ``None``: any number.
        compress: ``gzip`` or ``zstd`` rotated files, some time later; ``None``: no.
        sync: whether a file is on the disk (fsync(2)) before it is rotated.
        when_full: what happens when output comes faster than it can be stored, or the disk is
            full: ``block`` (default), ``spill``, ``drop``.
        buffer: bytes that ``spill`` and ``drop`` hold in memory; ``None``: 16 MiB.
        required: whether the app must not start if its log cannot be written.

    Raises:
        InvalidConfig: naming the field that is out of range, or contradicts another one.
    """

    mode: LogMode = LogMode.RAW
    to: LogTarget = LogTarget.FILE
    file: str | None = None
    error_file: str | None = None
    together: bool = False
    merged: bool = False
    max_size: int | None = 50 * 2**20
    every: Every | None = None
    at: str | None = None
    keep: int | None = 10
    keep_for: float | None = None
    keep_size: int | None = None
    compress: Compress | None = None
    sync: bool = False
    when_full: WhenFull = WhenFull.BLOCK
    buffer: int | None = None
    required: bool = False

    def __post_init__(self) -> None:
        for name, word in _WORDS.items():
            if (value := getattr(self, name)) is not None or name in _NEEDED:
                object.__setattr__(self, name, word.of(name, value))
        for name in ("file", "error_file"):
            if (path := getattr(self, name)) is not None:
                object.__setattr__(self, name, _check_path(name, path))
        for name in _FLAGS:
            if not isinstance(getattr(self, name), bool):
                raise InvalidConfig(name, getattr(self, name), "true or false")
        self._check_target()
        self._check_rotation()
        self._check_kept()
        if self.buffer is not None:
            check_count("buffer", self.buffer, _SMALLEST)
            if self.when_full is WhenFull.BLOCK:
                wanted = "no buffer where when_full is block"
                raise InvalidConfig("buffer", self.buffer, wanted, "say spill or drop")

    @property
    def has_file(self) -> bool:
        """Whether it goes to files at all."""
        return self.to is LogTarget.FILE and self.mode is not LogMode.NONE

    @property
    def is_shared(self) -> bool:
        """Whether others write to the same place."""
        named = self.file is not None or self.error_file is not None
        return named or self.together or self.merged or not self.has_file

    @property
    def has_output(self) -> bool:
        """Whether it goes anywhere at all."""
        return self.mode is not LogMode.NONE

    @property
    def has_lines(self) -> bool:
        """Whether lines are told apart, rather than bytes stored as they come."""
        return self.has_output and (self.mode is not LogMode.RAW or self.is_shared)

    @property
    def is_exact(self) -> bool:
        """Whether the system moves the bytes, none of which is ever in our memory only."""
        in_pipe = self.when_full is WhenFull.BLOCK
        return self.has_file and not self.has_lines and in_pipe

    @property
    def at_time(self) -> time:
        """The time of day of a daily rotation."""
        return time.fromisoformat(self.at or "00:00")

    def _check_target(self) -> None:
        if self.error_file is not None and self.together:
            mend = "leave one of them out"
            raise InvalidConfig("error_file", self.error_file, "none beside together", mend)
        if self.has_file:
            return
        where = f"to is {self.to}" if self.mode is not LogMode.NONE else "mode is none"
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name in FILE_ONLY and value != item.default:
                wanted = f"nothing here, as {where} and no file is written"
                raise InvalidConfig(item.name, value, wanted, "leave it out")
        if self.mode is LogMode.NONE and self.to is not LogTarget.FILE:
            raise InvalidConfig("to", str(self.to), "nothing where mode is none", "leave it out")

    def _check_rotation(self) -> None:
        if self.max_size is not None:
            check_count("max_size", self.max_size, _SMALLEST)
        if self.at is None:
            return
        if not isinstance(self.at, str) or not _TIME_OF_DAY.fullmatch(self.at):
            raise InvalidConfig("at", self.at, 'a time of day such as "03:30"')
        if self.every is not Every.DAILY:
            raise InvalidConfig("at", self.at, "every = daily beside it", "say that too")

    def _check_kept(self) -> None:
        if self.keep is not None:
            check_count("keep", self.keep, 0)
        if self.keep_for is not None:
            check_seconds("keep_for", self.keep_for, zero=False)
        if self.keep_size is not None:
            check_count("keep_size", self.keep_size, 1)
            if self.max_size is not None and self.keep_size < self.max_size:
                wanted = f"at least max_size ({self.max_size}), or no rotated file could be kept"
                raise InvalidConfig("keep_size", self.keep_size, wanted)
        if self.compress is Compress.ZSTD and not has_zstd():
            mend = "gzip is always there"
            wanted = "a Python that has zstd: 3.14, or one with the package zstandard"
            raise InvalidConfig("compress", "zstd", wanted, mend)
        for name in ("keep_for", "keep_size", "compress"):
            if self.keep == 0 and (value := getattr(self, name)) is not None:
                wanted = "nothing where keep is 0 and no rotated file is kept"
                raise InvalidConfig(name, value, wanted, "leave keep out")


_WORDS: Final[dict[str, type[Word]]] = {
    "mode": LogMode,
    "to": LogTarget,
    "every": Every,
    "compress": Compress,
    "when_full": WhenFull,
}
_NEEDED: Final = ("mode", "to", "when_full")
_FLAGS: Final = ("together", "merged", "sync", "required")

FILE_ONLY: Final = frozenset({
    "file", "error_file", "together", "merged", "max_size", "every", "at", "keep", "keep_for",
    "keep_size", "compress", "sync",
})  # fmt: skip
"""Fields that mean something for files only."""


def has_zstd() -> bool:
    """Return whether this Python can compress with zstd."""
    return find_spec("compression") is not None or find_spec("zstandard") is not None


def _check_path(field: str, path: str | os.PathLike[str]) -> str:
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else path
    if not isinstance(text, str) or not text or "\0" in text or text.endswith("/"):
        raise InvalidConfig(field, text, "the path of a file, without NUL characters")
    return text
