"""The interface between supervision and an operating system, with its promises.

What every backend must keep is checked by ``tests/contracts``.
"""

from __future__ import annotations

import signal as signals
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Self, TypeAlias

from supctl.errors import PlatformNotSupported
from supctl.exits import ExitStatus

from .answers import StandIn
from .notify import NotifySocket

if TYPE_CHECKING:
    from .estate import Estate
    from .reaper.program import Program


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What to run, to the letter: nothing is added to it and nothing is looked up in ours.

    Args:
        command: argument vector; a program without a slash is looked up in the
            PATH of ``env`` (in :data:`os.defpath` if there is none).
        env: the exact environment.
        secrets: files, by the variables that are to hold what is in them. Whoever spawns puts that
            into ``env`` and leaves none here: backends do not look at it.
        cwd: working directory; ours when ``None``. A relative program is relative to it.
        stdin: descriptor that becomes standard input; ``None`` is ``/dev/null``.
        stdout, stderr: whether to make an output pipe; otherwise ``/dev/null``.
        umask, user, group, nice, rlimits, death_signal: as in :class:`supctl.App`.
        stop_signal, grace: how the reaper ends it if *we* are gone.
        force: seconds after which nobody waits any more for what was killed.
        memory, cpu, pids: limits in bytes, processors, tasks; ``None`` is unlimited.
        pid_in: name of a variable that is to hold the program's own pid; empty: none.
        kept: what the next who supervises is told of it, whom it is handed to if we are lost;
            empty: it is ended then.
        notify: socket at which it tells how it is; handed on with it.
    """

    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    cwd: str | None = None
    stdin: int | None = None
    stdout: bool = True
    stderr: bool = True
    umask: int | None = None
    user: str | int | None = None
    group: str | int | None = None
    nice: int | None = None
    rlimits: Mapping[str, tuple[int, int]] = field(default_factory=lambda: MappingProxyType({}))
    death_signal: bool = False
    stop_signal: int = signals.SIGTERM
    grace: float = 10.0
    force: float = 5.0
    memory: int | None = None
    cpu: float | None = None
    pids: int | None = None
    pid_in: str = ""
    kept: str = ""
    notify: int | None = None

    def limits(self) -> dict[str, str]:
        """Return a phrase for each limit that is set, by its name (a cgroup controller's)."""
        phrases: dict[str, str] = {}
        if self.memory is not None:
            phrases["memory"] = f"memory limit of {self.memory / 2**20:g} MiB"
        if self.cpu is not None:
            phrases["cpu"] = f"cpu limit of {self.cpu:g} processors"
        if self.pids is not None:
            phrases["pids"] = f"pids limit of {self.pids}"
        return phrases


@dataclass(frozen=True, slots=True)
class PythonSpec:
    """A function of Python code that is to run in a process of its own.

    Args:
        entry: ``module:function``; called with two descriptors, to read from and to write to, and
            a third one if wanted. The process ends when it returns: with status 0, or 1 and a
            traceback on its standard error if it raised.
        with_socket: whether there is a third descriptor, a socket of packets (unix(7),
            ``SOCK_SEQPACKET``): other descriptors can be sent over it, which pipes do not take.
        preload: modules that are to be imported before, once for all processes.
        needs_script: whether it uses what the program's own script (``__main__``) defines. That is
            imported then, as multiprocessing does, under the name ``__mp_main__``.
        start_method: ``fork``: a copy of a process that has imported all that already, which
            takes some milliseconds; ``spawn``: a fresh interpreter.
        grace: seconds from the stop signal to the end by force if *we* are gone.
        kept: as of :class:`ProcessSpec`. The other end of its socket, which it must have then, is
            held with it.
        warm_up: ``module:function``, without arguments, that a copy calls while nobody waits for
            it; it should do what ``entry`` does first, and leave nothing behind.
    """

    entry: str
    warm_up: str | None = None
    with_socket: bool = False
    preload: tuple[str, ...] = ()
    needs_script: bool = False
    start_method: str = "fork"
    grace: float = 5.0
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Exited:
    """The main process has ended and is reaped. Comes once, before :class:`Gone`."""

    status: ExitStatus


@dataclass(frozen=True, slots=True)
class Left:
    """The main process has ended but descendants live on. Comes after :class:`Exited`.

    May come again when their number changes; :class:`Gone` follows the last one's end.
    """

    pids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gone:
    """Nothing of the process's tree lives any more. The last notice, comes once."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The reaper is gone; the backend has killed the tree and knows no exit status.

    Comes in place of :class:`Exited`, and not at all if that had come; :class:`Gone` follows.
    """

    detail: str


Notice: TypeAlias = Exited | Left | Gone | Lost
Notify: TypeAlias = Callable[[Notice], None]

OnReaperRestarted: TypeAlias = Callable[[str, int, int], None]
"""Hears, in the trio thread, that the reaper was lost and replaced: how that showed, the pid of the
new one, and how many programs go on under it; the others are ended and lost."""


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """A moment's facts about one process. Unknown facts are ``None``."""

    pid: int
    command: tuple[str, ...]
    started_at_wall: float
    memory: int
    """Resident bytes (VmRSS)."""
    descriptors: int | None
    threads: int
    memory_maps: int | None
    descendants: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process and all that descends from it use, at one moment.

    Args:
        cpu_time: user plus system seconds so far, of what lives and of what was waited for.
        memory: resident bytes; pages that several of them share count for each.
        processes: how many they are.
    """

    cpu_time: float
    memory: int
    processes: int


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this system can do; probed once and passed in, so a test can take one away.

    Args:
        system: ``"linux"``, ``"simulated"``, ...
        subreaper: orphans of our apps become children of the reaper.
        pidfd: processes can be held by descriptor.
        cgroup: directory below which we may make cgroups, or ``None``.
        controllers: cgroup controllers that can be enforced there.
        cgroup_reason: why ``cgroup`` or a controller is missing, a phrase for people.
        head: pid of the process that we and all that is ours descend from; 0: this one. Nobody
            else may be in the cgroup that we make ours below.
    """

    system: str
    subreaper: bool = False
    pidfd: bool = False
    cgroup: str | None = None
    controllers: frozenset[str] = frozenset()
    cgroup_reason: str = ""
    head: int = 0


class Process(ABC):
    """A program that was started, and everything that descends from it.

    Attributes:
        pid: of the main process. For people; signal through this object only.
        stdout, stderr: read ends of the output pipes, ``None`` where the spec wanted
            none. They belong to whoever takes them (:meth:`take_output`); leaving the
            backend closes what nobody took.
        unenforced: limits that were asked for and are not enforced here, each as a
            phrase that says why. Empty in the good case.
    """

    __slots__ = ("pid", "stderr", "stdout", "unenforced")

    pid: int
    stdout: int | None
    stderr: int | None
    unenforced: tuple[str, ...]

    @abstractmethod
    async def wait(self) -> ExitStatus:
        """Return how the main process ended, as often as asked. Cancelling is harmless."""

    @abstractmethod
    async def wait_gone(self) -> None:
        """Return when nothing of the tree lives. Cancelling is harmless."""

    @abstractmethod
    def signal(self, number: int) -> None:
        """Send a signal to the process group; once its leader is gone, to every descendant.

        Never blocks. Does nothing to what has already ended: a pid is signalled only
        while we know it is ours.
        """

    @abstractmethod
    def signal_all(self, number: int) -> None:
        """Send a signal to every process of the tree, also to those that have left the group.

        Otherwise as :meth:`signal`. For SIGSTOP and SIGCONT: what is born meanwhile may be missed.
        """

    @abstractmethod
    def kill(self) -> None:
        """Kill the whole tree, again and again until none of it is left. Never blocks."""

    @property
    def token(self) -> int:
        """What a next supervising process knows it by; 0: it is not kept for one."""
        return 0

    def holds(self, pid: int) -> bool:
        """Return whether a process that lives now is the main process or descends from it."""
        return pid == self.pid

    def is_stopped(self) -> bool:
        """Return whether the main process stands still because somebody stopped it (SIGSTOP)."""
        return False

    def stand_in(self) -> StandIn | None:
        """Return who answers probes for it; ``None``: it is a real program, and is asked."""
        return None

    def take_output(self) -> tuple[int | None, int | None]:
        """Return ``(stdout, stderr)`` and leave the closing of both to the caller."""
        taken = self.stdout, self.stderr
        self.stdout = self.stderr = None
        return taken


class Spawner(ABC):
    """Starts processes and tells what becomes of them."""

    is_simulated: bool = False
    """Whether nothing of this system is needed, as no program runs."""

    @abstractmethod
    async def spawn(self, spec: ProcessSpec, notify: Notify | None = None) -> Process:
        """Start a program and return once it is executing.

        ``notify`` is called in the trio thread, in order, with what becomes of it;
        never before this method has returned, and it must not raise or block.
        Cancelling leaves nothing behind: what was started is killed.

        Raises:
            SpawnFailed: with the stage that failed; nothing is left running.
            ReaperLost: the reaper ended meanwhile; nothing is left running.
        """

    @abstractmethod
    async def spawn_python(
        self, spec: PythonSpec, notify: Notify | None = None
    ) -> tuple[Process, tuple[int, ...]]:
        """Start Python code in a process of its own.

        Returns:
            The process, and descriptors of ours: what it writes can be read from the first, it
            reads what is written to the second, and the third is our end of the socket, if one
            was wanted. They are the caller's to close.

        Raises:
            SpawnFailed, ReaperLost: as :meth:`spawn`.
            PlatformNotSupported: this backend runs no Python code.
        """

    @abstractmethod
    def change(self, process: Process, spec: ProcessSpec) -> None:
        """Have a process be limited, and ended if we are gone, as another spec says. Never blocks.

        What cannot be enforced is among what it has ``unenforced`` then. What was started without
        limits gets none.
        """

    def open_notify_socket(self, fd: int | None = None) -> NotifySocket | None:
        """Return a socket for what programs tell of themselves; ``None``: they are simulated.

        ``fd`` is the one that a program knows already.

        It is the caller's to close.

        Raises:
            OSError, PlatformNotSupported: it cannot be had.
        """
        return NotifySocket(fd)


class Backend(Spawner):
    """What an operating system does for us.

    Used as an async context manager: leaving it kills whatever still lives and
    returns when all of it is gone.
    """

    capabilities: Capabilities
    on_reaper_restarted: OnReaperRestarted | None = None
    reaper_pid: int = 0
    """Of whoever holds new processes; 0: nobody else does."""
    origin: int = 0
    """Tells what we have started from what others have, also when we are gone."""
    estate: Estate | None = None
    """What there was before, if we have taken over from somebody; known once it is entered."""

    def note(self, key: str, text: str | None) -> None:
        """Keep a text for the next who supervises; ``None``: keep none. Never blocks."""

    def hold(self, name: str, fd: int) -> None:
        """Keep a duplicate of a descriptor for the next who supervises. Never blocks."""

    def serves(self) -> None:
        """Know that signals which are meant for us will be heard from now on."""

    def forget(self, token: int) -> None:
        """Know that the end of a process that is kept was taken note of."""

    def upgrade(self, program: Program, within: float) -> None:
        """Have this process ended, and followed by one of other code.

        Args:
            program: what starts it.
            within: seconds in which it must serve; else the present code is started again.

        Raises:
            PlatformNotSupported: nobody follows us here.
        """
        raise PlatformNotSupported("an upgrade", "it takes a daemon on linux")

    @abstractmethod
    async def __aenter__(self) -> Self: ...

    @abstractmethod
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None: ...

    async def spawn_python(
        self, spec: PythonSpec, notify: Notify | None = None
    ) -> tuple[Process, tuple[int, ...]]:
        raise PlatformNotSupported(
            "an actor in a process of its own", f"the {self.capabilities.system} backend has none"
        )

    @abstractmethod
    def info(self, pids: Collection[int]) -> dict[int, ProcessInfo]:
        """Return facts about those main processes that still live.

        Asks the system, some milliseconds for each, and may be called in any thread.
        """

    @abstractmethod
    def usage(self, pids: Collection[int]) -> dict[int, Usage]:
        """Return what those main processes that still live use, with all their descendants.

        Asks the system, some 30 us for each process, and may be called in any thread.
        """
