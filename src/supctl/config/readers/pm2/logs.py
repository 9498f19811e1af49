"""Where PM2 writes the output of an app, in our words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from .attributes import Attributes

_NOWHERE: Final = ("NULL", "/dev/null")


def log(said: Attributes, became: str, cwd: str, copies: int) -> dict[str, Any]:
    """Return what an app says of its log; nothing where that is what any app has.

    Args:
        cwd: as our format says it for the app: what its paths are relative to.
    """
    became = f"{became}.log"
    out, error = said.get("out_file"), said.get("error_file")
    if said.get("disable_logs") or (out in _NOWHERE and error in _NOWHERE):
        for name in ("disable_logs", "out_file", "error_file"):
            said.map(name, f"{became}.mode")
        for name in ("log_file", "log_type", "log_date_format", "time", "merge_logs"):
            said.leave_out(name, "nothing is stored")
        return {"log": {"mode": "none"}}
    said.map("disable_logs", f"{became}.mode")
    table = {**_mode(said, became), **_files(said, became, cwd, copies)}
    return {"log": table} if table else {}


def _mode(said: Attributes, became: str) -> dict[str, Any]:
    became = f"{became}.mode"
    if said.get("log_type") == "json":
        said.map("log_type", became)
        for name in ("log_date_format", "time"):
            said.leave_out(name, "every record has the time, as ISO 8601 writes it")
        return {"mode": "json"}
    said.leave_out("log_type", "it is raw unless it says json")
    if said.get("log_date_format"):
        said.change("log_date_format", became, "the time is written as ISO 8601 does")
    said.leave_out("log_date_format", "it is empty")
    said.map("time", became)
    has_time = said.get("log_date_format") or said.get("time")
    return {"mode": "timestamped"} if has_time else {}


def _files(said: Attributes, became: str, cwd: str, copies: int) -> dict[str, Any]:
    table: dict[str, Any] = {}
    shared = "all copies write into it, not each into one of its own with a number"
    is_shared = copies > 1 and not said.get("merge_logs")
    for name, ours in (("out_file", "file"), ("error_file", "error_file")):
        path = said.get(name)
        if path in _NOWHERE:
            said.leave_out(name, "the output of an app is dropped altogether or not at all")
        elif path:
            table[ours] = _place(path, cwd)
            if is_shared:
                said.change(name, f"{became}.{ours}", shared)
            said.map(name, f"{became}.{ours}")
    _together(said, became, cwd, table)
    if said.get("merge_logs") and copies > 1 and not table:
        table["merged"] = True
    said.map("merge_logs", f"{became}.merged")
    return table


def _together(said: Attributes, became: str, cwd: str, table: dict[str, Any]) -> None:
    """Put both outputs into one file where the file wants that."""
    if table.get("file") and table.get("file") == table.get("error_file"):
        del table["error_file"]
        table["together"] = True
    path = said.get("log_file")
    if not isinstance(path, str) or not path or path in _NOWHERE:
        said.leave_out("log_file", "supctl logs shows both outputs together in any case")
    elif table:
        said.leave_out("log_file", "a line is written once; supctl logs shows both together")
    else:
        table.update({"file": _place(path, cwd), "together": True})
        said.change("log_file", f"{became}.file", "it is the only file; PM2 writes others besides")


def _place(path: str, cwd: str) -> str:
    """Return where a log lies, as our format says it."""
    path = f"{Path.home()}/{path[1:]}" if path.startswith("~") else path
    return os.path.normpath(os.path.join(cwd, path))
