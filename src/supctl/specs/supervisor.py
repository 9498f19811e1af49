"""``Supervisor``: the description of a subtree, and its two special kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

from supctl.errors import InvalidConfig

from .app import App, Stop
from .child import put_child_fields
from .dependencies import Condition, Dependencies, check_dependencies
from .ignore import Ignore
from .isolation import Code, check_code, check_isolation, check_survivors
from .names import check_name
from .placeholders import literal
from .policy import (
    AutoShutdown,
    Backoff,
    Exhausted,
    Intensity,
    Restart,
    Start,
    StartFailures,
    StartRate,
    Strategy,
    check_count,
)
from .worker import Worker


@dataclass(frozen=True, slots=True, init=False)
class Supervisor:
    """Children that live and die by one strategy.

    Args:
        name: unique inside its own supervisor; the root's name is not part of addresses.
        children: in start order, but that each comes after those it depends on; stopped in
            reverse order. Or a function that returns them, called at every start of the
            supervisor (OTP's ``init/1``); it may return :data:`supctl.IGNORE`. If it raises, or
            what it returns cannot work, that start has failed.
        strategy: ``one_for_one`` (default), ``one_for_all`` or ``rest_for_one``.
        max_restarts: restarts borne within ``within`` seconds, OTP's default of 1;
            ``None``: any number.
        within: the window in seconds, 5 as in OTP.
        auto_shutdown: whether it ends when significant children have: ``never`` (default),
            ``any_significant`` or ``all_significant``.
        start: ``sequential`` (default): one child after the other; ``concurrent``: all at
            once, but for what depends on others. The latter for ``one_for_one`` only: the
            other strategies are about order.
        start_rate: limits the starts that automatic restarts make in all of the subtree
            together; ``None``: as the supervisor above, or without limit.
        start_failures: what follows when a child does not start that is started for the first
            time, with the supervisor or by ``start_child``: ``escalate`` (default), as OTP: the
            supervisor stops what has started and has not started either, and ``start_child``
            fails; ``retry``: it is treated like a child that crashed, its siblings go on, and
            those that depend on it start once it is up (docs/policies.md).
        stop: how all apps below it are asked to stop that do not say it themselves, or by a
            supervisor in between.
        restart: what its own supervisor does when it ends.
        backoff: delay before its own supervisor starts it again.
        give_up_after, exhausted, significant, essential, depends_on, autostart, tags: as in
            :class:`supctl.App`; a tag of a supervisor means it with all below it.
        isolation: ``"task"`` (default): it runs in the process of its own supervisor;
            ``"process"``: in a process of its own, with all actors below it that have none
            themselves. Their classes, and functions that make children, are found from there by
            module and name. A ``start_rate`` from above counts by itself there. Not for the root.
        hung_after: as in :class:`supctl.Worker`, for such a process.

    Raises:
        InvalidConfig: naming the field and what it wanted; also for two children of one name,
            and for a significant child without ``auto_shutdown``.
    """

    name: str
    children: tuple[ChildSpec, ...]
    factory: Factory | None
    strategy: Strategy
    intensity: Intensity
    auto_shutdown: AutoShutdown
    start: Start
    start_rate: StartRate | None
    start_failures: StartFailures
    stop: Stop | None
    restart: Restart
    stays_stopped: bool
    backoff: Backoff
    give_up_after: int | None
    exhausted: Exhausted
    significant: bool
    essential: bool
    depends_on: Mapping[str, Condition] = field(hash=False)
    autostart: bool
    tags: tuple[str, ...]
    isolation: str
    hung_after: float | None

    def __init__(
        self,
        name: str,
        children: Sequence[ChildSpec] | Factory = (),
        *,
        strategy: Strategy | str = Strategy.ONE_FOR_ONE,
        max_restarts: int | None = 1,
        within: float = 5.0,
        auto_shutdown: AutoShutdown | str = AutoShutdown.NEVER,
        start: Start | str = Start.SEQUENTIAL,
        start_rate: StartRate | None = None,
        start_failures: StartFailures | str = StartFailures.ESCALATE,
        stop: Stop | None = None,
        restart: Restart | str = Restart.PERMANENT,
        backoff: Backoff | None = None,
        give_up_after: int | None = None,
        exhausted: Exhausted | str = Exhausted.STOP,
        significant: bool = False,
        essential: bool = False,
        depends_on: Dependencies = (),
        autostart: bool = True,
        tags: Sequence[str] = (),
        isolation: str = "task",
        hung_after: float | None = 20.0,
    ) -> None:
        put = partial(object.__setattr__, self)
        put_child_fields(
            put,
            name=name,
            restart=restart,
            backoff=backoff,
            give_up_after=give_up_after,
            exhausted=exhausted,
            significant=significant,
            essential=essential,
            depends_on=depends_on,
            autostart=autostart,
            tags=tags,
        )
        strategy, start = self._check_strategy(strategy), Start.of("start", start)
        in_order = (Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE)
        if start is Start.CONCURRENT and strategy in in_order:
            raise InvalidConfig("start", str(start), f"'sequential' with strategy {strategy}")
        put("strategy", strategy)
        put("intensity", Intensity(max_restarts, within))
        put("auto_shutdown", AutoShutdown.of("auto_shutdown", auto_shutdown))
        put("start", start)
        put("start_rate", start_rate)
        put("start_failures", StartFailures.of("start_failures", start_failures))
        put("stop", stop)
        put("factory", children if callable(children) else None)
        put("children", () if callable(children) else self._check_children(children))
        check_isolation(isolation, hung_after)
        put("isolation", isolation)
        put("hung_after", hung_after)
        if isolation == "process":
            check_code(self)
            check_survivors(self)

    @property
    def may_end(self) -> bool:
        """Whether there are ends after which it is not restarted, besides failures."""
        return self.restart is not Restart.PERMANENT

    @property
    def may_complete(self) -> bool:
        """Whether such an end can be a success."""
        return False

    def code(self) -> Iterator[tuple[str, Code]]:
        """Yield what it needs of the user's: as :class:`~.isolation.HasCode`."""
        if self.factory is not None:
            yield "children", self.factory
        for child in self.below():
            if not isinstance(child, App):
                yield from ((f"{child.name}.{field}", code) for field, code in child.code())

    def survivors(self) -> Iterator[str]:
        """Yield workers that are to outlive the daemon: as :class:`~.isolation.HasCode`."""
        for child in self.below():
            if not isinstance(child, App):
                yield from (f"{child.name}.{field}" for field in child.survivors())

    def below(self) -> Sequence[ChildSpec]:
        """Return the children that are known, or what they will be made of."""
        return self.children

    def make_children(self) -> tuple[ChildSpec, ...] | Ignore:
        """Return the children of one start; raises what their factory raises.

        Raises:
            InvalidConfig: what the factory has made cannot work.
        """
        if self.factory is None:
            return self.children
        made = self.factory()
        return made if isinstance(made, Ignore) else self._check_children(made)

    def _check_strategy(self, strategy: Strategy | str) -> Strategy:
        strategy = Strategy.of("strategy", strategy)
        if strategy is Strategy.SIMPLE_ONE_FOR_ONE:
            raise InvalidConfig(
                "strategy", strategy, "another; for this one make a DynamicSupervisor"
            )
        return strategy

    def _check_children(self, children: Sequence[ChildSpec]) -> tuple[ChildSpec, ...]:
        seen: dict[str, ChildSpec] = {}
        if not isinstance(children, Iterable) or isinstance(children, str):
            raise InvalidConfig("children", children, "a list of App, Worker or Supervisor specs")
        for child in children:
            self.check_child(child)
            if child.name in seen:
                wanted = "names that differ inside one supervisor"
                raise InvalidConfig("children", child.name, wanted)
            seen[child.name] = child
        check_dependencies(seen)
        return tuple(map(self.adopt, children))

    def adopt(self, child: ChildSpec) -> ChildSpec:
        """Return ``child`` with what it does not say itself and is said here for all below."""
        return child if self.stop is None else _with_stop(child, self.stop)

    def check_child(self, child: ChildSpec) -> None:
        """Refuse what cannot be a child here, whoever its siblings are.

        Raises:
            InvalidConfig: it is no child spec, or significant where nobody minds (OTP-SPEC-07).
        """
        if not isinstance(child, App | Worker | Supervisor):
            raise InvalidConfig("children", child, "App, Worker or Supervisor specs")
        if child.significant and self.auto_shutdown is AutoShutdown.NEVER:
            wanted = "false under a supervisor whose auto_shutdown is 'never'"
            raise InvalidConfig(f"children.{child.name}.significant", True, wanted)


ChildSpec: TypeAlias = App | Worker | Supervisor
Factory: TypeAlias = Callable[[], Sequence[ChildSpec] | Ignore]
C = TypeVar("C", bound="ChildSpec")

_MOST_PARTITIONS: Final = 10_000
"""More would be a slip of the finger."""


@dataclass(frozen=True, slots=True, init=False)
class DynamicSupervisor(Supervisor):
    """Children of one kind, started at run time, by the thousand (OTP's simple_one_for_one).

    It starts none by itself. A child that ends and is not restarted is gone. ``children`` may
    only be a function that decides, by :data:`supctl.IGNORE` or by raising, that it shall not run.

    Args:
        name: as in :class:`Supervisor`.
        template: what every child is made of. What ``start_child`` is given is added to the
            ``args`` and ``kwargs`` of a Worker, to the ``command`` of an App.
        options: those of :class:`Supervisor`, but ``strategy``.

    Raises:
        InvalidConfig: as :class:`Supervisor`; also for a template of several instances, with
            ``depends_on``, or that is a supervisor.
    """

    template: App | Worker

    def __init__(self, name: str, template: App | Worker, **options: Any) -> None:
        # Not super(): a dataclass with slots is another class than the one that it sees.
        Supervisor.__init__(self, name, **options, strategy=Strategy.SIMPLE_ONE_FOR_ONE)
        self.check_child(template)
        if not isinstance(template, App | Worker):
            raise InvalidConfig("template", template, "an App or a Worker")
        if template.depends_on:
            raise InvalidConfig("template.depends_on", list(template.depends_on), "none")
        if isinstance(template, App) and template.instances != 1:
            raise InvalidConfig("template.instances", template.instances, "1")
        object.__setattr__(self, "template", self.adopt(template))
        if self.isolation == "process":
            check_code(self)
            check_survivors(self)

    def below(self) -> Sequence[ChildSpec]:
        return [self.template] if hasattr(self, "template") else ()  # not set from the start

    def _check_strategy(self, strategy: Strategy | str) -> Strategy:
        if strategy != Strategy.SIMPLE_ONE_FOR_ONE:
            raise InvalidConfig("strategy", strategy, "no strategy: it has one of its own")
        return Strategy.SIMPLE_ONE_FOR_ONE

    def _check_children(self, children: Sequence[ChildSpec]) -> tuple[ChildSpec, ...]:
        if children:  # OTP-SOFO-01
            names = [getattr(child, "name", child) for child in children]
            raise InvalidConfig("children", names, "none: start_instance makes them")
        return ()

    def make(self, name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> App | Worker:
        """Return the spec of a new child: the template with ``args`` and ``kwargs`` added.

        Raises:
            InvalidConfig: the name cannot be one; an App was given ``kwargs``.
        """
        child = renamed(self.template, name)
        if isinstance(child, App):
            if kwargs:
                raise InvalidConfig("kwargs", kwargs, "none: words are added to an App's command")
            added = (literal(str(word)) for word in args)
            object.__setattr__(child, "command", (*child.command, *added))
        else:
            object.__setattr__(child, "args", (*child.args, *args))
            object.__setattr__(child, "kwargs", {**child.kwargs, **kwargs})
        return child


@dataclass(frozen=True, slots=True, init=False)
class PartitionSupervisor(Supervisor):
    """Copies of one child, ``1`` to ``N``, among which work is spread by key.

    Args:
        name: as in :class:`Supervisor`.
        template: what every copy is; its name means nothing.
        partitions: how many copies.
        options: those of :class:`Supervisor`.

    Raises:
        InvalidConfig: as :class:`Supervisor`.
    """

    partitions: int

    def __init__(self, name: str, template: ChildSpec, *, partitions: int, **options: Any) -> None:
        check_count("partitions", partitions, 1)
        if partitions > _MOST_PARTITIONS:
            raise InvalidConfig("partitions", partitions, f"1 to {_MOST_PARTITIONS}")
        copies = [renamed(template, str(number)) for number in range(1, partitions + 1)]
        Supervisor.__init__(self, name, copies, **options)
        object.__setattr__(self, "partitions", partitions)


def renamed(spec: C, name: str) -> C:
    """Return a copy of a child spec under another name."""
    return with_values(spec, name=check_name(name))


def with_children(spec: Supervisor, children: Iterable[ChildSpec]) -> Supervisor:
    """Return a copy of a supervisor with other children, which are known to be right."""
    return with_values(spec, children=tuple(children))


def with_usual_logs(spec: C) -> C:
    """Return a copy of a child spec in which no app says what becomes of its output."""
    if isinstance(spec, App):
        return with_values(spec, log=None)
    if not isinstance(spec, Supervisor):
        return spec
    below = tuple(with_usual_logs(child) for child in spec.children)
    if isinstance(spec, DynamicSupervisor):
        return with_values(spec, template=with_usual_logs(spec.template))
    return with_values(spec, children=below)


def _with_stop(spec: ChildSpec, stop: Stop) -> ChildSpec:
    """Return ``spec`` with all apps in it stopping like that, but where it is said already."""
    if isinstance(spec, App) and not spec.has_own_stop:
        return with_values(spec, stop=stop, has_own_stop=True)
    if not isinstance(spec, Supervisor) or spec.stop is not None:
        return spec
    below = tuple(_with_stop(child, stop) for child in spec.children)
    if isinstance(spec, DynamicSupervisor):
        return with_values(spec, stop=stop, template=_with_stop(spec.template, stop))
    return with_values(spec, stop=stop, children=below)


def with_values(spec: C, **values: object) -> C:
    """Return a copy of a child spec with other values, which are known to be right."""
    other = object.__new__(type(spec))
    for it in fields(spec):
        object.__setattr__(other, it.name, values.get(it.name, getattr(spec, it.name)))
    return other
