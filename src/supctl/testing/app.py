"""One app of a running tree, as a test sees it: waiting for it and doing it harm."""

from __future__ import annotations

import math
import signal as signals
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from re import Match, Pattern
from typing import Final, TypeVar

import outcome
import trio

from supctl import events
from supctl.errors import InvalidConfig, InvalidState
from supctl.exits import ExitReason
from supctl.specs.policy import check_seconds
from supctl.supervision.handle import Handle

from .conditions import Condition
from .errors import WaitFailed, WaitTimedOut
from .output import Search, compiled
from .stage import Stage

T = TypeVar("T")

DEFAULT_TIMEOUT: Final = 5.0
"""Seconds that a wait may take unless it is told otherwise."""

_SETTLED: Final = 0.05
"""Seconds of silence after which a match at the very end of the output is taken as whole."""

_LAST_BYTES: Final = 1.0
"""Seconds after the end of a life in which its last output must have come. A stranger that
holds the pipe may write to it for ever; that is not the app's output any more."""

_STATES: Final = (
    *("starting", "running", "ready", "paused", "stopping", "backoff"),
    *("detached", "exited", "failed", "stopped"),
)
_ENDED_FOR_GOOD: Final = ("exited", "failed", "stopped")

_STATE_AFTER: Final[dict[type[events.Event], str]] = {
    events.ChildStarted: "running",
    events.ChildStopping: "stopping",
    events.RestartScheduled: "backoff",
    events.ChildFailed: "failed",
}
"""States that an event tells of, and that may be over before anybody can look."""


class SupervisedApp:
    """One app of a running tree.

    Everything that waits is about the present or latest life of the app; a life that the test
    has ended itself, with :meth:`crash` or :meth:`kill`, is not present any more. Waits fail
    with :class:`WaitFailed` as soon as what is waited for cannot come, and with
    :class:`WaitTimedOut` after ``timeout`` seconds.
    """

    def __init__(self, stage: Stage, handle: Handle) -> None:
        self.handle = handle
        self._stage, self._record = stage, stage.record
        self._spent = 0  # the latest life that the test has ended itself
        self._counted_from = 1  # restarts are the lives after this one
        self._is_hung = False

    # What it is.

    @property
    def address(self) -> str:
        """Its address, such as ``/web/api:2``."""
        return self.handle.address

    @property
    def pid(self) -> int:
        """The pid of its main process; 0 if it has none now."""
        try:
            return self.handle.pid
        except InvalidState:
            return 0

    @property
    def state(self) -> str:
        """Its state; that of its supervisor if that does not run."""
        try:
            return self.handle.state
        except InvalidState as error:
            return error.state

    @property
    def reason(self) -> ExitReason | None:
        """Why it ended last; ``None`` if it never did."""
        try:
            return self.handle.reason
        except InvalidState:
            return None

    @property
    def restarts(self) -> int:
        """How many times it has been started again, by whomever."""
        return max(0, self._record.lives[self.address] - 1)

    @property
    def output(self) -> str:
        """The last lines it has printed, 30 of each stream at the most."""
        return "\n".join(self._stage.outputs.last_lines(self.address))

    # Waiting.

    async def wait_ready(
        self, condition: Condition | None = None, *, timeout: float = DEFAULT_TIMEOUT
    ) -> None:
        """Return when it runs and ``condition`` holds. Cancelling is harmless.

        Args:
            condition: :class:`Tcp`, :class:`Http` or :class:`Output`; ``None``: that it runs.
            timeout: seconds.

        Raises:
            WaitFailed: it ended before, or did not start.
            WaitTimedOut: not ready in time.
            InvalidConfig: no such condition.
        """
        if condition is not None and not isinstance(condition, Condition):
            raise InvalidConfig("condition", condition, "Tcp, Http, Output or nothing")
        wanted = "become ready" if condition is None else f"become ready ({condition})"
        await self._within(timeout, wanted, partial(self._become_ready, condition, wanted))

    async def wait_state(self, state: str, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Return when it is in ``state``, or passes through it. Cancelling is harmless.

        Raises:
            WaitTimedOut: it is not, in time.
            InvalidConfig: there is no such state.
        """
        if state not in _STATES:
            raise InvalidConfig("state", state, "one of " + ", ".join(_STATES))
        wanted = f"reach the state {state!r}"
        await self._within(timeout, wanted, partial(self._reach, state, wanted))

    async def wait_restarted(self, times: int = 1, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Return when it has been started again and runs. Cancelling is harmless.

        Restarts are counted from the latest :meth:`crash`, :meth:`kill`, :meth:`start` or
        :meth:`restart` made here, or else from where the last wait ended: none is missed, and
        none counts twice.

        Args:
            times: how many restarts.
            timeout: seconds.

        Raises:
            WaitFailed: it will not be started again.
            WaitTimedOut: not in time.
        """
        if times < 1:
            raise InvalidConfig("times", times, "1 or more")
        wanted = "restart" if times == 1 else f"restart {times} times"
        life = self._counted_from + times
        await self._within(timeout, wanted, lambda: self._begin(life, wanted))
        self._counted_from = life

    async def wait_output(
        self, pattern: str | bytes | Pattern[bytes], *, timeout: float = DEFAULT_TIMEOUT
    ) -> Match[bytes]:
        """Return the first match in what the present life has printed. Cancelling is harmless.

        It does not matter when that was printed, how much came before it, nor how it was cut
        into pieces; a match longer than 64 KiB may be missed. Both streams are searched, each
        by itself. A match that ends where the output ends by now, in the midst of a line, is
        taken when nothing more has come for 50 ms.

        Args:
            pattern: a regular expression; ``^`` and ``$`` match at every line unless it comes
                compiled. What is printed is bytes, and so are the groups of the match.
            timeout: seconds.

        Raises:
            WaitFailed: the life is over and has not printed it, or the app did not start.
            WaitTimedOut: it has not printed it in time.
            InvalidConfig: it is no regular expression for bytes.
        """
        regex = compiled(pattern)
        wanted = f"print {regex.pattern!r}"

        async def find() -> Match[bytes]:
            life = await self._begin(self._spent + 1, wanted)
            return await Life(self, life, wanted).find(regex)

        return await self._within(timeout, wanted, find)

    # Doing things to it.

    def crash(self) -> None:
        """Have it die by SIGSEGV, as a program with a bug does. Never blocks.

        Raises:
            InvalidState: it has no process now.
        """
        self.handle.signal(signals.SIGSEGV)
        self.handle.signal(signals.SIGCONT)  # one that hangs would not die before it goes on
        self._ended_by_us()

    def kill(self) -> None:
        """Kill its process group with SIGKILL. Never blocks.

        Raises:
            InvalidState: it has no process now.
        """
        self.handle.signal(signals.SIGKILL)
        self._ended_by_us()

    def hang(self) -> None:
        """Stop its process group with SIGSTOP: it lives and does nothing. Never blocks.

        Raises:
            InvalidState: it has no process now.
        """
        self.handle.signal(signals.SIGSTOP)
        self._is_hung = True

    def resume(self) -> None:
        """Let it go on after :meth:`hang`. Never blocks.

        Raises:
            InvalidState: it has no process now.
        """
        self.handle.signal(signals.SIGCONT)
        self._is_hung = False

    def signal(self, number: int) -> None:
        """Send a signal to its process group. Never blocks.

        Raises:
            InvalidState: it has no process now.
        """
        self.handle.signal(number)

    async def stop(self) -> None:
        """Stop it in order, as :meth:`supctl.supervision.handle.Handle.stop` does."""
        self.let_go()
        await self.handle.stop()

    async def start(self) -> None:
        """Start it after it was stopped, has ended or failed; return when it runs."""
        await self.handle.start()
        self._counted_from = self._record.lives[self.address]

    async def restart(self) -> None:
        """Stop it, then start it."""
        await self.stop()
        await self.start()

    def let_go(self) -> None:
        """Undo :meth:`hang`, if it still hangs: one that is asked to stop must be able to."""
        if self._is_hung and self.pid:
            self.resume()

    # How it is done.

    def _ended_by_us(self) -> None:
        self._spent = self._counted_from = self._record.lives[self.address]
        self._is_hung = False

    async def _become_ready(self, condition: Condition | None, wanted: str) -> None:
        life = Life(self, await self._begin(self._spent + 1, wanted), wanted)
        if condition is None:
            life.check()
        else:
            await life.unless_over(partial(condition.hold, life))

    async def _reach(self, state: str, wanted: str) -> None:
        with self._stage.tree.subscribe() as subscription:
            if self._is_in(state):
                return
            async for event in subscription:
                told = event.address == self.address and _STATE_AFTER.get(type(event)) == state
                if told or self._is_in(state):
                    return
        raise self.failure(wanted, "the tree has ended")

    def _is_in(self, state: str) -> bool:
        dying = self._spent and not self._record.is_over(self.address, self._spent)
        return self.state == state and (not dying or state == "stopping")

    async def _begin(self, life: int, wanted: str) -> int:
        """Return when ``life`` or a later one has begun: the number of the latest."""

        def begun() -> int | None:
            if (latest := self._record.lives[self.address]) >= life:
                return latest
            if failure := self._record.start_failures.get(self.address):
                raise self.failure(wanted, str(failure))
            if self.state in _ENDED_FOR_GOOD or self._stage.tree.ended.is_set():
                raise self.failure(wanted, f"it is {self.state} and will not be started again")
            return None

        return await self._stage.bell.until(begun)

    async def _within(self, seconds: float, wanted: str, wait: Callable[[], Awaitable[T]]) -> T:
        check_seconds("timeout", seconds)
        with trio.move_on_after(seconds):
            return await wait()
        why = f"not within {seconds:g} s"
        raise WaitTimedOut(self.address, wanted, why, self.story())

    def failure(self, wanted: str, why: str) -> WaitFailed:
        """Return the error that says that ``wanted`` cannot come, and why."""
        return WaitFailed(self.address, wanted, why, self.story())

    def story(self) -> str:
        """Return state, restarts, last end and last lines, for people, over several lines."""
        ended = f"; it ended last: {self.reason}" if self.reason else ""
        head = f"  state: {self.state}, restarts: {self.restarts}{ended}"
        lines = list(self._stage.outputs.last_lines(self.address))
        told = [f"    | {line}" for line in lines] if lines else ["    (it has printed nothing)"]
        return "\n".join([head, "  last output:", *told])


@dataclass(frozen=True, slots=True)
class Life:
    """One life of an app, and what it is waited for."""

    app: SupervisedApp
    number: int
    wanted: str

    @property
    def is_simulated(self) -> bool:
        """Whether it runs in virtual time, without ports."""
        return self.app._stage.is_simulated

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or the tree has."""
        return self.app._record.is_over(self.app.address, self.number)

    def check(self) -> None:
        """Raise :class:`WaitFailed` if it is over."""
        if self.is_over:
            raise self.app.failure(self.wanted, f"it ended before: {self.app.reason}")

    async def unless_over(self, wait: Callable[[], Awaitable[None]]) -> None:
        """Return when ``wait`` does; fail as soon as the life is over."""
        self.check()
        result: outcome.Maybe[None] | None = None
        async with trio.open_nursery() as nursery:

            async def wait_and_tell() -> None:
                nonlocal result
                result = await outcome.acapture(wait)
                nursery.cancel_scope.cancel()

            nursery.start_soon(wait_and_tell)
            await self.app._stage.bell.until(lambda: self.is_over or None)
            nursery.cancel_scope.cancel()
        if result is None or isinstance(result, outcome.Error):
            self.check()
        ...

    async def find(self, pattern: Pattern[bytes]) -> Match[bytes]:
        """Return the first match in its output; fail when no more output can come."""
        ...
