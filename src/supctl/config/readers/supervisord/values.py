"""supervisord's values: lists of codes, variables, the three policies of restarting, log files."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class Output:
    """What becomes of a program's output.

    Args:
        table: our ``log`` table.
        became: keys of supervisord's that went elsewhere than usual, and where.
        left_out: those that mean nothing here, and why.
    """

    table: dict[str, Any]
    became: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def output(texts: Texts) -> Output:
    """Return what becomes of a program's output."""
    auto, together = _Place("auto"), texts.flag("redirect_stderr", False)
    out = texts.get("stdout_logfile", _place, auto)
    error = out if together else texts.get("stderr_logfile", _place, auto)
    if texts.flag("stdout_syslog", False) or out.kind == "syslog":
        made = _elsewhere({"to": "syslog"}, "log.to", out.kind == error.kind)
    elif out.kind == "none" and error.kind == "none":
        made = _elsewhere({"mode": "none"}, "log.mode", True)
    elif out.kind == "stream":
        made = _elsewhere({"to": out.name}, "log.to", out.kind == error.kind)
    else:
        made = _files(texts, out, error, together)
    if together:
        made.left_out["stderr_logfile"] = "standard error goes where standard output goes"
    return made


def _elsewhere(table: dict[str, Any], became: str, is_for_both: bool) -> Output:
    """Return what becomes of output that goes to no file."""
    made = Output(table, {"stdout_logfile": became})
    no_file = ("stdout_logfile_maxbytes", "stdout_logfile_backups", "redirect_stderr")
    made.left_out = dict.fromkeys(no_file, "no file is written")
    if is_for_both:
        made.became["stderr_logfile"] = became
    else:
        made.left_out["stderr_logfile"] = "both streams go to the same place here, if not to files"
    return made


def _files(texts: Texts, out: _Place, error: _Place, together: bool) -> Output:
    table: dict[str, Any] = {"together": True} if together else {}
    if out.kind == "file":
        table["file"] = out.name
    if error.kind == "file" and not together:
        table["error_file"] = error.name
    if "stdout_logfile_maxbytes" in texts.values:
        table["max_size"] = texts.get("stdout_logfile_maxbytes", parse_size, 1) or "unlimited"
    if "stdout_logfile_backups" in texts.values:
        table["keep"] = texts.whole("stdout_logfile_backups", 0)
    places = {"stdout_logfile": out, "stderr_logfile": error}
    odd = [key for key, place in places.items() if place.kind not in ("file", "auto")]
    reason = "both streams are kept in files here, or none is"
    return Output(table, left_out=dict.fromkeys(odd, reason))
