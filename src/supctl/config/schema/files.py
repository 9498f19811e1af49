"""Tables of files as a whole."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from msgspec import Meta

from supctl.config.reading import By
from supctl.config.values import parse_include

from .types import Flag, Text, Whole


class FileKeys(TypedDict, total=False):
    """A file, or a profile of it."""

    supervisor: Any
    """The root of the tree."""
    log: Any
    """What becomes of the output of all programs that do not say it themselves."""
    defaults: Any
    """What programs do not say themselves."""
    watch_config: Flag
    """Whether what runs follows edits of this file, and of all that it is made of."""
    apps: Any
    """Programs, workers and supervisors, a table for each, in the order of their start."""


class LayerKeys(FileKeys, total=False):
    """A file that may include others."""

    include: Annotated[list[str], By(parse_include)]
    """Files that this one overrides, relative to it; later ones override earlier ones."""
    profiles: Any
    """What overrides the file when a profile is chosen: a table with its keys for each."""


class ServiceKeys(TypedDict, total=False):
    """An element of ``services`` in gosv's ``services.json``."""

    name: Text
    command: Text
    args: Annotated[list[str], Meta(description="a list of texts")]
    max_restarts: Whole
    memory_mb: Annotated[int, Meta(ge=0, le=2**40, description="megabytes, 0 or more")]
    cpu_percent: Annotated[int, Meta(ge=0, le=409_600, description="percent, 0 or more")]


class ServicesKeys(TypedDict, total=False):
    """gosv's ``services.json`` itself."""

    services: Any
