"""The errors of supctl: one type per situation.

Every error has a stable ``code`` and ``category`` (they travel between processes
and are what scripts may test), keeps its facts as fields, and says in its text
what was seen, what was wanted and what to do next. ``args`` holds the fields in
the order of the constructor, so a copy or the wire can rebuild it.

Everybody imports them from here; a module here is loaded with the first error of it that is
wanted.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from .base import FAULTS as FAULTS
from .base import SupctlError as SupctlError

if TYPE_CHECKING:
    from .actors import ActorDied as ActorDied
    from .actors import ActorGone as ActorGone
    from .actors import ActorTimeout as ActorTimeout
    from .actors import LinkBroken as LinkBroken
    from .actors import Lost as Lost
    from .actors import MailboxFull as MailboxFull
    from .actors import NameTaken as NameTaken
    from .actors import ScriptNotGuarded as ScriptNotGuarded
    from .calls import CircularCall as CircularCall
    from .calls import IsNoStream as IsNoStream
    from .calls import IsStream as IsStream
    from .calls import LoanOver as LoanOver
    from .calls import UnknownMethod as UnknownMethod
    from .config import InvalidConfig as InvalidConfig
    from .daemon import Ambiguous as Ambiguous
    from .daemon import DaemonFailed as DaemonFailed
    from .daemon import NoDaemon as NoDaemon
    from .daemon import PermissionDenied as PermissionDenied
    from .daemon import UpgradeFailed as UpgradeFailed
    from .ipc import CannotDecode as CannotDecode
    from .ipc import CannotEncode as CannotEncode
    from .ipc import ConnectionFull as ConnectionFull
    from .ipc import ConnectionLost as ConnectionLost
    from .ipc import ProtocolError as ProtocolError
    from .ipc import RemoteError as RemoteError
    from .processes import AlreadyRunning as AlreadyRunning
    from .processes import PlatformNotSupported as PlatformNotSupported
    from .processes import ReaperLost as ReaperLost
    from .processes import SpawnFailed as SpawnFailed
    from .processes import StorageFailed as StorageFailed
    from .processes import TerminateFailed as TerminateFailed
    from .supervision import AlreadyPresent as AlreadyPresent
    from .supervision import GaveUp as GaveUp
    from .supervision import InvalidState as InvalidState
    from .supervision import ProcessNotFound as ProcessNotFound
    from .supervision import StartFailed as StartFailed
    from .supervision import TreeEnded as TreeEnded
    from .supervision import Unsupported as Unsupported

_HOLDINGS: Final = {
    ".config": ("InvalidConfig",),
    ".processes": (
        "SpawnFailed",
        "TerminateFailed",
        "ReaperLost",
        "PlatformNotSupported",
        "StorageFailed",
        "AlreadyRunning",
    ),
    ".supervision": (
        "StartFailed",
        "GaveUp",
        "TreeEnded",
        "ProcessNotFound",
        "InvalidState",
        "AlreadyPresent",
        "Unsupported",
    ),
    ".actors": (
        "ActorTimeout",
        "ActorGone",
        "ActorDied",
        "Lost",
        "LinkBroken",
        "MailboxFull",
        "NameTaken",
        "ScriptNotGuarded",
    ),
    ".calls": (
        "UnknownMethod",
        "IsStream",
        "IsNoStream",
        "CircularCall",
        "LoanOver",
    ),
    ".ipc": (
        "ProtocolError",
        "CannotEncode",
        "CannotDecode",
        "RemoteError",
        "ConnectionLost",
        "ConnectionFull",
    ),
    ".daemon": (
        "NoDaemon",
        "DaemonFailed",
        "PermissionDenied",
        "Ambiguous",
        "UpgradeFailed",
    ),
}
_PLACES: Final = {name: module for module, names in _HOLDINGS.items() for name in names}

__all__ = ["FAULTS", "SupctlError", *_PLACES]

if not TYPE_CHECKING:  # a checker knows the names from above, and no others

    def __getattr__(name: str) -> Any:
        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        error = getattr(import_module(_PLACES[name], __name__), name)
        globals()[name] = error
        return error
