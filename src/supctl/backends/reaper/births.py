"""How runs begin: spawned, adopted from a zygote, or taken over from a reaper that was lost."""

from __future__ import annotations

import errno
import os
import time
from typing import Any

from supctl.errors import ProtocolError

from . import marks
from .launch import Launcher, LaunchFailed, Stdio, stage
from .line import DaemonLine
from .protocol import Kept, Launch
from .runs import Run, Runs


class Births:
    """Begins runs, and tells the daemon that has asked for them.

    Args:
        runs: where they are held.
        descriptor_limit: as of :class:`~.launch.Launcher`.
    """

    def __init__(self, runs: Runs, descriptor_limit: int) -> None:
        self._runs = runs
        self._launcher = Launcher(descriptor_limit)
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)

    def spawn(self, line: DaemonLine, number: int, told: dict[str, Any]) -> None:
        """Start a program, and tell what became of that."""
        taken: dict[str, int] = {}
        try:
            launch = Launch.of(told)
            for name in ("stdin", "notify"):
                if getattr(launch, name):
                    taken[name] = line.take_descriptor()
            self._start(line, number, launch, taken.get("stdin", self._null), taken)
        except LaunchFailed as error:
            line.tell("failed", number, error.stage, error.errno, error.detail)
        except ProtocolError as error:
            line.tell("failed", number, "system", errno.EPROTO, str(error))
        finally:
            for fd in taken.values():
                os.close(fd)

    def _start(
        self, line: DaemonLine, number: int, launch: Launch, stdin: int, taken: dict[str, int]
    ) -> None:
        """Start a program, hold it as a run and tell its pid and descriptors.

        The socket among what was ``taken`` is held with it, and taken out there.
        """
        reads: dict[str, int] = {}
        writes: dict[str, int] = {}
        try:
            with stage("system"):
                for name in ("stdout", "stderr"):
                    if getattr(launch, name):
                        reads[name], writes[name] = os.pipe2(os.O_CLOEXEC)
                        os.set_blocking(reads[name], False)
            stdio = Stdio(stdin, writes.get("stdout", self._null), writes.get("stderr", self._null))
            started_at = time.monotonic()
            pid = self._launcher.start(launch, stdio)
        except LaunchFailed:
            for fd in reads.values():
                os.close(fd)
            raise
        finally:
            for fd in writes.values():
                os.close(fd)
        if "notify" in taken:
            reads["notify"] = taken.pop("notify")
        self._hold(line, Run(number, pid, launch.terms, started_at, reads))

    def adopt(
        self, line: DaemonLine, number: int, told: dict[str, Any], pid: int, names: list[str]
    ) -> None:
        """Hold as a run what a zygote has forked for the daemon: an orphan, and so our child.

        The daemon has the descriptors that we are to hold with it.
        """
        held = {name: line.take_descriptor() for name in names}
        try:
            launch = Launch.of(told)
            with stage("system"):
                if self._runs.is_main(pid) or marks.parent_of(pid) != os.getpid():
                    raise ProcessLookupError(errno.ESRCH, "it has ended already")
                marks.put(pid, launch.mark)
        except LaunchFailed as error:
            line.tell("failed", number, error.stage, error.errno, error.detail)
        except ProtocolError as error:
            line.tell("failed", number, "system", errno.EPROTO, str(error))
        else:
            run = Run(number, pid, launch.terms, time.monotonic(), held)
            held = {}
            self._runs.add(run)
            tell_run(line, "started", run, pid, passed={})
        finally:
            for fd in held.values():
                os.close(fd)

    def take(self, line: DaemonLine, number: int, fields: dict[str, Any], names: list[str]) -> None:
        """Hold a run of a reaper that was lost.

        Raises:
            ProtocolError: it cannot be one.
        """
        descriptors = {name: line.take_descriptor() for name in names}
        try:
            self._runs.add(Run.taken(number, Kept(**fields), descriptors))
        except TypeError as error:
            raise ProtocolError(f"a run with {error}", "the fields of Kept") from None

    def _hold(self, line: DaemonLine, run: Run) -> None:
        """Hold a run, and tell its pid and descriptors."""
        self._runs.add(run)
        outputs = {name: fd for name, fd in run.descriptors.items() if name != "notify"}
        tell_run(line, "started", run, run.pid, passed=outputs)


def tell_run(line: DaemonLine, word: str, run: Run, *more: Any, passed: dict[str, int]) -> None:
    """Tell of a run, with descriptors by name, and one of its process if it is a child of ours."""
    pidfd = _open_pidfd(run.pid) if run.alive and run.is_child else {}
    passed = pidfd | passed
    line.tell(word, run.number, *more, list(passed), descriptors=passed.values())
    for fd in pidfd.values():
        os.close(fd)


def _open_pidfd(pid: int) -> dict[str, int]:
    """Return a pidfd of our child under its name; none where the kernel has none (before 5.3)."""
    try:
        return {"pidfd": os.pidfd_open(pid)}
    except OSError:
        return {}
