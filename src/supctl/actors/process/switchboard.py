"""The switchboard of a process: which actor a reference means, and the way to it.

Processes form a tree, as their supervisors do. The place of one is a path of numbers: ``()`` is
the root, ``(3,)`` the third process that it has started. An actor is known by the place of its
process and a number there. A message for somebody else goes down to the branch that leads there,
or up; so two processes talk through the one above them both.
"""

from __future__ import annotations

import logging
import sys
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, TypeAlias

import trio

from supctl.actors.circle import Chain, check_circle, current_chain
from supctl.actors.ref import Reference, make_ref, target_of
from supctl.actors.registry import Registry
from supctl.actors.target import Target
from supctl.errors import ActorGone
from supctl.exits import ExitKind, ExitReason, ExitStatus
from supctl.ipc import Connection, Request
from supctl.ipc import Registry as Types
from supctl.ipc.extensions import MARKS, RECORD, Form
from supctl.ipc.registry import DEFAULT
from supctl.specs.place import place_of

from .branch import Branch
from .names import METHODS, REGISTRY, RemoteRegistry
from .remote import RemoteTarget

Place: TypeAlias = tuple[int, ...]

_log = logging.getLogger("supctl.actors")

_REMEMBERED: Final = 1000
"""Actors and processes that have ended and of which we still know why."""

_REFERENCE: Final = "supctl.Ref"

for kind in (ExitKind, ExitStatus, ExitReason):
    DEFAULT.register(kind)


class Switchboard:
    """The switchboard of this process. It is the service of all connections to other processes.

    Attributes:
        place: of this process.
        up: to the process above; none in the root.
        types: for the codecs of those connections: references are among them.
        names: the registry of the tree.
    """

    def __init__(self) -> None:
        self.names: Registry = RemoteRegistry(self)
        self.place: Place = ()
        self.up: Connection | None = None
        self.types: Types = DEFAULT.extended({Reference: self._dump}, {_REFERENCE: self._load})
        self._nursery: trio.Nursery | None = None
        self._branches: dict[int, Branch] = {}
        self._last_branch = 0
        self._ended_branches: deque[int] = deque()
        self._targets: dict[int, Target] = {}  # actors of this process, by number
        self._numbers: dict[Target, int] = {}
        self._last_number = 0
        self._ended: OrderedDict[int, ActorGone] = OrderedDict()

    def work_in(self, nursery: trio.Nursery) -> None:
        """Run what waits for the ends of actors elsewhere in that nursery."""
        self._nursery = nursery

    def number_after(self, last: int) -> None:
        """Give processes below and actors numbers higher than ``last``. For one that has none."""
        self._last_branch = self._last_number = last

    def start_soon(self, work: Callable[..., Any], *args: Any) -> None:
        """Run something as long as the tree does."""
        assert self._nursery is not None
        self._nursery.start_soon(work, *args)

    # Processes below.

    def add_branch(self, address: str) -> Branch:
        """Return a new branch; its process is told its place by ``branch.place``."""
        self._last_branch += 1
        branch = Branch((*self.place, self._last_branch), address)
        self._branches[self._last_branch] = branch
        return branch

    def end_branch(
        self, branch: Branch, reason: ExitReason, last_words: str, *, died: bool
    ) -> None:
        """Let those know who talk to a process that it has ended; as :meth:`Branch.end`."""
        branch.end(reason, last_words, died=died)
        self._ended_branches.append(branch.place[-1])
        if len(self._ended_branches) > _REMEMBERED:
            del self._branches[self._ended_branches.popleft()]

    def way(self, place: Place, address: str) -> Branch | Connection:
        """Return where a message for a process has to go next.

        Raises:
            ActorGone: there is no way; that process has ended.
        """
        depth = len(self.place)
        if len(place) > depth and place[:depth] == self.place:
            branch = self._branches.get(place[depth])
            if branch is not None:
                return branch
        elif self.up is not None:
            return self.up
        raise ActorGone(address, "its process has ended")

    # References, on the wire.

    def number_of(self, target: Target) -> int:
        """Return the number under which other processes know an actor of this one."""
        number = self._numbers.get(target)
        if number is None:
            self._last_number = number = self._last_number + 1
            self._numbers[target], self._targets[number] = number, target
            target.on_end(lambda reason: self._forget(number, target, reason))
        return number

    def _forget(self, number: int, target: Target, reason: ExitReason) -> None:
        self._targets.pop(number, None)
        self._numbers.pop(target, None)
        self._ended[number] = ActorGone(target.address, str(reason))
        if len(self._ended) > _REMEMBERED:
            self._ended.popitem(last=False)

    def reference(self, place: Place, number: int, address: str, kind: type[Any] | None) -> Any:
        """Return a reference to an actor of any process."""
        if place == self.place and number in self._targets:
            return make_ref(self._targets[number])
        return make_ref(RemoteTarget(self, place, number, address, kind))

    def _dump(self, reference: Any) -> Form:
        target = target_of(reference)
        if isinstance(target, RemoteTarget):
            place, number = target.place, target.number
        else:
            place, number = self.place, self.number_of(target)
        kind = "" if target.kind is None else place_of(target.kind)
        held = {"place": [*place], "number": number, "address": target.address, "kind": kind}
        return [MARKS[RECORD], _REFERENCE, held]

    def _load(self, held: dict[str, Any]) -> Any:
        place, number, address = tuple(held["place"]), held["number"], held["address"]
        return self.reference(place, number, address, _known_class(held["kind"]))

    # Who waits for a call, on the wire: addresses by name, each waiting for the one before.

    def told_chain(self) -> dict[str, str] | None:
        """Return who waits for what is done in this context; ``None``: no actor does."""
        link = current_chain.get()
        if link is None:
            return None
        told: dict[str, str] = {}
        while link is not None:
            told[self._name_of(link.actor)] = link.address
            link = link.waiting
        return told

    def _name_of(self, actor: Any) -> str:
        return actor if type(actor) is str else name(self.place, self.number_of(actor))

    def _known_chain(self, told: dict[str, str]) -> Chain | None:
        """Return what another process has told, with the actors of this one as themselves."""
        chain: Chain | None = None
        for known_as, address in reversed(told.items()):
            place, number = parse(known_as)
            actor = self._targets.get(number) if place == self.place else None
            chain = Chain(actor or known_as, address, chain)
        return chain

    # What other processes ask for; as supctl.ipc.Service.

    def call(self, request: Request) -> None:
        """Take a request to an actor of this process, or pass it on."""
        if request.target == REGISTRY and request.method in METHODS:
            request.serve(getattr(self.names, request.method), *request.args)
            return
        target = self._local(request.target)
        if request.chain is not None:
            request.chain = self._known_chain(request.chain)
            check_circle(request.chain, target, request.method)
        if target is None:
            request.serve(self._pass_on, request)
        elif request.method.startswith("$"):
            request.serve(_SYSTEM[request.method], target, *request.args)
        else:
            target.ask(request)

    def stream(self, request: Request) -> AsyncIterator[Any]:
        """Take a request for a stream of an actor of this process, or pass it on."""
        target = self._local(request.target)
        if request.chain is not None:
            request.chain = self._known_chain(request.chain)
        if target is None:
            return self._pass_on_stream(request)
        return _items(target, request)

    def cast(self, to: str | int, method: str, args: list[Any], kwargs: dict[str, Any]) -> None:
        """Take a message to an actor of this process, or pass it on."""
        target = self._local(to)
        if target is None:
            RemoteTarget(self, *parse(str(to)), "", None).cast(method, args, kwargs)
        elif method.startswith("$"):
            _CASTS[method](target, *args)
        else:
            target.cast(method, args, kwargs)

    def cast_failed(self, to: str | int, method: str, error: Exception) -> None:
        """Say in the log that nobody got a message; who sent it does not wait."""
        if not isinstance(error, ActorGone):
            _log.warning("%s of %s is lost: %s", method, to, error)

    def wire(self, place: Place, number: int) -> str | int:
        """Return how an actor is named to the next process on the way."""
        is_below = bool(place) and place[:-1] == self.place
        is_above = bool(self.place) and self.place[:-1] == place
        return number if is_below or is_above else name(place, number)

    def _local(self, to: str | int) -> Any:
        """Return the actor of this process that is meant, ``None`` if it is none of them."""
        if isinstance(to, str):
            place, number = parse(to)
            if place != self.place:
                return None
        else:
            number = to
        target = self._targets.get(number)
        if target is None:
            gone = self._ended.get(number)
            raise ActorGone(*gone.args) if gone else ActorGone("an actor", "it has ended")
        return target

    async def _pass_on(self, request: Request) -> Any:
        current_chain.set(request.chain)
        place, number = parse(str(request.target))
        target = RemoteTarget(self, place, number, "an actor of another process", None)
        if request.method == "$wait":
            return await target.wait_end()
        left = request.deadline - trio.current_time()
        return await target.call(request.method, request.args, request.kwargs, left)

    async def _pass_on_stream(self, request: Request) -> AsyncIterator[Any]:
        current_chain.set(request.chain)
        place, number = parse(str(request.target))
        target = RemoteTarget(self, place, number, "an actor of another process", None)
        async with target.stream(request.method, request.args, request.kwargs) as items:
            async for item in items:
                yield item


async def _items(target: Target, request: Request) -> AsyncIterator[Any]:
    current_chain.set(request.chain)
    if request.method == "$trace":
        opened = target.trace()
    else:
        opened = target.stream(request.method, request.args, request.kwargs)
    async with opened as items:
        async for item in items:
            yield item


async def _wait(target: Target) -> ExitReason:
    """Return why an actor ended, once it has."""
    ended = trio.Event()
    undo = target.on_end(lambda _: ended.set())
    try:
        await ended.wait()
    finally:
        undo()
    assert target.reason is not None
    return target.reason


_SYSTEM: Final = {"$wait": _wait}
_CASTS: Final[dict[str, Callable[..., None]]] = {
    "$info": lambda target, message: target.send(message),
    "$stop": lambda target: target.stop(),
    "$link": lambda target, other: target.link(target_of(other)),
    "$unlink": lambda target, other: target.unlink(target_of(other)),
}


def name(place: Place, number: int) -> str:
    """Return the name of an actor for all processes: ``"3.1:17"``."""
    return f"{'.'.join(map(str, place))}:{number}"


def parse(text: str) -> tuple[Place, int]:
    """Return place and number. Raises ActorGone for what is no such name."""
    place, _, number = text.rpartition(":")
    try:
        return tuple(map(int, place.split("."))) if place else (), int(number)
    except ValueError:
        raise ActorGone(text, "there is none of that name") from None


def _known_class(place: str) -> type[Any] | None:
    """Return the class at a place, if its module has been imported here. Imports nothing."""
    module, _, names = place.partition(":")
    found: Any = sys.modules.get(module)
    for part in names.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) else None
