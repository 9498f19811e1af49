"""Which backend this system has: asked once, here."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable

from supctl.errors import PlatformNotSupported

from .base import Backend


def open_backend(
    on_reaper_restarted: Callable[[str, int], None] | None = None, link: int | None = None
) -> Backend:
    """Return the backend of this system, to be entered with ``async with``.

    Args:
        on_reaper_restarted: called, in the trio thread, with the reason and the new pid
            when the reaper was lost and replaced.
        link: descriptor of the link to the reaper that has started us, if one has; what there was
            before is taken over then.

    Raises:
        PlatformNotSupported: naming the systems there are backends for.
    """
    if sys.platform == "linux":
        from .linux import LinuxBackend, probe
        from .reaper_link import ReaperLink

        above = None if link is None else ReaperLink(socket.socket(fileno=link))
        return LinuxBackend(probe(), on_reaper_restarted, above)
    raise PlatformNotSupported(f"supervision on {sys.platform}", "there is a backend for linux")


def service_manager() -> str:
    """Return what starts services at boot here: ``systemd``, ``launchd`` or ``windows``."""
    return {"darwin": "launchd", "win32": "windows"}.get(sys.platform, "systemd")
