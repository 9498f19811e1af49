"""How long it takes to rehearse a tree."""

from __future__ import annotations

import time

from supctl import App, Supervisor
from supctl.testing.rehearsal import rehearse


def seconds_for(hours: float) -> float:
    """Return the processor time that so many virtual hours of a tree of 20 apps take."""
    spec = _shop()
    began_at = time.process_time()
    rehearse(spec, hours=hours, seed=7)
    return time.process_time() - began_at


def _shop() -> Supervisor:
    """Return four parts of five apps each; all is as by default, and the root as in a file."""
    strategies = ("one_for_one", "one_for_all", "rest_for_one", "one_for_one")
    parts = [
        Supervisor(
            f"part{part}", [App(f"app{n}", ["program"]) for n in range(5)], strategy=strategy
        )
        for part, strategy in enumerate(strategies)
    ]
    return Supervisor("shop", parts, max_restarts=None)
