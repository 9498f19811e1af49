"""From one version of the reaper to another, in the same process: execve(2) keeps the pid, the
children, what is to be reaped, and the descriptors that are not to be closed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NoReturn

from supctl.errors import ProtocolError

from .program import Program
from .protocol import Terms
from .runs import Run
from .succession import Succession

VERSION: Final = 1
"""Of what one reaper leaves to the other. Who changes it writes the one before as well, so that
an upgrade can be taken back."""

_HELD_BACK: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(slots=True)
class Memory:
    """All that a reaper knows while no daemon is there.

    Args:
        succession: how the next daemon is started.
        runs: the programs, also those that are gone and not forgotten.
        notes, descriptors: what daemons have left.
        subtree: the cgroup of all.
        limit: of descriptors of the programs.
    """

    succession: Succession
    limit: int
    runs: list[Run] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    descriptors: dict[str, int] = field(default_factory=dict)
    subtree: str | None = None

    def fds(self) -> list[int]:
        """Return all descriptors that are to be kept."""
        runs = [fd for run in self.runs for fd in run.descriptors.values()]
        return [*self.succession.fds, *runs, *self.descriptors.values()]


def be_reborn(memory: Memory, program: Program) -> NoReturn:
    """Become the reaper of ``program``, which remembers all; if it cannot, it becomes this one
    again.

    Raises:
        OSError: it cannot be started. Nothing has changed.
    """
    told = json.dumps(_told(memory), separators=(",", ":")).encode("ascii")
    file = os.memfd_create("supctl-reaper", os.MFD_CLOEXEC)
    kept = [file, *memory.fds()]
    try:
        with os.fdopen(os.dup(file), "wb") as writer:
            writer.write(told)
        # A signal in between would meet nobody who knows what to do with it.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)
        for fd in kept:
            os.set_inheritable(fd, True)
        os.execv(program.reaper[0], [*program.reaper, "resume", str(file), str(memory.limit)])
    finally:
        for fd in kept:
            os.set_inheritable(fd, False)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD_BACK)
        os.close(file)


def remember(file: int, why_not: str | None = None) -> Memory:
    """Return what the reaper before us knew, as :func:`be_reborn` has left it.

    If that cannot be read, the one before is there again instead, and we are no more.

    Args:
        file: descriptor of the memory.
        why_not: we were that one, and the other could not begin.

    Raises:
        ProtocolError, OSError: it cannot be read, and there is nobody to go back to.
    """
    told = json.loads(os.pread(file, os.fstat(file).st_size, 0))
    try:
        memory = _memory(told)
    except Exception as error:  # whatever it is: it must not cost anybody's program
        if why_not is not None:
            raise
        upgrade = told["succession"]["upgrade"]
        before = upgrade["to" if upgrade["failed"] else "before"]["reaper"]
        os.execv(before[0], [*before, "resume", str(file), str(told["limit"]), str(error)])
    if why_not is not None:
        memory.succession.reaper_failed(f"its reaper cannot begin: {why_not}")
    for fd in memory.fds():
        os.set_inheritable(fd, False)
    os.close(file)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD_BACK)
    return memory


def _told(memory: Memory) -> dict[str, Any]:
    told = {name: getattr(memory, name) for name in ("limit", "notes", "descriptors", "subtree")}
    runs = [asdict(run) | {"extra_marks": list(run.extra_marks)} for run in memory.runs]
    return {"version": VERSION, "succession": memory.succession.as_dict(), "runs": runs, **told}


def _memory(told: dict[str, Any]) -> Memory:
    if told["version"] != VERSION:
        raise ProtocolError(f"a reaper's memory of version {told['version']!r}", str(VERSION))
    return Memory(
        Succession.resumed(told["succession"]),
        told["limit"],
        list(_runs(told["runs"])),
        told["notes"],
        told["descriptors"],
        told["subtree"],
    )


def _runs(told: list[dict[str, Any]]) -> Iterable[Run]:
    for fields in told:
        sets = {"survivors": tuple(fields["survivors"]), "extra_marks": set(fields["extra_marks"])}
        yield Run(**fields | {"terms": Terms(**fields["terms"])} | sets)
