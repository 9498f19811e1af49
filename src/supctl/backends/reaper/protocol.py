"""What daemon and reaper say to each other.

The link is a stream socket pair. Each message is a frame (:mod:`supctl.ipc.framing`) that
holds a JSON array, its first item the word that names it. Text that is not UTF-8 (arguments,
paths, environment) travels as surrogate escapes. Descriptors travel as SCM_RIGHTS beside
the first byte of their frame; the message says how many there are.

The daemon asks, and never waits for one answer before it asks the next:

=========================================  =============================================
``["spawn", run, launch]``                 start a program; ``run`` is a number never used
                                           before, ``launch`` the fields of :class:`Launch`.
                                           One descriptor each with ``launch["stdin"]`` and
                                           ``launch["notify"]`` true.
``["adopt", run, launch, pid, names]``     hold an orphan of ours as a run, a zygote has forked it;
                                           with descriptors, as of ``kept``
``["take", run, fields, names]``           hold a run of a reaper that was lost, with descriptors,
                                           as of ``kept``; it is no child of ours
``["signal", run, number]``                to its process group; when the main process is
                                           gone, to every descendant that is left
``["signal_all", run, number]``            to every process of its tree
``["terms", run, number, grace]``          when we are gone, end it by that signal, in so much time
``["kill", run]``                          kill all of its tree until none is left
``["note", notes, runs]``                  keep texts for the next daemon, by key; null: no more; by
                                           now it is known what became of those kept runs
``["hold", name]``                         keep a descriptor for it, in place of an earlier one
``["ready"]``                              this daemon serves
``["that_is_all"]``                        after the last ``take``
``["upgrade", program, within]``           end this daemon; become the reaper of other code (fields
                                           of :class:`~.program.Program`), and start its daemon,
                                           which is to serve within so many seconds
``["bye"]``                                its end is meant: there is no next one
``["subtree", path]``                      the cgroup that the reaper is to take back as its last
                                           act, with the daemon gone; null if it need not
=========================================  =============================================

The reaper tells:

=========================================  =============================================
``["hello", version, pid, limit]``         once, first; ``limit`` of descriptors of programs
``["left_you", names, last, told]``        to a next daemon: a descriptor for each of ``names``, the
                                           last number of a run, and the fields of
                                           :class:`Passing`
``["noted", notes]``                       the texts that were kept, by key; perhaps several times
``["kept", run, fields, names]``           a run that has outlived a daemon: :class:`Kept`, with
                                           descriptors as of ``started``, and ``notify``
``["that_is_all"]``                        the last of these
``["started", run, pid, names]``           with one descriptor for each of ``names``, of
                                           ``pidfd``, ``stdout``, ``stderr`` (read ends)
``["failed", run, stage, errno, detail]``  nothing of the program runs; the last word on it
``["signalled", run]``                     a signal was sent; once for each, in order
``["exited", run, status]``                the main process is reaped; ``status`` holds the
                                           fields of :class:`supctl.exits.ExitStatus`
``["left", run, pids]``                    the main process is gone, these descendants live
``["gone", run]``                          nothing of its tree lives; the last word on it
``["refused", text]``                      a message made no sense and was skipped
=========================================  =============================================

A well-framed message that makes no sense is refused and skipped. A stream that has lost its
frames cannot be mended: the reaper treats it as the loss of the daemon, the daemon as the
loss of the reaper.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any, Final

from supctl.errors import ProtocolError
from supctl.ipc.framing import frame

VERSION: Final = 3

LIMIT: Final = 16 * 1024 * 1024
"""Bytes of a message. The kernel allows arguments and environment of a few MiB (execve(2))."""

MAX_DESCRIPTORS: Final = 253
"""Descriptors in one sendmsg (SCM_MAX_FD)."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is remembered of a :class:`Launch` while the program runs: how it is known, and ended.

    Not its arguments and environment: those of a thousand programs take megabytes.
    """

    mark: int
    stop_signal: int
    grace: float
    cgroup: str | None
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A run that has outlived a daemon, as the next one is told of it.

    Args:
        pid: of its main process.
        terms: the fields of :class:`Terms`.
        started_at: on the monotonic clock.
        status: how the main process has ended, the fields of an exit status; ``None``: it lives.
        survivors: what of it lives on, its main process having ended.
        gone: nothing of it lives.
    """

    pid: int
    terms: dict[str, Any]
    started_at: float
    status: dict[str, Any] | None = None
    survivors: list[int] = field(default_factory=list)
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Passing:
    """How a daemon has passed away, as the next one is told of it.

    Args:
        lives: how many there were, the next one among them.
        at: when that was, on the monotonic clock.
        ended: wait status of the process (wait(2)); ``None`` if that is not known.
        subtree: the cgroup that is to be used on.
        complete: whether all runs of a reaper that was lost were told to this one.
        upgrade: what it has ended for, or what has failed before the next one: the versions
            ``before`` and ``to``, and why it has ``failed``.
    """

    lives: int = 1
    at: float = 0.0
    ended: int | None = None
    subtree: str | None = None
    complete: bool = True
    upgrade: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Launch:
    """All the reaper must know to start a program, and to end it when it is on its own.

    Fields as in :class:`supctl.backends.base.ProcessSpec`, and ``mark``: the number that tells
    this run's descendants from others (:mod:`.marks`); ``cgroup``: directory of its own cgroup;
    ``notify``: a socket of its own is held for it.
    """

    command: list[str]
    env: dict[str, str]
    mark: int
    cwd: str | None = None
    stdin: bool = False
    stdout: bool = True
    stderr: bool = True
    umask: int | None = None
    user: str | int | None = None
    group: str | int | None = None
    nice: int | None = None
    rlimits: dict[str, list[int]] = field(default_factory=dict)
    death_signal: bool = False
    stop_signal: int = 15
    grace: float = 10.0
    cgroup: str | None = None
    pid_in: str = ""
    kept: str = ""
    notify: bool = False

    @property
    def terms(self) -> Terms:
        """What is to be remembered of it."""
        return Terms(self.mark, self.stop_signal, self.grace, self.cgroup, self.kept)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields that differ from their defaults, ready for JSON."""
        pairs = ((name, getattr(self, name)) for name in _DEFAULTS)
        return {name: value for name, value in pairs if value != _DEFAULTS[name]}

    @classmethod
    def of(cls, told: Any) -> Launch:
        """Rebuild it from JSON.

        Raises:
            ProtocolError: fields are missing, unknown or of the wrong kind.
        """
        try:
            launch = cls(**told)
            command_ok = bool(launch.command) and all(isinstance(w, str) for w in launch.command)
            env_ok = all(isinstance(value, str) for value in launch.env.values())
            numbers_ok = launch.stop_signal + launch.grace + launch.mark >= 0
        except (TypeError, AttributeError) as error:
            raise ProtocolError(f"a launch with {error}", "the fields of Launch") from None
        if not (command_ok and env_ok and numbers_ok):
            raise ProtocolError("a launch with a field out of range", "the fields of Launch")
        return launch


_DEFAULTS: Final[dict[str, Any]] = {item.name: item.default for item in fields(Launch)} | {
    "rlimits": {}
}


def encode(message: Iterable[Any]) -> bytes:
    """Return ``message`` as one frame.

    Raises:
        ProtocolError: it is longer than :data:`LIMIT`.
    """
    return frame(json.dumps(list(message), separators=(",", ":")).encode("ascii"), LIMIT)


def decode(payload: bytes | memoryview) -> list[Any]:
    """Return the message in ``payload``.

    Raises:
        ProtocolError: it is no JSON array that begins with a word.
    """
    try:
        message = json.loads(bytes(payload))
    except (ValueError, RecursionError):
        raise ProtocolError(f"{bytes(payload[:40])!r}", "a JSON array") from None
    if not isinstance(message, list) or not message or not isinstance(message[0], str):
        raise ProtocolError(f"{bytes(payload[:40])!r}", "a JSON array that begins with a word")
    return message
