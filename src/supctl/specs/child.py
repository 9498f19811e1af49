"""What every child spec has, whatever it describes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from supctl.errors import InvalidConfig

from .dependencies import Dependencies, read_dependencies
from .names import check_name
from .policy import Backoff, Exhausted, Restart, check_count, check_seconds

Put: TypeAlias = Callable[[str, object], None]

UNLESS_STOPPED: Final = "unless-stopped"
"""As a restart type: ``permanent``, and a stop by an operator outlasts the supervising process."""

_BACKOFF: Final = Backoff()

_WITHIN: Final = 60.0
"""Seconds, where a child has ``max_restarts`` and not ``within``."""


def put_child_fields(
    put: Put,
    *,
    name: str,
    restart: Restart | str,
    backoff: Backoff | None,
    give_up_after: int | None,
    exhausted: Exhausted | str,
    significant: bool,
    essential: bool,
    depends_on: Dependencies,
    autostart: bool,
    tags: Sequence[str],
    has_limit: bool = False,
) -> None:
    """Check the fields that all child specs share and hand them to ``put``.

    Args:
        has_limit: there is a limit to its restarts besides ``give_up_after``.

    Raises:
        InvalidConfig: naming the field and what it wanted.
    """
    stays_stopped = restart == UNLESS_STOPPED
    restart = Restart.PERMANENT if stays_stopped else _restart(restart)
    exhausted = Exhausted.of("exhausted", exhausted)
    if give_up_after is not None:
        check_count("give_up_after", give_up_after, 0)
    elif exhausted is not Exhausted.STOP and not has_limit:
        raise InvalidConfig("exhausted", str(exhausted), "a limit to restarts with it")
    if significant and restart is Restart.PERMANENT:  # OTP-SPEC-07: it never ends for good
        raise InvalidConfig("significant", significant, "restart transient or temporary with it")
    if isinstance(tags, str):
        raise InvalidConfig("tags", tags, f"a list of words, such as [{tags!r}]")
    put("name", check_name(name))
    put("restart", restart)
    put("stays_stopped", stays_stopped)
    put("backoff", backoff or _BACKOFF)
    put("give_up_after", give_up_after)
    put("exhausted", exhausted)
    put("significant", significant)
    put("essential", essential)
    put("depends_on", read_dependencies(depends_on))
    put("autostart", autostart)
    put("tags", tuple(dict.fromkeys(map(_tag, tags))))


def put_run_fields(
    put: Put, *, max_restarts: int | None, within: float | None, min_uptime: float
) -> None:
    """Check the fields of what runs, programs and actors, and hand them to ``put``.

    Raises:
        InvalidConfig: naming the field and what it wanted.
    """
    if max_restarts is not None:
        check_count("max_restarts", max_restarts, 0)
    if within is not None:
        check_seconds("within", within, zero=False)
        if max_restarts is None:
            raise InvalidConfig("within", within, "max_restarts with it")
    check_seconds("min_uptime", min_uptime)
    put("max_restarts", max_restarts)
    put("within", _WITHIN if within is None else within)
    put("min_uptime", min_uptime)


def _tag(word: str) -> str:
    try:
        return check_name(word)
    except InvalidConfig as error:
        mend = "leave the @ out: it is for commands" if str(word).startswith("@") else ""
        raise InvalidConfig("tags", word, error.wanted, mend) from None


def _restart(value: Restart | str) -> Restart:
    try:
        return Restart(value)
    except ValueError:
        words = ", ".join([*Restart, UNLESS_STOPPED])
        raise InvalidConfig("restart", value, f"one of {words}") from None
