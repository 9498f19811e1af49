"""supctl: Erlang-style supervision trees for Python code and operating-system processes.

The packages, from the bottom up; each may import only what stands above it here:

- ``errors``, ``exits``, ``specs``, ``events``: the vocabulary.
- ``ipc``: how processes talk.
- ``backends``: how an operating system does it; the reaper.   ``logs``: capture of output.
- ``actors``: who does it: actors, and the app actor that is one managed program.
- ``supervision``: what should happen: strategies, intensity, back-off, the tree.
- ``config``: files people write, turned into specs.
- ``control``: talking with the daemon.   ``daemon``: the daemon itself.
- ``testing``: a pytest plugin for real processes, and rehearsals in virtual time.
- ``cli``: the ``supctl`` command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__

if TYPE_CHECKING:
    from .actors.actor import Actor as Actor
    from .actors.idempotent import idempotent as idempotent
    from .actors.message import Ended as Ended
    from .actors.ref import Ref as Ref
    from .control.connector import connect as connect
    from .specs import App as App
    from .specs import Backoff as Backoff
    from .specs import Delay as Delay
    from .specs import DynamicSupervisor as DynamicSupervisor
    from .specs import Exec as Exec
    from .specs import Health as Health
    from .specs import Http as Http
    from .specs import Limits as Limits
    from .specs import Log as Log
    from .specs import Notify as Notify
    from .specs import Output as Output
    from .specs import PartitionSupervisor as PartitionSupervisor
    from .specs import Pool as Pool
    from .specs import Ready as Ready
    from .specs import Secret as Secret
    from .specs import Sources as Sources
    from .specs import StartRate as StartRate
    from .specs import Stop as Stop
    from .specs import Supervisor as Supervisor
    from .specs import Tcp as Tcp
    from .specs import Watchdog as Watchdog
    from .specs import Worker as Worker
    from .specs.ignore import IGNORE as IGNORE
    from .supervision.foreground import run as run
    from .supervision.opening import open_tree as open_tree
    from .supervision.tree import Tree as Tree

# Loaded on use: `supctl --help` must not pay for trio, and the reaper imports
# modules of this package with nothing but the standard library.
_PLACES = {
    "Actor": ".actors.actor",
    "App": ".specs",
    "Backoff": ".specs",
    "Delay": ".specs",
    "DynamicSupervisor": ".specs",
    "Ended": ".actors.message",
    "Exec": ".specs",
    "Health": ".specs",
    "Http": ".specs",
    "IGNORE": ".specs.ignore",
    "Limits": ".specs",
    "Log": ".specs",
    "Notify": ".specs",
    "Output": ".specs",
    "PartitionSupervisor": ".specs",
    "Pool": ".specs",
    "Ready": ".specs",
    "Ref": ".actors.ref",
    "Secret": ".specs",
    "Sources": ".specs",
    "StartRate": ".specs",
    "Stop": ".specs",
    "Supervisor": ".specs",
    "Tcp": ".specs",
    "Tree": ".supervision.tree",
    "Watchdog": ".specs",
    "Worker": ".specs",
    "connect": ".control.connector",
    "idempotent": ".actors.idempotent",
    "open_tree": ".supervision.opening",
    "run": ".supervision.foreground",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_PLACES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES])
