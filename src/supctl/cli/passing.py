"""Signals that ``supctl up`` passes on to a program when it is the first process of a container."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from typing import Final

import trio

from supctl.errors import InvalidState
from supctl.exits import signal_name
from supctl.supervision.tree import Tree

PASSED_ON: Final = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH)


class Passing:
    """Passes a signal on to the one program that it can be meant for.

    That is the only essential app, or the only app of all.

    Args:
        note: tells people something.
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note

    def handlers(self) -> dict[signal.Signals, Callable[[Tree], Awaitable[None]]]:
        """Return what to do at which signal."""

        def handler(number: signal.Signals) -> Callable[[Tree], Awaitable[None]]:
            async def pass_on(tree: Tree) -> None:
                await trio.lowlevel.checkpoint()
                self._pass_on(tree, number)

            return pass_on

        return {number: handler(number) for number in PASSED_ON}

    def _pass_on(self, tree: Tree, number: signal.Signals) -> None:
        apps = [handle for handle in tree if handle.status.kind == "app"]
        chosen = [handle for handle in apps if handle.spec.essential] or apps
        name = signal_name(number)
        if len(chosen) != 1:
            if number is not signal.SIGWINCH:  # a terminal sends it at every change of its size
                mend = "make one app essential, and it is passed on to that"
                self._note(f"{name}: nobody knows which of {len(chosen)} apps it is for; {mend}")
            return
        (app,) = chosen
        try:
            app.signal(number)
        except InvalidState as error:
            self._note(f"{name} is not passed on: {error}")
