"""What this machine offers to a supervisor, and how to get what is missing. Changes nothing."""

from __future__ import annotations

import ctypes
import os
import platform
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from .cgroup_hierarchy import probe

_PR_GET_CHILD_SUBREAPER: Final = 37
_CAP_SETUID: Final = 1 << 7
_APP_DESCRIPTORS: Final = 6
"""That a daemon has open for a program that runs."""

_MANY: Final = 1000


class Verdict(StrEnum):
    """How well it is: as it should be, something is missing that can be done without, or not."""

    GOOD = "good"
    LIMITED = "limited"
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        what: that is.
        verdict: how well it is.
        seen: what there is, as a phrase.
        mend: how to get what is missing; empty if nothing is.
    """

    what: str
    verdict: Verdict
    seen: str
    mend: str = ""


def examine() -> Iterator[Finding]:
    """Yield what was found, one after the other."""
    yield _system()
    yield _pidfd()
    yield _subreaper()
    yield _cgroups()
    yield _namespaces()
    yield _users()
    yield _descriptors()
    yield _processes()
    yield _pipes()
    yield _runtime_directory()


def _system() -> Finding:
    seen = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    if platform.system() == "Linux":
        return Finding("system", Verdict.GOOD, seen)
    return Finding("system", Verdict.BAD, seen, "supervise on Linux; there is no other backend yet")


def _pidfd() -> Finding:
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        mend = "use Linux 5.3 or later, and allow pidfd_open in the container's seccomp profile"
        return Finding("pidfd", Verdict.BAD, f"no: {error.strerror}", mend)
    return Finding("pidfd", Verdict.GOOD, "yes: ends are seen at once, and pids not confused")


def _subreaper() -> Finding:
    held = ctypes.c_int()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(held), 0, 0, 0) == 0:
        return Finding("subreaper", Verdict.GOOD, "yes: what a program leaves behind is found")
    why = os.strerror(ctypes.get_errno())
    mend = "use Linux 3.4 or later, and allow prctl in the container's seccomp profile"
    return Finding("subreaper", Verdict.BAD, f"no: {why}", mend)


def _cgroups() -> Finding:
    found = probe()
    if found.base is None:
        return Finding("cgroups", Verdict.LIMITED, f"none for us: {found.reason}", _mend_cgroups())
    seen = f"v2 at {found.base}: {', '.join(sorted(found.controllers))}"
    if found.reason:
        return Finding("cgroups", Verdict.LIMITED, f"{seen}; {found.reason}", _mend_cgroups())
    return Finding("cgroups", Verdict.GOOD, seen)


def _mend_cgroups() -> str:
    without = "limits of memory, processors and tasks are not enforced; "
    if Path("/run/systemd/system").is_dir():
        return without + 'let systemd start the daemon, which delegates them: "supctl startup"'
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return without + "start the container with --cgroupns=private and a writable /sys/fs/cgroup"
    return without + "boot with cgroup v2 alone (systemd.unified_cgroup_hierarchy=1)"


def _namespaces() -> Finding:
    kinds = sorted(
        path.name for path in Path("/proc/self/ns").glob("*") if "_for_" not in path.name
    )
    if not kinds:
        return Finding("namespaces", Verdict.LIMITED, "none", "use a kernel that has them")
    most = _number("/proc/sys/user/max_user_namespaces")
    allowed = _number("/proc/sys/kernel/unprivileged_userns_clone")
    if os.geteuid() != 0 and (most == 0 or allowed == 0):
        name = (
            "user.max_user_namespaces=10000" if most == 0 else "kernel.unprivileged_userns_clone=1"
        )
        seen = f"{', '.join(kinds)}; users other than root cannot make their own"
        return Finding("namespaces", Verdict.LIMITED, seen, f"sysctl -w {name}")
    return Finding("namespaces", Verdict.GOOD, ", ".join(kinds))


def _users() -> Finding:
    uid = os.geteuid()
    if _capabilities() & _CAP_SETUID:
        return Finding("users", Verdict.GOOD, f"uid {uid}: programs may run as any user")
    seen = f"uid {uid}: programs run as this user only"
    return Finding("users", Verdict.LIMITED, seen, 'for "user =" in files run the daemon as root')


def _descriptors() -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        return Finding("descriptors", Verdict.GOOD, "no limit")
    room = max(0, hard - 100) // _APP_DESCRIPTORS
    seen = f"{hard:,} at most, enough for about {room:,} programs"
    if room >= _MANY:
        return Finding("descriptors", Verdict.GOOD, seen)
    verdict = Verdict.LIMITED if room else Verdict.BAD
    mend = "raise the hard limit: LimitNOFILE= of systemd, limits.conf(5), or ulimit -Hn as root"
    return Finding("descriptors", verdict, seen, mend)


def _processes() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    most = _number("/proc/sys/kernel/pid_max")
    seen = f"pids up to {most or 'an unknown number'}"
    if soft == resource.RLIM_INFINITY:
        return Finding("processes", Verdict.GOOD, f"no limit for this user, {seen}")
    seen = f"{soft:,} for this user, {seen}"
    if soft >= _MANY or os.geteuid() == 0:
        return Finding("processes", Verdict.GOOD, seen)
    return Finding("processes", Verdict.LIMITED, seen, "raise it: ulimit -u, or limits.conf(5)")


def _pipes() -> Finding:
    pages = _number("/proc/sys/fs/pipe-user-pages-soft")
    page = os.sysconf("SC_PAGE_SIZE")
    if not pages or os.geteuid() == 0:
        return Finding("pipe buffers", Verdict.GOOD, "64 KiB each, no limit for all of this user")
    room = pages * page // (64 * 1024) // 2  # two for a program
    seen = f"{pages * page // 2**20} MiB in all: {room:,} programs at 64 KiB, more with small ones"
    if room >= _MANY // 2:
        return Finding("pipe buffers", Verdict.GOOD, seen)
    return Finding("pipe buffers", Verdict.LIMITED, seen, "sysctl -w fs.pipe-user-pages-soft=65536")


def _runtime_directory() -> Finding:
    what, path = "XDG_RUNTIME_DIR", os.environ.get("XDG_RUNTIME_DIR")
    instead = "without it the socket lies in the state directory, which works as well"
    if not path:
        mend = f"log in through systemd-logind, or export SUPCTL_HOME; {instead}"
        return Finding(what, Verdict.LIMITED, "not set", mend)
    try:
        found = Path(path).stat()
    except OSError as error:
        return Finding(what, Verdict.BAD, f"{path}: {error.strerror}", f"unset it; {instead}")
    if found.st_uid != os.geteuid():
        mend = f"it is another user's (su keeps it): unset it; {instead}"
        return Finding(what, Verdict.BAD, f"{path} of uid {found.st_uid}", mend)
    return Finding(what, Verdict.GOOD, path)


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):
        return None


def _capabilities() -> int:
    """Return the capabilities that we have, as proc_pid_status(5) shows them."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff")), 0)
