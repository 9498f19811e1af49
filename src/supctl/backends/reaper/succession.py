"""One daemon after the other: the next is started when one is lost, or is to be of other code."""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from supctl.errors import ProtocolError

from .line import DaemonLine
from .program import Program, Upgrade

_FIRST_DELAY: Final = 0.1
_LONGEST_DELAY: Final = 30.0
"""Seconds until the next attempt after a daemon that has failed by itself; none after the first
failure, twice as long after each further one. One that was killed is followed at once."""

_STABLE: Final = 60.0
"""Seconds of serving after which a loss is the first again."""

HANDED_ON: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that are meant for the daemon, whoever of us gets them."""


@dataclass(frozen=True, slots=True)
class Orders:
    """How daemons are started.

    Args:
        program: their code.
        arguments: of every daemon; ``--link N`` is put behind them, N the descriptor of the link.
        first: arguments for the first daemon only.
        link: descriptor of the link to a daemon that is there: it has lost the reaper before us.
        pid, pidfd: of that daemon.
        fds: descriptors that every daemon gets.
        first_fds: those that only the first one gets; closed then.
    """

    program: Program
    arguments: list[str]
    fds: list[int]
    first: list[str] = field(default_factory=list)
    first_fds: list[int] = field(default_factory=list)
    link: int | None = None
    pid: int = 0
    pidfd: int = -1

    @classmethod
    def of(cls, told: dict[str, Any]) -> Orders:
        """Rebuild it from JSON.

        Raises:
            ProtocolError: fields are missing or unknown.
        """
        try:
            return cls(**told | {"program": Program.of(told.get("program"))})
        except TypeError as error:
            raise ProtocolError(f"orders with {error}", "the fields of Orders") from None


class Succession:
    """Starts daemons, and remembers how they ended. Its owner tells what has happened.

    Attributes:
        pid: of the present daemon; 0 while there is none.
        pidfd: of one that is no child of ours; -1 of others. Readable when it has ended.
        due_at: when the next one is to be started, on the monotonic clock; ``None``: there is one,
            or its process has not ended yet.
        serve_by: when the present one must serve; ``None``: that does not matter, or it does.
        lives: how many were started.
        lost_at: when the last one was lost.
        ended: its wait status (wait(2)).
        upgrade: the one that is under way, or has failed; ``None`` once a daemon has served.
        reaper_is_due: whether we are to become the reaper of :attr:`program` before the next one.
    """

    def __init__(self, orders: Orders) -> None:
        self._orders, self.program = orders, orders.program
        self.pid, self.pidfd = 0, -1
        self.due_at: float | None = time.monotonic()
        self.serve_by: float | None = None
        self.lives = 0
        self.lost_at = 0.0
        self.ended: int | None = None
        self.upgrade: Upgrade | None = None
        self.reaper_is_due = False
        self._is_serving_since: float | None = None
        self._failures = 0
        self._has_served = False
        self._pending: list[int] = []  # signals for a daemon that does not listen yet
        if orders.link is not None:
            self.pid, self.pidfd = orders.pid, orders.pidfd
            self.due_at, self.lives = None, 1
            self._has_served = True
        for number in HANDED_ON:
            signal.signal(number, self._hand_on)

    def start(self) -> DaemonLine:
        """Start the next daemon and return the line to it.

        Raises:
            OSError: it cannot be started.
        """
        ours, theirs = socket.socketpair()
        link = ["--link", str(theirs.fileno())]
        command = [*self.program.daemon, *self._orders.arguments, *link]
        fds = [theirs.fileno(), *self._orders.fds]
        if self.lives == 0:
            command += self._orders.first
            fds += self._orders.first_fds
        with theirs:
            try:
                for fd in fds:
                    os.set_inheritable(fd, True)
                self.pid = os.posix_spawn(
                    command[0],
                    command,
                    os.environ,
                    setsid=True,  # a terminal's Ctrl-C comes to us, and we hand it on
                    setsigmask=[],
                    setsigdef=signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP},
                )
            except OSError as error:
                ours.close()
                self._fail(f"it cannot be started: {error.strerror}")
                raise
            finally:
                for fd in fds:
                    os.set_inheritable(fd, False)
        if self.lives == 0:
            for fd in self._orders.first_fds:
                os.close(fd)
        self.lives += 1
        self.due_at, self._is_serving_since = None, None
        if self._is_on_trial:
            assert self.upgrade is not None
            self.serve_by = time.monotonic() + self.upgrade.within
        return DaemonLine(ours)

    def serves(self) -> None:
        """Know that the present daemon serves; it can be told what has waited for that."""
        self._has_served, self._is_serving_since = True, time.monotonic()
        self.upgrade, self.serve_by = None, None
        pending, self._pending = self._pending, []
        for number in pending:
            self._hand_on(number, None)

    def lose(self) -> None:
        """Know that the present daemon speaks no more. It must not live beside the next one."""
        self.lost_at = time.monotonic()
        if self.pid:
            self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.pidfd < 0:
            os.kill(self.pid, number)
            return
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, number)

    def ended_elsewhere(self) -> None:
        """Know that a daemon which is no child of ours has ended."""
        os.close(self.pidfd)
        self.pid, self.pidfd, self.due_at = 0, -1, time.monotonic()

    def reaped(self, wait_status: int) -> None:
        """Know how the process of the present daemon has ended; the next one is due."""
        self.pid, self.ended = 0, wait_status
        since, self._is_serving_since = self._is_serving_since, None
        if since is not None and time.monotonic() - since >= _STABLE:
            self._failures = 0
        if os.WIFSIGNALED(wait_status) and os.WTERMSIG(wait_status) == signal.SIGKILL:
            self.due_at = time.monotonic()
            self._go_back("it was killed")
        else:
            self._fail(
                f"it has ended by itself, with status {os.waitstatus_to_exitcode(wait_status)}"
            )

    def _fail(self, how: str) -> None:
        """Put the next attempt off; or make it at once with the code before an upgrade."""
        if self._is_on_trial:
            self.due_at = time.monotonic()
            self._go_back(how)
            return
        delay = 0.0
        if self._failures:
            delay = min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(self._failures - 1, 20))
        self._failures += 1
        self.due_at = time.monotonic() + delay

    @property
    def fds(self) -> list[int]:
        """The descriptors that every daemon gets."""
        return self._orders.fds

    @property
    def is_hopeless(self) -> bool:
        """Whether there is no next one: the first has ended before it served."""
        return not self._has_served and self.lives > 0 and not self.pid

    @property
    def exit_code(self) -> int:
        """What our own exit status is to be after the last one: as it ended."""
        if self.ended is None:
            return 1
        code = os.waitstatus_to_exitcode(self.ended)
        return code if code >= 0 else 128 - code

    def _hand_on(self, number: int, _: object) -> None:
        # One that does not serve yet is told when it does, unless somebody insists.
        if self.pid and (self._is_serving_since is not None or number in self._pending):
            self._signal(number)
        elif number != signal.SIGHUP:
            self._pending.append(number)

    # From one version of the code to another.

    def begin_upgrade(self, to: Program, within: float) -> None:
        """Have the next daemon be of other code. If that does not serve within so many seconds, or
        ends before, the one after it is of the present code again. The owner ends the present one.
        """
        self.upgrade = Upgrade(self.program, to, within)
        self.program, self.reaper_is_due = to, True

    @property
    def _is_on_trial(self) -> bool:
        """Whether the next daemon, or the present one, is of new code and has not served yet."""
        return self.upgrade is not None and self.upgrade.failed is None and not self.reaper_is_due

    def give_up(self) -> None:
        """End a daemon of new code that has not served in time."""
        assert self.upgrade is not None
        self.serve_by = None
        self._go_back(f"it did not serve within {self.upgrade.within:g} s")
        self._signal(signal.SIGKILL)

    def _go_back(self, why: str) -> None:
        """Have the next daemon be of the code before the upgrade, if there is one on trial."""
        if self._is_on_trial:
            self.reaper_failed(why)
            self.reaper_is_due = True

    def reaper_failed(self, why: str) -> None:
        """Know that we cannot become the reaper of :attr:`program`, or need not."""
        self.reaper_is_due, self.serve_by = False, None
        if self.upgrade is not None and self.upgrade.failed is None:
            self.upgrade.failed, self.program = why, self.upgrade.before

    # From one reaper to the next in the same process.

    def as_dict(self) -> dict[str, Any]:
        """Return all that :meth:`resumed` needs, while there is no daemon, ready for JSON."""
        orders = {"arguments": self._orders.arguments, "fds": self._orders.fds}
        told = {name: getattr(self, name) for name in _RESUMED}
        upgrade = None if self.upgrade is None else asdict(self.upgrade)
        return {"program": asdict(self.program), "orders": orders, "upgrade": upgrade, **told}

    @classmethod
    def resumed(cls, told: dict[str, Any]) -> Succession:
        """Rebuild it from that.

        Raises:
            ProtocolError: it is not what :meth:`as_dict` returns.
        """
        succession = cls(Orders.of(told["orders"] | {"program": told["program"]}))
        for name in _RESUMED:
            setattr(succession, name, told[name])
        if (upgrade := told["upgrade"]) is not None:
            programs = {name: Program.of(upgrade[name]) for name in ("before", "to")}
            succession.upgrade = Upgrade(**upgrade | programs)
        return succession


_RESUMED: Final = (
    *("due_at", "lives", "lost_at", "ended", "_failures", "_has_served", "_pending"),
)
