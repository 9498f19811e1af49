"""What a file is on: a disk of this machine, or something that others must answer for."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Final

_REMOTE: Final = ("nfs", "cifs", "smb", "fuse", "9p", "ceph", "afs", "lustre", "virtiofs")
"""What the names of such file systems begin with."""


def is_local(fd: int) -> bool:
    """Whether an open file is on a file system of this machine; so is one that nobody knows."""
    return not _type_of(os.fstat(fd).st_dev).startswith(_REMOTE)


@lru_cache(maxsize=64)
def _type_of(device: int) -> str:
    """Return the type of the file system on a device, empty if it is not known (proc(5))."""
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    for mount in mounts:
        place, _, kind = mount.partition(" - ")
        if place.split()[2] == number:
            return kind.split()[0]
    return ""
