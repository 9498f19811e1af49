"""Start one program: by ``posix_spawn`` where no work is needed in the child, else by ``fork``.

``posix_spawn`` shares our memory until the program is executed (vfork), a fork copies page
tables first: half a millisecond for a small Python. So what a single-threaded process may
change for a moment and change back (directory, umask, soft limits) is changed here around the
spawn, and only what cannot be taken back (user, hard limits, niceness, a cgroup, a death signal)
or known before (its pid) goes through a fork.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NoReturn

from .marks import Marking
from .protocol import Launch

# Python ignores the first two, the reaper the others; an ignored signal stays ignored
# through execve(2), and no program expects that.
_RESET_SIGNALS: Final = [
    signal.SIGPIPE,
    signal.SIGXFSZ,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGTSTP,
    signal.SIGUSR1,
    signal.SIGUSR2,
]

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)
_PR_SET_CHILD_SUBREAPER: Final = 36


class LaunchFailed(Exception):
    """A step failed before the program ran. The fields of :class:`supctl.errors.SpawnFailed`."""

    def __init__(self, stage: str, number: int, detail: str = "") -> None:
        self.stage, self.errno, self.detail = stage, number, detail
        super().__init__(stage, number, detail)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Turn an OSError of the body into a :class:`LaunchFailed` of that stage."""
    try:
        yield
    except OSError as error:
        raise LaunchFailed(name, error.errno or errno.EIO) from None
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise LaunchFailed(name, errno.EINVAL, str(error).strip("'\"")) from None


@dataclass(frozen=True, slots=True)
class Stdio:
    """The child's three standard descriptors, as numbers of ours."""

    stdin: int
    stdout: int
    stderr: int


class Launcher:
    """Starts programs for the reaper.

    Args:
        descriptor_limit: soft limit of open descriptors that programs start with; ours is
            raised, as a tree of a thousand apps needs some thousands.
    """

    def __init__(self, descriptor_limit: int) -> None:
        self._home = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._marking = Marking()
        self._hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        self._child_nofile = (descriptor_limit, self._hard)
        self._own_nofile = resource.getrlimit(resource.RLIMIT_NOFILE)

    def start(self, launch: Launch, stdio: Stdio) -> int:
        """Start the program and return its pid once it executes.

        Raises:
            LaunchFailed: naming the stage; no process is left of it.
        """
        with stage("program"), self._surroundings(launch):
            program = find_program(launch.command[0], launch.env)
            if _needs_fork(launch):
                return _fork(program, launch, stdio)
            return _spawn(program, launch, stdio)

    @contextmanager
    def _surroundings(self, launch: Launch) -> Iterator[None]:
        """Be, for a moment, what the program shall inherit."""
        umask: int | None = None
        try:
            with stage("system"):
                if launch.umask is not None:
                    umask = os.umask(launch.umask)
                resource.setrlimit(resource.RLIMIT_NOFILE, self._child_nofile)
                self._marking.put(launch.mark)
            if launch.cwd is not None:
                with stage("cwd"):
                    os.chdir(launch.cwd)
            yield
        finally:
            self._marking.lift()
            resource.setrlimit(resource.RLIMIT_NOFILE, self._own_nofile)
            if umask is not None:
                os.umask(umask)
            if launch.cwd is not None:
                os.fchdir(self._home)


def find_program(program: str, env: dict[str, str]) -> str:
    """Return the path of ``program``, looked up in the PATH of ``env`` as execvpe(3) does.

    Raises:
        LaunchFailed: there is none; if there are only files that may not be executed, with
            that reason.
    """
    if "/" in program:
        return program
    seen = None
    for folder in env.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder or ".", program)
        if os.path.isfile(path):
            if os.access(path, os.X_OK):
                return path
            seen = path
    if seen is not None:
        raise LaunchFailed("program", errno.EACCES, f"{seen} is not executable")
    raise LaunchFailed("program", errno.ENOENT, "no such program in PATH")


def _needs_fork(launch: Launch) -> bool:
    return bool(
        launch.user is not None
        or launch.group is not None
        or launch.nice is not None
        or launch.rlimits
        or launch.death_signal
        or launch.cgroup is not None
        or launch.pid_in
    )


def _spawn(program: str, launch: Launch, stdio: Stdio) -> int:
    actions = [
        (os.POSIX_SPAWN_DUP2, stdio.stdin, 0),
        (os.POSIX_SPAWN_DUP2, stdio.stdout, 1),
        (os.POSIX_SPAWN_DUP2, stdio.stderr, 2),
    ]
    try:
        return os.posix_spawn(
            program,
            launch.command,
            launch.env,
            file_actions=actions,
            setsid=True,
            setsigmask=[],
            setsigdef=_RESET_SIGNALS,
        )
    except OSError as error:
        raise explain_exec(program, error.errno or errno.EIO) from None
    except ValueError as error:  # an environment name that is empty or holds "="
        raise LaunchFailed("program", errno.EINVAL, str(error)) from None


def _fork(program: str, launch: Launch, stdio: Stdio) -> int:
    """Fork, prepare the child, execute. What fails there comes back through a pipe.

    The pipe closes by itself when the program executes (close-on-exec): end-of-file is success.
    """
    with stage("system"):
        told, tell = os.pipe2(os.O_CLOEXEC)
    try:
        with stage("system"):
            parent = os.getpid()
            pid = os.fork()
        if pid == 0:
            _be_the_child(program, launch, stdio, parent, tell)
        os.close(tell)
        tell = -1
        failure = os.read(told, 4096)
    finally:
        os.close(told)
        if tell >= 0:
            os.close(tell)
    if not failure:
        return pid
    os.waitpid(pid, 0)
    name, number, detail = failure.decode("utf-8", "surrogateescape").split("\0")
    raise LaunchFailed(name, int(number), detail)


def _be_the_child(program: str, launch: Launch, stdio: Stdio, parent: int, tell: int) -> NoReturn:
    try:
        _prepare_child(launch, stdio, parent)
        env = launch.env
        if launch.pid_in:
            env = {**env, launch.pid_in: str(os.getpid())}
        try:
            os.execve(program, launch.command, env)
        except OSError as error:
            raise explain_exec(program, error.errno or errno.EIO) from None
    except LaunchFailed as failure:
        told = f"{failure.stage}\0{failure.errno}\0{failure.detail}"
    except BaseException as error:  # whatever it is: this process must not become a second reaper
        told = f"system\0{errno.EINVAL}\0{type(error).__name__}: {error}"
    try:
        os.write(tell, told.encode("utf-8", "surrogateescape")[:4096])
    finally:
        os._exit(127)


def _prepare_child(launch: Launch, stdio: Stdio, parent: int) -> None:
    os.setsid()
    for target, source in enumerate((stdio.stdin, stdio.stdout, stdio.stderr)):
        os.dup2(source, target)
    if launch.cgroup is not None:
        with stage("cgroup"):  # before any limit or user keeps us from it
            fd = os.open(f"{launch.cgroup}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
            os.write(fd, b"0")
            os.close(fd)
    with stage("limits"):
        for name, (soft, hard) in launch.rlimits.items():
            resource.setrlimit(_rlimit(name), (soft, hard))
        if launch.nice is not None:
            os.setpriority(os.PRIO_PROCESS, 0, launch.nice)
    _become(launch.user, launch.group)
    if launch.death_signal:  # after the user: a change of credentials clears it (prctl(2))
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(127)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number in _RESET_SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def _rlimit(name: str) -> int:
    number = getattr(resource, f"RLIMIT_{name.upper()}", None)
    if number is None:
        raise LaunchFailed("limits", errno.EINVAL, f"this system has no limit called {name!r}")
    return int(number)


def _become(user: str | int | None, group: str | int | None) -> None:
    """Take on user and group; the user's own groups come with it (initgroups(3))."""
    if user is None and group is None:
        return
    import grp  # only here: name services may load libraries
    import pwd

    gid: int | None = None
    if group is not None:
        with stage("group"):
            gid = group if isinstance(group, int) else grp.getgrnam(group).gr_gid
    if user is None:
        with stage("group"):
            os.setgid(gid if gid is not None else os.getgid())
        return
    with stage("user"):
        entry = pwd.getpwuid(user) if isinstance(user, int) else pwd.getpwnam(user)
    with stage("group"):
        primary = entry.pw_gid if gid is None else gid
        if os.geteuid() == 0:
            os.setgroups(os.getgrouplist(entry.pw_name, primary))
        os.setgid(primary)
    with stage("user"):
        os.setuid(entry.pw_uid)


def explain_exec(program: str, number: int) -> LaunchFailed:
    """Return what a failed execve(2) of ``program`` means, as far as a look at it can tell."""
    detail = ""
    if os.path.isdir(program):
        detail = f"{program} is a directory"
    elif number == errno.ENOENT and os.path.exists(program):
        detail = f"{program} needs the interpreter {_interpreter(program)}, which does not exist"
    elif number == errno.EACCES and os.path.isfile(program) and not os.access(program, os.X_OK):
        detail = f"{program} is not executable"
    elif number == errno.ENOEXEC:
        detail = f"{program} is neither a binary nor a script that begins with #!"
    return LaunchFailed("program", number, detail)


def _interpreter(program: str) -> str:
    try:
        with open(program, "rb") as file:
            first = file.readline(256)
    except OSError:
        return "it names"
    if not first.startswith(b"#!"):
        return "(a loader for its binary format)"
    return os.fsdecode(first[2:].split()[0]) if first[2:].split() else "(an empty #! line)"


def prctl(option: int, value: int) -> None:
    """Call prctl(2).

    Raises:
        OSError: the kernel refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def become_subreaper() -> bool:
    """Have orphans below us become our children. Returns whether the kernel agreed."""
    try:
        prctl(_PR_SET_CHILD_SUBREAPER, 1)
    except (OSError, AttributeError):
        return False
    return True
