"""supervisord's values: lists of codes, variables, the three policies of restarting, log files."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import Any, Final

from supctl.config.texts import Texts, parse_flag, parse_whole
from supctl.config.units import parse_size
from supctl.errors import InvalidConfig

_VARIABLES_WANTED: Final = 'variables such as KEY="value",OTHER="two words"'
_LONGEST_PAUSE: Final = 30
"""Seconds; supervisord waits one second more before every try, for as many as there are."""

_STREAMS: Final = {
    **dict.fromkeys(("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/1/fd/1"), "stdout"),
    **dict.fromkeys(("/dev/stderr", "/dev/fd/2", "/proc/self/fd/2", "/proc/1/fd/2"), "stderr"),
}


def parse_variables(field: str, value: str) -> dict[str, str]:
    """Return the variables of ``KEY="value",OTHER="two words"``. Raises InvalidConfig."""
    lexer = shlex.shlex(value)
    lexer.wordchars += "/.+-():"
    variables = {}
    try:
        words = list(lexer)
    except ValueError as error:  # a quote that is not closed
        raise InvalidConfig(field, value, _VARIABLES_WANTED, f"{error}".lower()) from None
    for start in range(0, len(words), 4):
        match words[start : start + 4]:
            case [name, "=", text] | [name, "=", text, ","]:
                variables[name] = text.strip("'\"")
            case _:
                mend = f"is there a comma or a quote missing near {words[start]!r}?"
                raise InvalidConfig(field, value, _VARIABLES_WANTED, mend)
    return variables


def parse_codes(field: str, value: str) -> list[int]:
    """Return exit codes, commas between them. Raises InvalidConfig."""
    codes = [parse_whole(field, code.strip()) for code in value.split(",") if code.strip()]
    if any(code > 255 for code in codes):
        raise InvalidConfig(field, value, "exit codes from 0 to 255, commas between them")
    return codes


def parse_autorestart(field: str, value: str) -> bool | None:
    """Return whether there are restarts; ``None``: after ends that are not expected."""
    if value.lower() == "unexpected":
        return None
    try:
        return parse_flag(field, value)
    except InvalidConfig:
        raise InvalidConfig(field, value, "true, false or unexpected") from None


def restarts(texts: Texts) -> dict[str, Any]:
    """Return when a program is started again, as our keys say it."""
    policy = texts.get("autorestart", parse_autorestart, None)
    seconds, retries = texts.whole("startsecs", 1), texts.whole("startretries", 3)
    codes = texts.get("exitcodes", parse_codes, [0])
    if policy is False:
        return {"restart": "never"}
    table: dict[str, Any] = {"restart": "always"}
    if policy is None:
        table["restart"] = "on-failure" if 0 in codes else "always"
        if stop_codes := [code for code in codes if code or table["restart"] == "always"]:
            table["stop_exit_codes"] = stop_codes
    pause = min(max(retries, 1), _LONGEST_PAUSE)
    rhythm = {"initial": "1s", "factor": 2, "maximum": f"{pause}s", "jitter": "none"}
    table["backoff"] = {**rhythm, "reset_after": f"{seconds}s"}
    return {**table, "give_up_after": retries, **({"min_uptime": f"{seconds}s"} if seconds else {})}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a stream goes: nowhere, to a file of supervisord's or a named one, to a stream of its
    own, to syslog."""

    kind: str
    name: str = ""


def _place(_: str, value: str) -> _Place:
    word = value.lower()
    if word in ("none", "off", "/dev/null"):
        return _Place("none")
    if word in ("auto", "syslog"):
        return _Place(word)
    if word in _STREAMS:
        return _Place("stream", _STREAMS[word])
    return _Place("file", os.path.expanduser(value))  # noqa: PTH111, ~nobody is no error


def log(texts: Texts) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a program's ``log`` table, and why keys are left out of it."""
    auto, together = _Place("auto"), texts.flag("redirect_stderr", False)
    out = texts.get("stdout_logfile", _place, auto)
    error = out if together else texts.get("stderr_logfile", _place, auto)
    reasons = {}
    if together and "stderr_logfile" in texts.values:
        reasons["stderr_logfile"] = "standard error goes where standard output goes"
    if texts.flag("stdout_syslog", False) or out.kind == "syslog":
        table: dict[str, Any] = {"to": "syslog"}
    elif out.kind == "none" and error.kind == "none":
        table = {"mode": "none"}
    elif out.kind == "stream":
        table = {"to": out.name}
    else:
        return _files(texts, out, error, together), reasons | _odd(out, error)
    return table, reasons | _pointless(texts, out, error)


def _files(texts: Texts, out: _Place, error: _Place, together: bool) -> dict[str, Any]:
    table: dict[str, Any] = {"together": True} if together else {}
    if out.kind == "file":
        table["file"] = out.name
    if error.kind == "file" and not together:
        table["error_file"] = error.name
    if "stdout_logfile_maxbytes" in texts.values:
        table["max_size"] = texts.get("stdout_logfile_maxbytes", parse_size, 1) or "unlimited"
    if "stdout_logfile_backups" in texts.values:
        table["keep"] = texts.whole("stdout_logfile_backups", 0)
    return table


def _odd(out: _Place, error: _Place) -> dict[str, str]:
    """Return what is left out where one stream goes to a file and the other does not."""
    reason = "both streams are kept in files here, or none is"
    odd = {"stdout_logfile": out, "stderr_logfile": error}
    return {key: reason for key, place in odd.items() if place.kind not in ("file", "auto")}


def _pointless(texts: Texts, out: _Place, error: _Place) -> dict[str, str]:
    """Return what is left out where no file is written."""
    reasons = dict.fromkeys(
        ("stdout_logfile_maxbytes", "stdout_logfile_backups", "redirect_stderr"),
        "no file is written",
    )
    if out.kind != error.kind:
        reasons["stderr_logfile"] = "both streams go to the same place here, if not to files"
    return reasons
