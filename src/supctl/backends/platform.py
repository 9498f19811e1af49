"""Which backend this system has: asked once, here."""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING

from supctl.errors import PlatformNotSupported

from .base import Backend, OnReaperRestarted

if TYPE_CHECKING:
    from .reaper_link import Heirs


def open_backend(
    on_reaper_restarted: OnReaperRestarted | None = None,
    link: int | None = None,
    heirs: Heirs | None = None,
) -> Backend:
    """Return the backend of this system, to be entered with ``async with``.

    Args:
        on_reaper_restarted: called when the reaper was lost and replaced.
        link: descriptor of the link to the reaper that has started us, if one has; what there was
            before is taken over then.
        heirs: with ``link``: who supervises after us.

    Raises:
        PlatformNotSupported: naming the systems there are backends for.
    """
    if sys.platform == "linux":
        from .linux import LinuxBackend, probe
        from .reaper_link import ReaperLink

        if link is None:
            return LinuxBackend(probe(), on_reaper_restarted)
        above = ReaperLink(socket.socket(fileno=link))
        ours = probe(head=os.getppid())  # the reaper
        return LinuxBackend(ours, on_reaper_restarted, above, heirs)
    raise PlatformNotSupported(f"supervision on {sys.platform}", "there is a backend for linux")


def service_manager() -> str:
    """Return what starts services at boot here: ``systemd``, ``launchd`` or ``windows``."""
    return {"darwin": "launchd", "win32": "windows"}.get(sys.platform, "systemd")
