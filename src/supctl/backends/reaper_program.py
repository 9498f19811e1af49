"""How a reaper is run, for who starts one or becomes one."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Final

# -I and -S: the reaper sees the standard library and this package, nothing of the user's.
# The path goes last, so that no module of site-packages can stand before the standard library's.
_PROGRAM: Final = (
    "import sys; path = sys.argv.pop(1); sys.path.append(path);"
    "from supctl.backends.reaper.main import main; main()"
)

OWN_DESCRIPTOR_LIMIT: Final = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
"""The limit that this process has come with."""


def raise_descriptor_limit() -> None:
    """Allow this process all the descriptors it may have; programs keep the limit we came with.

    A thousand apps need some thousands of descriptors and the usual soft limit is 1,024. For
    programs of our own only: a limit is the whole process's, and not a library's to change.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def reaper_program(root: Path = Path(__file__).parents[2]) -> list[str]:
    """Return the argument vector of a reaper, but for what its ``main`` describes.

    Args:
        root: the directory that this package is in.
    """
    return [sys.executable, "-I", "-S", "-c", _PROGRAM, str(root)]


def reaper_command(first: str, limit: int = OWN_DESCRIPTOR_LIMIT) -> list[str]:
    """Return the argument vector of a reaper of this code; the arguments are what its ``main``
    describes."""
    return [*reaper_program(), first, str(limit)]
