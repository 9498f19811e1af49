"""``Supervisor``: the description of a subtree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from supctl.errors import InvalidConfig

from .app import App
from .names import check_name
from .policy import NO_BACKOFF, Backoff, Intensity, Restart, Strategy
from .worker import Worker


@dataclass(frozen=True, slots=True, init=False)
class Supervisor:
    """Children that live and die by one strategy.

    Args:
        name: unique inside its own supervisor; the root's name is not part of addresses.
        children: in start order; stopped in reverse order.
        strategy: ``one_for_one`` (default), ``one_for_all`` or ``rest_for_one``.
        max_restarts: restarts borne within ``within`` seconds, OTP's default of 1;
            ``None``: any number.
        within: the window in seconds, 5 as in OTP.
        restart: what its own supervisor does when it ends.
        backoff: delay before its own supervisor starts it again; none by default,
            as its children have theirs.
        give_up_after: restarts without a stable run after which it becomes ``failed``.
        concurrent: start and stop all children at once instead of one after the
            other. For ``one_for_one`` only: the other strategies are about order.

    Raises:
        InvalidConfig: naming the field and what it wanted; also for two children of one name.
    """

    name: str
    children: tuple[ChildSpec, ...]
    strategy: Strategy
    intensity: Intensity
    restart: Restart
    backoff: Backoff
    give_up_after: int | None
    concurrent: bool

    def __init__(
        self,
        name: str,
        children: Sequence[ChildSpec] = (),
        *,
        strategy: Strategy | str = Strategy.ONE_FOR_ONE,
        max_restarts: int | None = 1,
        within: float = 5.0,
        restart: Restart | str = Restart.PERMANENT,
        backoff: Backoff | None = None,
        give_up_after: int | None = None,
        concurrent: bool = False,
    ) -> None:
        def put(field: str, value: object) -> None:
            object.__setattr__(self, field, value)

        strategy = Strategy.of("strategy", strategy)
        if concurrent and strategy is not Strategy.ONE_FOR_ONE:
            raise InvalidConfig("concurrent", concurrent, f"false with strategy {strategy}")
        if give_up_after is not None and give_up_after < 0:
            raise InvalidConfig("give_up_after", give_up_after, "0 or more")
        put("name", check_name(name))
        put("children", _check_children(children))
        put("strategy", strategy)
        put("intensity", Intensity(max_restarts, within))
        put("restart", Restart.of("restart", restart))
        put("backoff", backoff or NO_BACKOFF)
        put("give_up_after", give_up_after)
        put("concurrent", concurrent)


ChildSpec: TypeAlias = App | Worker | Supervisor


def _check_children(children: Sequence[ChildSpec]) -> tuple[ChildSpec, ...]:
    seen: set[str] = set()
    for child in children:
        if not isinstance(child, App | Worker | Supervisor):
            raise InvalidConfig("children", child, "App, Worker or Supervisor specs")
        if child.name in seen:
            raise InvalidConfig("children", child.name, "names that differ inside one supervisor")
        seen.add(child.name)
    return tuple(children)
