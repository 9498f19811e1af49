"""``IGNORE``: what a start answers that finds itself not needed."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Ignore(Enum):
    """The type of :data:`IGNORE`."""

    IGNORE = "ignore"


IGNORE: Final = Ignore.IGNORE
"""Returned by an actor's ``init``, or in place of a supervisor's children: it is not needed.

It does not run, and its supervisor goes on as if it did (OTP's ``ignore``).
"""
