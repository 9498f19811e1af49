"""Types of keys that many tables have."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

from supctl.config.reading import By
from supctl.config.units import parse_duration, parse_patience, write_patience

Text: TypeAlias = Annotated[str, Meta(min_length=1, description="text, not empty")]
Flag: TypeAlias = Annotated[bool, Meta(description="true or false")]
Whole: TypeAlias = Annotated[int, Meta(description="a whole number")]
Number: TypeAlias = Annotated[float, Meta(description="a number")]
Seconds: TypeAlias = Annotated[float, By(parse_duration)]
Patience: TypeAlias = Annotated[float | None, By(parse_patience, write_patience)]

Names: TypeAlias = Annotated[list[str], Meta(description="a list of names")]

Copies: TypeAlias = Annotated[int, Meta(ge=1, le=10_000, description="a number from 1 to 10000")]
"""More would be a slip of the finger: a program that starts them is hard to stop."""

Port: TypeAlias = Annotated[int, Meta(ge=1, le=65535, description="a number from 1 to 65535")]


def rlimit_names() -> tuple[str, ...]:
    """Return the names of this system's resource limits as files write them: ``nofile``."""
    import resource  # only here: not every system has it

    prefix = "RLIMIT_"
    return tuple(n.removeprefix(prefix).lower() for n in dir(resource) if n.startswith(prefix))
