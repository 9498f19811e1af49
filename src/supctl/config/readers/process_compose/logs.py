"""Log files."""

from __future__ import annotations

from typing import Any, Final

from .schema import LoggerKeys, RotationKeys
from .table import Table

_DAY: Final = 86_400
_MEGABYTE: Final = 2**20

_NOTHING: Final = "supctl has one form of JSON lines"
_LEFT_OUT: Final = {
    "fields_order": _NOTHING,
    "timestamp_format": "supctl writes times as of RFC 3339",
    "no_metadata": _NOTHING,
    "no_color": "output is stored as it comes",
    "flush_each_line": "nothing is held back",
}


def log_of(table: Table) -> dict[str, Any]:
    """Return ``log`` of a process or of the file; empty if it says nothing."""
    log: dict[str, Any] = {}
    file = table.take("log_location", "log.file")
    if file:
        log |= {"file": file, "together": True}
    table.leave_out({"truncate_log": "supctl adds to what is there"})
    logger = table.below("log_configuration", LoggerKeys)
    logger.leave_out(_LEFT_OUT)
    plain = logger.take("disable_json", "log.mode")
    stamped = logger.take("add_timestamp", "log.mode")
    if file:
        log["mode"] = ("timestamped" if stamped else "raw") if plain else "json"
    rotation = logger.below("rotation", RotationKeys)
    return {**log, **_rotation(rotation)} if file else {}


def _rotation(rotation: Table) -> dict[str, Any]:
    """Return what is kept of old files; without a word of it, process-compose rotates none."""
    size = rotation.take("max_size_mb", "log.max_size")
    days = rotation.take("max_age_days", "log.keep_for")
    backups = rotation.take("max_backups", "log.keep")
    told: dict[str, Any] = {
        "max_size": size * _MEGABYTE if size else "unlimited",
        "keep": backups or "unlimited",
    }
    if days:
        told["keep_for"] = days * _DAY
    if rotation.take("compress", "log.compress"):
        told["compress"] = "gzip"
    return told
