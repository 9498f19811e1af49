"""Trees of projects, as the daemon is told and keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import trio

from supctl.config.document import read_native
from supctl.config.mistakes import ConfigErrors
from supctl.errors import InvalidConfig
from supctl.specs import Supervisor


async def read_tree(project: str, tree: dict[str, Any]) -> Supervisor:
    """Return what a tree describes. In a thread: that of a thousand apps takes a tenth of a second.

    Raises:
        InvalidConfig: it cannot work.
    """
    return await trio.to_thread.run_sync(_read_now, project, tree)


def _read_now(project: str, tree: dict[str, Any]) -> Supervisor:
    try:
        return read_native(tree, project, Path("/"), {})
    except ConfigErrors as errors:
        raise InvalidConfig("tree", project, "a tree that can work", str(errors)) from None
