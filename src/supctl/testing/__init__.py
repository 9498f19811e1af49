"""For those who test: a pytest plugin for real processes, and rehearsals in virtual time.

The fixtures come by themselves (``plugin``); these are the names that tests import.

- ``app`` (on ``view``) and ``tree``: what a test sees; ``blocking``: the same without ``await``.
- ``stage``: a running tree with its ``record`` and its ``output``; ``life`` waits for them.
- ``conditions``: what can be waited for.   ``faults``: chaos from a seed.
- ``ports``, ``leaks``: ports that are ours, and what a test leaves behind.
- ``simulation``: programs that are scripts.   ``sharing``: one app for many test processes,
  run by a ``keeper``.
- ``rehearsal``: whole trees through years of faults.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supctl.backends.simulated import Child as Child
    from supctl.backends.simulated import Program as Program
    from supctl.specs import Http as Http
    from supctl.specs import Output as Output
    from supctl.specs import Tcp as Tcp

    from .app import SupervisedApp as SupervisedApp
    from .blocking import BlockingApp as BlockingApp
    from .blocking import BlockingSupervised as BlockingSupervised
    from .blocking import BlockingTree as BlockingTree
    from .errors import SharedAppLost as SharedAppLost
    from .errors import WaitFailed as WaitFailed
    from .errors import WaitTimedOut as WaitTimedOut
    from .faults import Chaos as Chaos
    from .faults import chaos as chaos
    from .ports import FreePort as FreePort
    from .sharing import SharedApp as SharedApp
    from .sharing import SharedApps as SharedApps
    from .simulation import SimulatedWorld as SimulatedWorld
    from .tree import Supervised as Supervised
    from .tree import SupervisedTree as SupervisedTree

# Loaded on use: pytest imports this package in projects that never use it.
_PLACES = {
    "BlockingApp": "supctl.testing.blocking",
    "BlockingSupervised": "supctl.testing.blocking",
    "BlockingTree": "supctl.testing.blocking",
    "Chaos": "supctl.testing.faults",
    "Child": "supctl.backends.simulated",
    "FreePort": "supctl.testing.ports",
    "Http": "supctl.specs",
    "Output": "supctl.specs",
    "Program": "supctl.backends.simulated",
    "SharedApp": "supctl.testing.sharing",
    "SharedAppLost": "supctl.testing.errors",
    "SharedApps": "supctl.testing.sharing",
    "SimulatedWorld": "supctl.testing.simulation",
    "Supervised": "supctl.testing.tree",
    "SupervisedApp": "supctl.testing.app",
    "SupervisedTree": "supctl.testing.tree",
    "Tcp": "supctl.specs",
    "WaitFailed": "supctl.testing.errors",
    "WaitTimedOut": "supctl.testing.errors",
    "chaos": "supctl.testing.faults",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES])
