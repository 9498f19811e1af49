"""Child specs: immutable, validated descriptions of what a supervisor holds.

``App`` describes a program, ``Worker`` a Python actor, ``Supervisor`` a subtree.
A spec is checked when it is made (:class:`~supctl.errors.InvalidConfig`), never later.
"""

from .app import App as App
from .app import Limits as Limits
from .app import Stop as Stop
from .health import Health as Health
from .health import Ready as Ready
from .log import Log as Log
from .policy import AutoShutdown as AutoShutdown
from .policy import Backoff as Backoff
from .policy import Exhausted as Exhausted
from .policy import Intensity as Intensity
from .policy import Jitter as Jitter
from .policy import Restart as Restart
from .policy import Start as Start
from .policy import StartFailures as StartFailures
from .policy import StartRate as StartRate
from .policy import Strategy as Strategy
from .pool import Pool as Pool
from .probe import Delay as Delay
from .probe import Exec as Exec
from .probe import Http as Http
from .probe import Notify as Notify
from .probe import Output as Output
from .probe import Probe as Probe
from .probe import Tcp as Tcp
from .probe import Watchdog as Watchdog
from .secret import Secret as Secret
from .sources import Sources as Sources
from .supervisor import ChildSpec as ChildSpec
from .supervisor import DynamicSupervisor as DynamicSupervisor
from .supervisor import PartitionSupervisor as PartitionSupervisor
from .supervisor import Supervisor as Supervisor
from .worker import Worker as Worker
