"""One app of a running tree, as a test sees it: waiting for it and doing it harm."""

from __future__ import annotations

import signal as signals
from collections.abc import Awaitable, Callable
from functools import partial
from re import Match, Pattern
from typing import Final, TypeVar

import psutil
import trio

from supctl import events
from supctl.errors import InvalidConfig, InvalidState, ProcessNotFound, SupctlError
from supctl.specs import App, Http, Output, Tcp
from supctl.specs.pattern import compiled
from supctl.specs.placeholders import PORT
from supctl.specs.policy import check_seconds
from supctl.supervision.handle import Handle

from .conditions import Condition, hold
from .errors import WaitFailed, WaitTimedOut
from .life import CannotCome, Life
from .stage import Stage
from .view import AppView

T = TypeVar("T")

DEFAULT_TIMEOUT: Final = 5.0
"""Seconds that a wait may take unless it is told otherwise."""

_LOOK_EVERY: Final = 0.001
"""Seconds between two looks at a process that is about to stop, which takes about as long."""

_STATES: Final = (
    *("starting", "running", "ready", "paused", "stopping", "backoff"),
    *("detached", "exited", "failed", "stopped"),
)
_ENDED_FOR_GOOD: Final = ("exited", "failed", "stopped")
_ON_THE_WAY: Final = ("starting", "stopping", "backoff")

_STATE_AFTER: Final[dict[type[events.Event], str]] = {
    events.ChildReady: "ready",
    events.ChildStopping: "stopping",
    events.RestartScheduled: "backoff",
    events.ChildFailed: "failed",
}
"""States that an event tells of, and that may be over before anybody can look."""


class SupervisedApp(AppView):
    """One app of a running tree.

    Everything that waits is about the present or latest life of the app; a life that the test
    has ended itself, with :meth:`crash` or :meth:`kill`, is not present any more. Waits fail
    with :class:`WaitFailed` as soon as what is waited for cannot come, and with
    :class:`WaitTimedOut` after ``timeout`` seconds.
    """

    def __init__(self, stage: Stage, handle: Handle) -> None:
        super().__init__(stage, handle)
        self._spent = 0  # the latest life that the test has ended itself
        self._counted_from = 1  # restarts are the lives after this one
        self._is_hung = False

    def is_in(self, state: str) -> bool:
        """Return whether it is in ``state``, and not dying by what the test has done to it."""
        is_dying = not self._record.is_over(self.address, self._spent)
        return self.state == state and not is_dying

    # Waiting.

    async def wait_ready(
        self, condition: Condition | None = None, *, timeout: float = DEFAULT_TIMEOUT
    ) -> None:
        """Return when it runs and ``condition`` holds. Cancelling is harmless.

        Args:
            condition: :class:`Tcp`, :class:`Http` or :class:`Output`; ``None``: that it is ready
                as its own ``ready`` has it, or that it runs if it has none.
            timeout: seconds.

        Raises:
            WaitFailed: it ended before, or did not start.
            WaitTimedOut: not ready in time.
            InvalidConfig: no such condition.
        """
        if condition is not None and not isinstance(condition, Tcp | Http | Output):
            raise InvalidConfig("condition", condition, "Tcp, Http, Output or nothing")
        if condition is not None and PORT in str(condition):
            raise InvalidConfig("condition", str(condition), "the number of a port")
        wanted = "become ready" if condition is None else f"become ready ({condition})"
        await self._within(timeout, wanted, partial(self._become_ready, condition))

    async def wait_state(self, state: str, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Return when it is in ``state``, or passes through it. Cancelling is harmless.

        Raises:
            WaitTimedOut: it is not, in time.
            InvalidConfig: there is no such state.
        """
        if state not in _STATES:
            raise InvalidConfig("state", state, "one of " + ", ".join(_STATES))
        await self._within(timeout, f"reach the state {state!r}", partial(self._reach, state))

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
        await self._within(timeout, wanted, partial(self._begin, life))
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

        async def find() -> Match[bytes]:
            return await (await self._present()).find(regex)

        return await self._within(timeout, f"print {regex.pattern!r}", find)

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

    async def hang(self, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Stop its process group with SIGSTOP; return when its main process does nothing more.

        Raises:
            InvalidState: it has no process now.
            WaitFailed, WaitTimedOut: it has ended, or has not stopped in time.
        """
        self.hang_nowait()
        if not self._stage.is_simulated:
            await self._within(timeout, "hang", self._stop_working)

    def hang_nowait(self) -> None:
        """Send SIGSTOP to its process group. Never blocks.

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

    async def _become_ready(self, condition: Condition | None) -> None:
        life = await self._present()
        if condition is not None:
            await life.unless_over(partial(hold, condition, life))
        elif self._has_to_warm:
            await life.unless_over(self._warm_up)
        else:
            life.check()

    @property
    def _has_to_warm(self) -> bool:
        spec = self.handle.spec
        return isinstance(spec, App) and spec.ready is not None

    async def _warm_up(self) -> None:
        await self._stage.bell.until(lambda: self.state in ("ready", "detached") or None)

    async def _present(self) -> Life:
        """Return the latest life that is not spent, once there is one."""
        return Life(self._stage, self.address, await self._begin(self._spent + 1))

    async def _reach(self, state: str) -> None:
        with self._stage.tree.subscribe() as subscription:
            if self.is_in(state):
                return
            async for event in subscription:
                told = event.address == self.address and self._state_after(event) == state
                if told or self.is_in(state):
                    return
        raise CannotCome(self._end_of_tree())

    def _state_after(self, event: events.Event) -> str | None:
        if isinstance(event, events.ChildStarted):
            return "starting" if self._has_to_warm else "running"
        return _STATE_AFTER.get(type(event))

    def _end_of_tree(self) -> str:
        self._record.is_end_told = True
        try:
            self._stage.tree.check_end()
        except SupctlError as error:
            return f"the tree has ended: {error}"
        return "the tree has ended"

    async def _begin(self, life: int) -> int:
        """Return when ``life`` or a later one has begun: the number of the latest."""

        def begun() -> int | None:
            if (latest := self._record.lives[self.address]) >= life:
                return latest
            if failure := self._record.start_failures.get(self.address):
                raise CannotCome(str(failure))
            if self._stage.tree.ended.is_set():
                raise CannotCome(self._end_of_tree())
            if self._is_ended_for_good():
                raise CannotCome(f"it is {self.state}")
            return None

        return await self._stage.bell.until(begun)

    async def _stop_working(self) -> None:
        try:
            process = psutil.Process(self.pid)
            # Only its parent could be told, and that is the reaper.
            while process.status() != psutil.STATUS_STOPPED:  # noqa: ASYNC110
                await trio.sleep(_LOOK_EVERY)
        except psutil.NoSuchProcess:
            raise CannotCome("it has ended") from None

    def _is_ended_for_good(self) -> bool:
        try:
            supervisor, name = self._stage.tree.find(self.address)
        except InvalidState as error:  # its supervisor does not run
            return error.state in _ENDED_FOR_GOOD
        except ProcessNotFound:
            return True
        # A supervisor that starts will start it, one that stops may come back with it; and
        # while one of a group is on its way, the others only seem to be stopped for good.
        states = {supervisor.state_of(sibling) for sibling in supervisor.names()}
        is_settled = supervisor.state == "running" and states.isdisjoint(_ON_THE_WAY)
        return is_settled and supervisor.state_of(name) in _ENDED_FOR_GOOD

    async def _within(self, seconds: float, wanted: str, wait: Callable[[], Awaitable[T]]) -> T:
        check_seconds("timeout", seconds)
        try:
            with trio.move_on_after(seconds):
                return await wait()
            kind: type[WaitFailed] = WaitTimedOut
            why = f"not within {seconds:g} s"
        except CannotCome as error:
            kind, why = WaitFailed, str(error)
            await Life(self._stage, self.address, self._record.lives[self.address]).last_words()
        raise kind(self.address, wanted, why, self.story()) from None
