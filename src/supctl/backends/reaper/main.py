"""The reaper's loop: one poll, then what happened, in a fixed order.

Obey, then reap, then look for survivors, then tell: a burst of exits shares one look over
``/proc`` (half a millisecond for a thousand processes), and the daemon is woken once, to hear at
once of an end and of what it has left behind.
"""

from __future__ import annotations

import array
import errno
import os
import resource
import select
import signal
import socket
import sys
import time
from collections import deque
from typing import Any, Final

from supctl.errors import ProtocolError
from supctl.ipc.framing import FrameReader

from . import cgroups, marks
from .launch import Launcher, LaunchFailed, Stdio, become_subreaper, stage
from .protocol import LIMIT, MAX_DESCRIPTORS, VERSION, Launch, decode, encode
from .runs import Run, Runs, status_of

_READ_SIZE: Final = 256 * 1024
_LOOK_REST: Final = 1
"""How long the pause after a look over ``/proc`` is, in lengths of that look: in a storm of ends
half of our time goes into looks, and each serves all that have ended meanwhile."""

_SIGNALS: Final = signal.valid_signals()


class Reaper:
    """Holds the runs and speaks with the daemon over ``link``."""

    def __init__(self, link: socket.socket, descriptor_limit: int) -> None:
        self._link = link
        self._frames = FrameReader(LIMIT)
        self._outgoing: deque[tuple[bytes, list[int]]] = deque()
        self._descriptors: deque[int] = deque()  # received, not yet claimed by their message
        self._runs = Runs()
        self._launcher = Launcher(descriptor_limit)
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._daemon_alive = True
        self._subtree: str | None = None  # cgroup of all of ours, to be taken back at the end
        self._doomed: list[Run] = []  # to be killed in this turn of the loop
        self._look_needed = False  # a main process or an orphan of ours has ended
        self._look_not_before = 0.0
        self._wakeup, wakeup_in = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakeup_in, warn_on_full_buffer=False)

    def run(self) -> None:
        """Serve until the daemon is gone and nothing of any run is left."""
        self._tell("hello", VERSION, os.getpid())
        while self._daemon_alive or len(self._runs):
            for fd in self._poll():
                if fd == self._wakeup:
                    _drain(self._wakeup)
                elif fd == self._link.fileno():
                    self._receive()
                elif _drain(fd):  # the daemon is gone: nobody else empties this pipe
                    self._runs.close_output(fd)
            self._reap()
            self._look()
            self._obey_deadlines()
            self._flush()
        if self._subtree is not None:
            cgroups.dissolve(self._subtree)

    def _poll(self) -> list[int]:
        poll = select.poll()
        poll.register(self._wakeup, select.POLLIN)
        if self._daemon_alive:
            poll.register(self._link, select.POLLIN | (select.POLLOUT if self._outgoing else 0))
        else:
            for run in self._runs:
                for fd in run.outputs:
                    poll.register(fd, select.POLLIN)
        return [fd for fd, _ in poll.poll(self._patience())]

    def _patience(self) -> float | None:
        """Return the milliseconds until there is something to do unasked, ``None`` if nothing."""
        deadlines = [self._look_not_before] if self._look_needed else []
        if not self._daemon_alive:
            deadlines += [run.kill_at for run in self._runs if run.kill_at is not None]
        if not deadlines:
            return None
        return max(0.0, min(deadlines) - time.monotonic()) * 1000 + 0.5

    # What comes over the link.

    def _receive(self) -> None:
        """Take what has arrived and obey it; its end is the loss of the daemon."""
        try:
            data, ancillary, _, _ = self._link.recvmsg(
                _READ_SIZE,
                socket.CMSG_SPACE(MAX_DESCRIPTORS * 4),
                socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC,
            )
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data, ancillary = b"", []
        for level, kind, raw in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds = array.array("i", raw[: len(raw) - len(raw) % 4])
                self._descriptors.extend(fds)
        if not data:
            self._lose_daemon()
            return
        try:
            for payload in self._frames.feed(data):
                self._obey(payload)
        except ProtocolError as error:
            self._tell("refused", str(error))
            self._flush()
            self._lose_daemon()

    def _obey(self, payload: bytes | memoryview) -> None:
        """Carry out one message; what makes no sense is refused and harms nothing."""
        try:
            match decode(payload):
                case ["spawn", int(number), dict(told)]:
                    self._spawn(number, told)
                case ["adopt", int(number), dict(told), int(pid)]:
                    self._adopt(number, told, pid)
                case ["signal", int(number), int(signum)] if signum in _SIGNALS:
                    if run := self._runs.get(number):
                        self._runs.signal(run, signum)
                case ["signal_all", int(number), int(signum)] if signum in _SIGNALS:
                    if run := self._runs.get(number):
                        self._runs.signal_all(run, signum)
                case ["subtree", str() | None as path]:
                    self._subtree = path
                case ["kill", int(number)]:
                    if run := self._runs.get(number):
                        run.killing = self._look_needed = True
                        self._doomed.append(run)
                case other:
                    raise ProtocolError(repr(other)[:80], "a message of the reaper protocol")
        except ProtocolError as error:
            self._tell("refused", str(error))

    def _spawn(self, number: int, told: dict[str, Any]) -> None:
        stdin = -1
        try:
            launch = Launch.of(told)
            if launch.stdin:
                stdin = self._descriptors.popleft()
            self._start(number, launch, stdin)
        except LaunchFailed as error:
            self._tell("failed", number, error.stage, error.errno, error.detail)
        except (ProtocolError, IndexError) as error:
            self._tell("failed", number, "system", errno.EPROTO, str(error))
        finally:
            if stdin >= 0:
                os.close(stdin)

    def _start(self, number: int, launch: Launch, stdin: int) -> None:
        """Start a program, hold it as a run and tell its pid and descriptors."""
        reads: dict[str, int] = {}
        writes: dict[str, int] = {}
        try:
            with stage("system"):
                for name in ("stdout", "stderr"):
                    if getattr(launch, name):
                        reads[name], writes[name] = os.pipe2(os.O_CLOEXEC)
                        os.set_blocking(reads[name], False)
            stdio = Stdio(
                stdin if stdin >= 0 else self._null,
                writes.get("stdout", self._null),
                writes.get("stderr", self._null),
            )
            started_at = time.monotonic()
            pid = self._launcher.start(launch, stdio)
        except LaunchFailed:
            for fd in reads.values():
                os.close(fd)
            raise
        finally:
            for fd in writes.values():
                os.close(fd)
        self._hold(Run(number, pid, launch.terms, started_at, list(reads.values())), reads)

    def _adopt(self, number: int, told: dict[str, Any], pid: int) -> None:
        """Hold as a run what a zygote has forked for the daemon: an orphan, and so our child."""
        try:
            launch = Launch.of(told)
            with stage("system"):
                if self._runs.is_main(pid) or marks.parent_of(pid) != os.getpid():
                    raise ProcessLookupError(errno.ESRCH, "it has ended already")
                marks.put(pid, launch.mark)
        except LaunchFailed as error:
            self._tell("failed", number, error.stage, error.errno, error.detail)
        except ProtocolError as error:
            self._tell("failed", number, "system", errno.EPROTO, str(error))
        else:
            self._hold(Run(number, pid, launch.terms, time.monotonic(), []), {})

    def _hold(self, run: Run, reads: dict[str, int]) -> None:
        """Hold a run, and tell its pid and descriptors."""
        self._runs.add(run)
        passed = _open_pidfd(run.pid) | reads
        # Duplicates: what waits in the queue must not depend on when the run ends.
        fds = [fd if name == "pidfd" else os.dup(fd) for name, fd in passed.items()]
        self._tell("started", run.number, run.pid, list(passed), descriptors=fds)

    # What becomes of the runs.

    def _reap(self) -> None:
        """Reap all that has ended and tell of the main processes among it."""
        while True:
            try:
                pid, wait_status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._look_needed = True
            run = self._runs.reaped(pid)
            if run is not None:
                self._tell("exited", run.number, status_of(run, wait_status, usage))

    def _look(self) -> None:
        """Find what the ended have left behind; tell what is gone and what lives on."""
        if self._doomed:
            self._runs.kill(self._doomed)
            self._doomed = []
        begun_at = time.monotonic()
        if not self._look_needed or begun_at < self._look_not_before:
            return
        self._look_needed = False
        ended = self._runs.ended()
        survivors = self._runs.survivors() if ended else {}
        for run in ended:
            pids = tuple(sorted(survivors.get(run.number, ())))
            if not pids:
                self._runs.remove(run)
                self._tell("gone", run.number)
            elif pids != run.survivors:
                run.survivors = pids
                self._tell("left", run.number, list(pids))
                if not self._daemon_alive:
                    self._runs.signal(run, run.terms.stop_signal)
        # At once, not in the next turn: the last end that would wake us may be behind us.
        self._runs.kill([run for run in ended if run.killing and run.number in survivors])
        ended_at = time.monotonic()
        self._look_not_before = ended_at + _LOOK_REST * (ended_at - begun_at)

    # When the daemon is gone.

    def _lose_daemon(self) -> None:
        """Ask every tree to end, and set the time at which each is killed."""
        if not self._daemon_alive:
            return
        self._daemon_alive = False
        self._link.close()
        for _, descriptors in self._outgoing:
            _close(descriptors)
        self._outgoing.clear()
        now = time.monotonic()
        for run in self._runs:
            self._runs.signal(run, run.terms.stop_signal)
            self._runs.signal(run, signal.SIGCONT)  # one that was stopped could not even obey
            run.kill_at = now + run.terms.grace

    def _obey_deadlines(self) -> None:
        """Kill the runs whose grace is over."""
        if self._daemon_alive:
            return
        now = time.monotonic()
        for run in self._runs:
            if run.kill_at is not None and run.kill_at <= now:
                run.kill_at, run.killing = None, True
                self._doomed.append(run)
        if self._doomed:
            self._look_needed = True
            self._look()

    # What goes over the link.

    def _tell(self, *message: Any, descriptors: list[int] | None = None) -> None:
        if self._daemon_alive:
            self._outgoing.append((encode(message), descriptors or []))
        else:
            _close(descriptors or [])

    def _flush(self) -> None:
        """Send what waits, as far as the link takes it."""
        while self._outgoing:
            data, descriptors = self._outgoing.popleft()
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
            try:
                sent = self._link.sendmsg([data], rights if descriptors else [])
            except (BlockingIOError, InterruptedError):
                self._outgoing.appendleft((data, descriptors))
                return
            except OSError:
                _close(descriptors)
                self._lose_daemon()
                return
            _close(descriptors)
            if sent < len(data):  # the descriptors went with the first byte
                self._outgoing.appendleft((data[sent:], []))


def _close(descriptors: list[int]) -> None:
    for fd in descriptors:
        os.close(fd)


def _drain(fd: int) -> bool:
    """Read and drop what is there; return whether that was the end of it."""
    try:
        while data := os.read(fd, _READ_SIZE):
            if len(data) < _READ_SIZE:
                return False
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def _open_pidfd(pid: int) -> dict[str, int]:
    """Return a pidfd of our child under its name; none where the kernel has none (before 5.3)."""
    try:
        return {"pidfd": os.pidfd_open(pid)}
    except OSError:
        return {}


def _ignore_signals() -> None:
    """Leave only SIGKILL and the loss of the daemon as our end.

    Whoever wants a tree to end asks the daemon; a reaper that went first would take away the
    one who ends it in order.
    """
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
        signal.SIGHUP,
        signal.SIGQUIT,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGTSTP,
        signal.SIGPIPE,
    ):
        signal.signal(number, signal.SIG_IGN)


def main() -> None:
    """Run as ``reaper LINK NOFILE``: descriptor of the link, descriptor limit of the programs."""
    link = socket.socket(fileno=int(sys.argv[1]))
    link.setblocking(False)
    os.set_inheritable(link.fileno(), False)
    _ignore_signals()
    become_subreaper()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    Reaper(link, int(sys.argv[2])).run()
