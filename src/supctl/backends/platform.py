"""Which backend this system has: asked once, here."""

from __future__ import annotations

import sys
from collections.abc import Callable

from supctl.errors import PlatformNotSupported

from .base import Backend


def open_backend(on_reaper_restarted: Callable[[str, int], None] | None = None) -> Backend:
    """Return the backend of this system, to be entered with ``async with``.

    Args:
        on_reaper_restarted: called, in the trio thread, with the reason and the new pid
            when the reaper was lost and replaced.

    Raises:
        PlatformNotSupported: naming the systems there are backends for.
    """
    if sys.platform == "linux":
        from .linux import LinuxBackend, probe

        return LinuxBackend(probe(), on_reaper_restarted)
    raise PlatformNotSupported(f"supervision on {sys.platform}", "there is a backend for linux")


def service_manager() -> str:
    """Return what starts services at boot here: ``systemd``, ``launchd`` or ``windows``."""
    return {"darwin": "launchd", "win32": "windows"}.get(sys.platform, "systemd")
