"""Chaos: random faults at random times, all from one seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self

import trio

from supctl.errors import InvalidConfig

from .app import SupervisedApp
from .blocking import BlockingTree
from .tree import SupervisedTree

FAULTS: Final = ("crash", "kill", "hang")

_HANGS: Final = (0.05, 0.5)
"""Seconds that an app hangs before it may go on: shortest, longest."""


class Chaos:
    """Does harm to random apps of a tree while the block runs: ``with chaos(tree, seed=7):``.

    A fault hits an app that runs, each as likely as the other; there is a random pause before
    every fault. The same seed gives the same draws; in a simulated world it gives the same
    faults, with real programs the world may be quicker or slower. What hangs goes on after a
    while, and at the end of the block. The report of a test that fails tells the seed and all
    that was done.

    Args:
        tree: of either kind of test.
        seed: where the draws begin; a new one each time when ``None``.
        rate: faults a second, on average, in all of the tree.
        faults: which, out of ``"crash"``, ``"kill"`` and ``"hang"``.

    Attributes:
        seed: what was given, or what was chosen.
        done: what was done and when, a line each.

    Raises:
        InvalidConfig: naming the argument.
    """

    def __init__(
        self,
        tree: SupervisedTree | BlockingTree,
        *,
        seed: int | None = None,
        rate: float = 1.0,
        faults: Sequence[str] = FAULTS,
    ) -> None:
        if not isinstance(tree, SupervisedTree | BlockingTree):
            raise InvalidConfig("chaos(tree)", tree, "a tree of supervised or simulated_world")
        if not 0 < rate < float("inf"):
            raise InvalidConfig("rate", rate, "more than 0 faults a second")
        if not faults or isinstance(faults, str) or not set(faults) <= set(FAULTS):
            raise InvalidConfig("faults", faults, f"some of {', '.join(FAULTS)}")
        self.seed = random.randrange(2**32) if seed is None else seed
        self.done: list[str] = []
        self._given, self._rate, self._faults = tree, rate, tuple(faults)
        self._tree = tree.inner if isinstance(tree, BlockingTree) else tree
        self._random = random.Random(self.seed)
        self._scope = trio.CancelScope()
        self._hung: list[SupervisedApp] = []

    def __enter__(self) -> Self:
        self._in_loop(self._begin)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._in_loop(self._end)

    def _in_loop(self, step: Callable[[], None]) -> None:
        if isinstance(self._given, BlockingTree):
            self._given.portal.ask(step)
        else:
            step()

    def _begin(self) -> None:
        self._began_at = trio.current_time()
        self._tree.nursery.start_soon(self._run)

    def _end(self) -> None:
        self._scope.cancel()
        for app in self._hung:
            app.let_go()
        title = f"supctl: chaos, seed {self.seed}"
        self._tree.note(title, "\n".join(self.done) or "nothing was done")

    async def _run(self) -> None:
        with self._scope:
            async with trio.open_nursery() as nursery:
                while True:
                    await trio.sleep(self._random.expovariate(self._rate))
                    fault, hang = self._random.choice(self._faults), self._random.uniform(*_HANGS)
                    running = [app for app in self._tree.apps() if app.is_in("running")]
                    if running:
                        app = self._random.choice(running)
                        self._strike(fault, app)
                        if fault == "hang":
                            nursery.start_soon(self._let_go_after, hang, app)

    def _strike(self, fault: str, app: SupervisedApp) -> None:
        at = trio.current_time() - self._began_at
        self.done.append(f"after {at:.3f} s: {fault} {app.address}, pid {app.pid}")
        match fault:
            case "crash":
                app.crash()
            case "kill":
                app.kill()
            case _:
                app.hang_nowait()
                self._hung.append(app)

    async def _let_go_after(self, seconds: float, app: SupervisedApp) -> None:
        await trio.sleep(seconds)
        app.let_go()


chaos = Chaos
"""The name it goes by in a ``with``: what happens there, as with :func:`contextlib.suppress`."""
