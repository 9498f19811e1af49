"""What goes wrong with programs, and with the system and the files that they need."""

from __future__ import annotations

import os

from .base import SupctlError


class SpawnFailed(SupctlError):
    """A program could not be started; nothing of it is left running.

    Args:
        program: the program as it was given.
        stage: which step failed: ``program`` (finding or executing it), ``cwd``,
            ``user``, ``group``, ``limits``, ``cgroup``, ``secret`` (reading one), ``import`` (of
            Python code that is to run in a process of its own) or ``system`` (no process,
            descriptor or memory to be had).
        errno: the system's error number.
        detail: what the number alone does not say; may be empty.
    """

    code, category = "spawn_failed", "process"

    def __init__(self, program: str, stage: str, errno: int, detail: str = "") -> None:
        self.program, self.stage, self.errno, self.detail = program, stage, errno, detail
        super().__init__(program, stage, errno, detail)

    def __str__(self) -> str:
        why = self.detail or os.strerror(self.errno)
        mend = {
            "program": "check command and PATH",
            "cwd": "check cwd",
            "user": "check user",
            "group": "check group",
            "limits": "check rlimits",
            "cgroup": "check limits",
            "secret": "",
            "import": "",
            "system": "the system is out of a resource",
        }.get(self.stage, "check the spec")
        told = f"cannot start {self.program!r}: {why}"
        return f"{told}; {mend}" if mend else told


class TerminateFailed(SupctlError):
    """What was to be ended lives on, after its grace and after SIGKILL.

    Args:
        name: of the child.
        reason: as far as is known.
    """

    code, category = "terminate_failed", "process"

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(name, reason)

    def __str__(self) -> str:
        return (
            f"{self.name} cannot be ended: {self.reason}; the system holds it, mostly for a disk "
            'or a network that does not answer ("ps -o pid,stat,wchan" tells where)'
        )


class ReaperLost(SupctlError):
    """The reaper ended while something was asked of it; a new one is on its way."""

    code, category = "reaper_lost", "process"

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(detail)

    def __str__(self) -> str:
        return f"the reaper is gone ({self.detail}); its apps were ended"


class PlatformNotSupported(SupctlError):
    """This system cannot do what was asked for; says what could."""

    code, category = "platform_not_supported", "platform"

    def __init__(self, wanted: str, detail: str) -> None:
        self.wanted, self.detail = wanted, detail
        super().__init__(wanted, detail)

    def __str__(self) -> str:
        return f"{self.wanted} is not possible here: {self.detail}"


class StorageFailed(SupctlError):
    """A file or directory of ours cannot be used (no permission, not a directory, full)."""

    code, category = "io_error", "storage"

    def __init__(self, path: str, errno: int, wanted: str) -> None:
        self.path, self.errno, self.wanted = path, errno, wanted
        super().__init__(path, errno, wanted)

    def __str__(self) -> str:
        return f"{self.path}: {os.strerror(self.errno)}; wanted {self.wanted}"


class AlreadyRunning(SupctlError):
    """Somebody already holds what may be held only once (a child, a log directory)."""

    code, category = "already_running", "process"

    def __init__(self, what: str, detail: str = "") -> None:
        self.what, self.detail = what, detail
        super().__init__(what, detail)

    def __str__(self) -> str:
        return f"{self.what} is already in use" + (f": {self.detail}" if self.detail else "")
