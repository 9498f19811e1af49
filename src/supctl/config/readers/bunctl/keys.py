"""The keys of ``bunctl.json``: what each is called and how it is read."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypedDict

from msgspec import Meta

from supctl.config.reading import By, Each
from supctl.config.schema import Flag, Number, Text, Whole
from supctl.config.units import parse_duration, parse_size
from supctl.config.values import parse_env_value, parse_memory, parse_word
from supctl.errors import InvalidConfig

_RESTARTS: Final = {
    "no": "never",
    "always": "always",
    "on-failure": "on-failure",
    "unless-stopped": "unless-stopped",
}
_EXHAUSTED: Final = {"stop": "stop", "remove": "stop"}


def _duration(field: str, value: object) -> float:
    """Return seconds: from ``{"secs": 10, "nanos": 0}``, as bunctl writes them, or as we do."""
    if not isinstance(value, dict):
        return parse_duration(field, value)
    seconds, nanoseconds = value.get("secs", 0), value.get("nanos", 0)
    is_right = all(type(it) is int and 0 <= it < 2**63 for it in (seconds, nanoseconds))
    if not is_right or value.keys() - {"secs", "nanos"}:
        raise InvalidConfig(field, value, '{"secs": 10, "nanos": 0}, or a duration such as "10s"')
    return float(seconds + nanoseconds / 1e9)


def _restart(field: str, value: object) -> str:
    return parse_word(field, value, _RESTARTS)


def _exhausted(field: str, value: object) -> str:
    return parse_word(field, value, _EXHAUSTED)


Seconds = Annotated[float, By(_duration)]
Words = Annotated[list[str], Meta(description="a list of texts")]
Share = Annotated[float, Meta(ge=0, le=1, description="a number from 0 to 1")]


class BackoffKeys(TypedDict, total=False):
    """``backoff``."""

    base_delay_ms: Number
    max_delay_ms: Number
    multiplier: Number
    jitter: Share
    max_attempts: Whole
    exhausted_action: Annotated[str, By(_exhausted)]


class CheckKeys(TypedDict, total=False):
    """``health_check``."""

    check_type: Any
    interval: Seconds
    timeout: Seconds
    retries: Whole
    start_period: Seconds


class TypeKeys(TypedDict, total=False):
    """``health_check.check_type``."""

    type: Text
    url: Text
    expected_status: Whole
    host: Text
    port: Whole
    command: Text
    args: Words


class AppKeys(TypedDict, total=False):
    """An element of ``apps``."""

    name: Text
    command: Text
    args: Words
    cwd: Text
    env: Annotated[dict[str, str], Each(parse_env_value)]
    auto_start: Flag
    restart_policy: Annotated[str, By(_restart)]
    max_memory: Annotated[int, By(parse_memory)]
    max_cpu_percent: Number
    uid: Whole
    gid: Whole
    stdout_log: Text
    stderr_log: Text
    combined_log: Text
    log_max_size: Annotated[int, By(parse_size)]
    log_max_files: Whole
    health_check: Any
    stop_timeout: Seconds
    kill_timeout: Seconds
    backoff: Any


class FileKeys(TypedDict, total=False):
    """The file itself."""

    apps: Any
