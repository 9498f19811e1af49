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

_own_descriptor_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def raise_descriptor_limit() -> None:
    """Allow this process all the descriptors it may have; programs keep the limit we came with.

    A thousand apps need some thousands of descriptors and the usual soft limit is 1,024. For
    programs of our own only: a limit is the whole process's, and not a library's to change.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def reaper_command(first: str) -> list[str]:
    """Return the argument vector of a reaper, ``first`` being what its ``main`` describes."""
    root = str(Path(__file__).parents[2])
    limit = str(_own_descriptor_limit)
    return [sys.executable, "-I", "-S", "-c", _PROGRAM, root, first, limit]
