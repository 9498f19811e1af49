"""Emptying a log: what was rotated is deleted, and the present file is cut."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from supctl.errors import InvalidConfig

from .marks import marks_of
from .output import Output
from .rotated import leftovers, rotated_files


@dataclass(frozen=True, slots=True)
class Flushed:
    """What was removed.

    Args:
        files: how many files were deleted or emptied.
        size: bytes that they had.
    """

    files: int
    size: int


def check_owned(chosen: Sequence[Output], outputs: Iterable[Output]) -> None:
    """See whether files of ``chosen`` hold nothing else.

    Args:
        outputs: all that there are.

    Raises:
        InvalidConfig: one holds the output of others, too.
    """
    owners = {it.address for it in chosen}
    paths = {it.path for it in chosen if it.path}
    sharing: dict[str, list[str]] = {}
    for it in outputs:
        if it.path in paths:
            sharing.setdefault(it.path, []).append(it.address)
    for path, addresses in sharing.items():
        if not owners.issuperset(addresses):
            named = ", ".join(dict.fromkeys(it for it in addresses if it in owners))
            all_of_them = ", ".join(dict.fromkeys(addresses))
            wanted = f"all whose output is in {path}, or none of them: {all_of_them}"
            raise InvalidConfig("NAME", named, wanted)


def flush(path: Path) -> Flushed:
    """Empty the log whose present file is ``path``; who writes to it goes on at its begin.

    Raises:
        OSError: a file cannot be deleted or emptied.
    """
    doomed: list[tuple[Path, int]] = []
    try:
        # First what may still become a whole file.
        doomed = [(it, 0) for it in leftovers(path)]
        doomed += [(it.path, it.size) for it in rotated_files(path)]
        found = path.stat()
    except FileNotFoundError:  # it was never written
        found = None
    for old, _ in doomed:
        old.unlink(missing_ok=True)
        Path(marks_of(str(old))).unlink(missing_ok=True)
    sizes = [size for _, size in doomed if size]
    if found is not None and stat.S_ISREG(found.st_mode) and found.st_size:
        os.truncate(path, 0)
        Path(marks_of(str(path))).unlink(missing_ok=True)
        sizes.append(found.st_size)
    return Flushed(len(sizes), sum(sizes))
