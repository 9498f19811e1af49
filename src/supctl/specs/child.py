"""What every child spec has, whatever it describes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from supctl.errors import InvalidConfig

from .names import check_name
from .policy import Backoff, Restart, check_count


def put_child_fields(
    put: Callable[[str, object], None],
    *,
    name: str,
    restart: Restart | str,
    backoff: Backoff,
    give_up_after: int | None,
    significant: bool,
    depends_on: Sequence[str],
) -> None:
    """Check the fields that all child specs share and hand them to ``put``.

    Raises:
        InvalidConfig: naming the field and what it wanted.
    """
    restart = Restart.of("restart", restart)
    if give_up_after is not None:
        check_count("give_up_after", give_up_after, 0)
    if significant and restart is Restart.PERMANENT:  # OTP-SPEC-07: it never ends for good
        raise InvalidConfig("significant", significant, "restart transient or temporary with it")
    if isinstance(depends_on, str):
        raise InvalidConfig("depends_on", depends_on, f"a list of names, such as [{depends_on!r}]")
    put("name", check_name(name))
    put("restart", restart)
    put("backoff", backoff)
    put("give_up_after", give_up_after)
    put("significant", significant)
    put("depends_on", tuple(dict.fromkeys(depends_on)))
