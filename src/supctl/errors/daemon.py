"""What keeps the daemon from being asked, or from doing what it is asked."""

from __future__ import annotations

from typing import Final

from .base import SupctlError

_SHOWN: Final = 5
"""Names that a sentence tells; of a thousand instances the rest is a number."""


class NoDaemon(SupctlError):
    """No daemon runs that could be asked.

    Args:
        socket: where it would listen.
        pid: of one that runs nevertheless, and does not listen: it has not begun to, or ends.
    """

    code, category = "no_daemon", "daemon"

    def __init__(self, socket: str, pid: int | None = None) -> None:
        self.socket, self.pid = socket, pid
        super().__init__(socket, pid)

    def __str__(self) -> str:
        if self.pid is not None:
            return (
                f"the daemon of pid {self.pid} does not listen at {self.socket}: it has only just "
                f'begun, or ends; if it stays so, "kill -HUP {self.pid}" has it listen again'
            )
        return f'no daemon listens at {self.socket}; "supctl start" starts one'


class DaemonFailed(SupctlError):
    """A daemon was started, and has not come so far as to listen.

    Args:
        said: its last lines; may be empty.
        log: where all of them are.
    """

    code, category = "daemon_failed", "daemon"

    def __init__(self, said: str, log: str) -> None:
        self.said, self.log = said, log
        super().__init__(said, log)

    def __str__(self) -> str:
        said = f"; it said:\n{self.said}" if self.said else ""
        return f"the daemon did not start (its log is {self.log}){said}"


class UpgradeFailed(SupctlError):
    """Other code has not taken over; the daemon is of the same code as before, and all runs on.

    Args:
        version: that was to take over; empty if that is not known.
        why: what has kept it from that.
        said: its last words; may be empty.
    """

    code, category = "upgrade_failed", "daemon"

    def __init__(self, version: str, why: str, said: str) -> None:
        self.version, self.why, self.said = version, why, said
        super().__init__(version, why, said)

    def __str__(self) -> str:
        said = f"; it said:\n{self.said.rstrip()}" if self.said else ""
        new = f"supctl {self.version}" if self.version else "the new code"
        return (
            f"{new} has not taken over: {self.why}. The code from before goes on, and so does all "
            f"that runs{said}"
        )


class PermissionDenied(SupctlError):
    """Who asks may not have that done."""

    code, category = "permission_denied", "daemon"

    def __init__(self, who: str, what: str, wanted: str) -> None:
        self.who, self.what, self.wanted = who, what, wanted
        super().__init__(who, what, wanted)

    def __str__(self) -> str:
        return f"{self.who} may not {self.what}; wanted {self.wanted}"


class Ambiguous(SupctlError):
    """A name means more than one child, where one is wanted."""

    code, category = "ambiguous", "daemon"

    def __init__(self, name: str, meant: tuple[str, ...]) -> None:
        self.name, self.meant = name, meant
        super().__init__(name, meant)

    def __str__(self) -> str:
        shown, more = self.meant[:_SHOWN], len(self.meant) - _SHOWN
        told = [*shown, f"{more} more"] if more > 0 else shown
        return f"{self.name!r} means {' and '.join(told)}; say which, by its address"
