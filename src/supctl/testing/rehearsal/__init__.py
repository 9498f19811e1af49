"""Rehearsals: a whole tree through thousands of hours of faults, in seconds of real time.

- ``faults``: which faults, and how often; ``fate``: what they come to for one app.
- ``cast``: stand-ins in place of the programs and actors of a tree.
- ``perform``: runs it all; ``replay``: the same again from the same seed.
- ``ledger``: from events to outages; ``report``: the figures; ``verdict``: what they mean.
- ``terminal``, ``svg``: pictures of a report.
"""

from .faults import FaultPlan as FaultPlan
from .faults import parse_faults as parse_faults
from .perform import rehearse as rehearse
from .report import Report as Report
