"""The keys of ``supctl.toml``: every table, what its keys are called, how each is read, and what
it means.

What is said here once gives the reading, the writing, the unknown-key messages, the types, the
JSON Schema and docs/configuration.md. A key that is left out keeps the default of the spec it goes
to (:mod:`supctl.specs`).
"""

from .children import AppKeys as AppKeys
from .children import ChildKeys as ChildKeys
from .children import DefaultsKeys as DefaultsKeys
from .children import RootKeys as RootKeys
from .children import RunKeys as RunKeys
from .children import SupervisorKeys as SupervisorKeys
from .children import WorkerKeys as WorkerKeys
from .files import FileKeys as FileKeys
from .files import LayerKeys as LayerKeys
from .files import ServiceKeys as ServiceKeys
from .files import ServicesKeys as ServicesKeys
from .policies import BackoffKeys as BackoffKeys
from .policies import HealthKeys as HealthKeys
from .policies import LimitsKeys as LimitsKeys
from .policies import LogKeys as LogKeys
from .policies import ReadyKeys as ReadyKeys
from .policies import StartRateKeys as StartRateKeys
from .policies import StopKeys as StopKeys
from .policies import WatchKeys as WatchKeys
from .types import Copies as Copies
from .types import Flag as Flag
from .types import Names as Names
from .types import Number as Number
from .types import Patience as Patience
from .types import Seconds as Seconds
from .types import Text as Text
from .types import Whole as Whole
from .types import rlimit_names as rlimit_names
