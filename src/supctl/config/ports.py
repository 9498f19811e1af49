"""Ports that several apps of a tree have: legal, and hardly ever meant."""

from __future__ import annotations

from collections.abc import Iterator

from supctl.specs import Supervisor

from .surroundings import PlaceOf, apps_of


def shared_ports(root: Supervisor, place_of: PlaceOf) -> Iterator[str]:
    """Yield a sentence for each app whose ports begin among those of another one."""
    ported = [(app.port, app.instances, path) for path, app in apps_of(root) if app.port]
    end, others = 0, ""
    for port, instances, path in sorted(ported):
        place = place_of(path)
        if port < end:
            yield f"{others} and {place} both have port {port}"
        if port + instances > end:
            end, others = port + instances, place
