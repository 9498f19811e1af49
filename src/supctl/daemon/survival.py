"""What one daemon tells the next, so that programs and their restarts go on where they were.

Texts are kept by the reaper, in its memory: who is killed has told all of it.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Container, Mapping
from contextlib import suppress
from dataclasses import fields, replace
from typing import Any, Final

import trio
from msgspec import json

from supctl.actors.inheritance import Inherited, Remains, end
from supctl.actors.services import handed_to
from supctl.backends.base import Backend
from supctl.backends.estate import Estate
from supctl.backends.reaper.protocol import Passing
from supctl.errors import InvalidConfig, InvalidState, ProcessNotFound
from supctl.events import ChildExited, Event
from supctl.exits import ExitKind, ExitReason
from supctl.specs import App
from supctl.specs.app import Stop
from supctl.supervision.child import join
from supctl.supervision.history import NEW, NO_PROCESS, ChildState, History, Standing
from supctl.supervision.supervisor import SupervisorActor
from supctl.supervision.tree import Tree
from supctl.supervision.watch import Watch

from .histories import Histories, read_history, read_standing

VERSION: Final = "1"
"""Of the notes; kept among them, under the name of :data:`_VERSION`."""

_VERSION: Final = "version"
_SEQ: Final = "seq"
_SPEC_BY: Final = 1.0
"""Seconds after which the output of what is ended is stored, be its spec known or not."""

_ASKED: Final = "asked "
"""What the names of notes about lives that were asked to stop begin with; the rest is a token."""

_ENDING: Final = frozenset({ChildState.STOPPING, ChildState.STOPPED})
"""States of children whose lives, if there are any, are to end."""

_CHILD: Final = "child "
"""What the names of notes about children begin with; the rest is an address."""

_SUPERVISOR: Final = "supervisor "
"""What those begin with that are about supervisors themselves."""


class Survival(Watch):
    """Notes for the next daemon how every child is, and knows what the one before has noted.

    Args:
        backend: keeps the notes; entered before the first child is asked for.
        histories: what is known if there was no daemon before, or the reaper is gone as well.
        stopped: addresses of what an operator has stopped, and not started since.
    """

    def __init__(self, backend: Backend, histories: Histories, stopped: Container[str]) -> None:
        self._backend, self._histories, self._stopped = backend, histories, stopped
        self._survivors: dict[str, list[Inherited]] = {}  # by address, the latest last
        self._notes: dict[str, dict[str, Any]] = {}  # of the daemon before, by address
        self._standings: dict[str, dict[str, Any]] = {}  # those about supervisors themselves
        self._told: dict[str, Standing] = {}  # what was noted of ours, by address
        self._stops: dict[int, Stop] = {}  # of what may have to be ended, by token
        self._asked: set[int] = set()  # tokens of lives about which that is noted
        self._tokens: dict[str, int] = {}  # of the lives that were noted last, by address
        self._estate = Estate()
        self._stopping: set[str] = set()
        self.was_ending = False
        """Whether the daemon before was about to end in order."""
        self._awaited = {"/"}  # addresses of what ran and is not taken over yet
        self.is_complete = trio.Event()
        """Whether all that ran is in the tree again."""

    def take_over(self, tree: Tree) -> Estate:
        """Read what the daemon before has left; empty if there was none.

        Events of ``tree`` are numbered behind those of before.

        Raises:
            InvalidConfig: it is of another version; nothing was touched.
        """
        estate = self._estate = self._backend.estate or self._estate
        version = estate.notes.get(_VERSION, VERSION)
        if version != VERSION:
            wanted = f"version {VERSION}; start the supctl that has written it"
            raise InvalidConfig("what the daemon before has left", f"version {version}", wanted)
        self._backend.note(_VERSION, VERSION)
        self._tree = tree
        tree.number_events_after(int(estate.notes.get(_SEQ, "0")))
        for key, text in estate.notes.items():
            if key.startswith(_CHILD):
                self._notes[key.removeprefix(_CHILD)] = json.decode(text)
            elif key.startswith(_SUPERVISOR):
                self._standings[key.removeprefix(_SUPERVISOR)] = json.decode(text)
        for token, process in sorted(estate.survivors.items()):
            address, _, print_ = process.kept.rpartition(" ")
            asked = estate.notes.get(f"{_ASKED}{token}")
            remains = _remains(token, self._notes.get(address, {}), asked)
            self._note_asked(remains)
            self._stops[token] = Stop(process.terms.stop_signal, process.terms.grace)
            known = self._survivors.setdefault(address, [])
            known.append(Inherited(process, remains, print_, self._note_asked))
        states = {address: _state_of(note) for address, note in self._notes.items()}
        self.was_ending = self._standings.pop("/", {}).get("standing", {}).get("ending") is not None
        projects = {it for it in states if it.count("/") == 1 and states[it] not in NO_PROCESS}
        self._stopping = {it for it in states if states[it] is ChildState.STOPPING}
        self._forget_below()
        self._stopping -= {it for it in self._survivors if it in self._notes}
        self._awaited |= ({*self._survivors} | projects) - self._stopping
        self._is_back("/")
        return estate

    def _forget_below(self) -> None:
        """Forget how it was below supervisors that were being stopped: it all is to be stopped, and
        begins as if nothing had been when they are started again."""
        for address in [*self._stopping]:
            place = f"{address}/"
            self._stopping |= {it for it in self._survivors if it.startswith(place)}
            self._standings.pop(address, None)
            for notes in (self._notes, self._standings):
                for below in [it for it in notes if it.startswith(place)]:
                    del notes[below]

    def _is_back(self, address: str) -> None:
        self._awaited.discard(address)
        if not self._awaited:
            self.is_complete.set()

    def _note_asked(self, remains: Remains) -> None:
        """Note that a life was asked to stop which no child may have by now."""
        if remains.asked_at is not None:
            self._asked.add(remains.token)
            self._backend.note(f"{_ASKED}{remains.token}", str(remains.asked_at))

    def _forget(self, token: int) -> None:
        self._backend.forget(token)
        if token in self._asked:
            self._asked.remove(token)
            self._backend.note(f"{_ASKED}{token}", None)

    @property
    def passing(self) -> Passing:
        """How the daemon before has ended."""
        return self._estate.passing

    def hear(self, event: Event) -> None:
        """Note the number of the latest event: those of the next daemon come behind it."""
        self._backend.note(_SEQ, str(event.seq))

    # For who goes on.

    def claim(self, address: str) -> Inherited | None:
        """Return the latest life of the app at an address, to who asks first."""
        lives = self._survivors.get(address)
        if not lives:
            return None
        inherited = lives.pop()
        self._tokens[address] = inherited.process.token
        self._is_back(address)
        return inherited

    async def end_rest(self, lost: Container[str]) -> list[str]:
        """End what nobody has claimed; return the addresses. What belongs to a project among
        those that were ``lost`` waits for that to come back."""
        unwanted = {
            address: lives
            for address, lives in self._survivors.items()
            if lives and address.strip("/").partition("/")[0] not in lost
        }
        await self._end_all(unwanted)
        return list(unwanted)

    async def end_stopping(self) -> None:
        """See those to their end that the daemon before was about to stop."""
        await self._end_all(
            {
                address: lives
                for address, lives in self._survivors.items()
                if address in self._stopping
            }
        )

    async def _end_all(self, unwanted: Mapping[str, list[Inherited]]) -> None:
        async with trio.open_nursery() as nursery:
            for address, lives in unwanted.items():
                for inherited in lives[:]:
                    nursery.start_soon(self._end, address, inherited)

    async def _end(self, address: str, inherited: Inherited) -> None:
        process, started_at = inherited.process, inherited.process.started_at
        with trio.move_on_after(_SPEC_BY):
            await self.is_complete.wait()
        lives = self._survivors[address]
        if inherited not in lives:
            return  # somebody has claimed it
        self._store_output(address, inherited)
        await end(inherited, self._stops[process.token])
        if inherited not in lives:
            return  # it was claimed meanwhile, by somebody who has waited too
        lives.remove(inherited)
        reason = ExitReason(ExitKind.SHUTDOWN, process.status)
        uptime = time.monotonic() - started_at
        self._tree.tell(ChildExited, address=address, reason=reason, asked=True, uptime=uptime)
        self._forget(process.token)

    def _store_output(self, address: str, inherited: Inherited) -> None:
        """Have what it has written, and writes yet, stored where its spec says, if it has one."""
        log = None
        with suppress(ProcessNotFound, InvalidState):
            spec = self._tree[address].spec
            log = spec.log if isinstance(spec, App) else None
        take = handed_to(self._tree.logs.attach)
        take(address, inherited.process, None, None, log)

    # As a watch.

    def recall(self, address: str) -> History:
        note = self._notes.pop(address, None)
        if note is None:
            return self._histories.recall(address)
        history: History = read_history(note["history"])
        if history.stop_asked and history.state in _ENDING and address not in self._stopped:
            history = replace(history, state=ChildState.STARTING)  # it was asked to start since
        elif history.state is ChildState.STOPPING and not self._survivors.get(address):
            history = replace(history, state=ChildState.STOPPED)
        return history.aged(max(0.0, time.monotonic() - note["at"]))

    def standing_of(self, address: str) -> Standing:
        note = self._standings.pop(address, None)
        if note is None:
            return NEW
        return read_standing(note["standing"]).aged(max(0.0, time.monotonic() - note["at"]))

    def opened(self, actor: SupervisorActor) -> None:
        self._histories.opened(actor)
        if actor.address != "/":
            self._is_back(actor.address)
        self._note_all(actor, actor.children)

    def changed(self, actor: SupervisorActor, names: Collection[str]) -> None:
        self._histories.changed(actor, names)
        self._note_all(actor, names)

    def closed(self, actor: SupervisorActor) -> None:
        self._histories.closed(actor)
        for name in actor.children:
            self._tell(join(actor.address, name), None, 0)
        if self._told.pop(actor.address, NEW) != NEW:
            self._backend.note(_SUPERVISOR + actor.address, None)

    def _note_standing(self, actor: SupervisorActor) -> None:
        """Note what is with a supervisor itself, if it is something and has changed."""
        address, standing = actor.address, actor.core.standing(trio.current_time())
        before = self._told.get(address, NEW)
        if standing == before:
            return
        self._told[address] = standing
        told = {"standing": standing, "at": time.monotonic()}
        self._note(_SUPERVISOR + address, None if standing == NEW else told)

    def _note_all(self, actor: SupervisorActor, names: Collection[str]) -> None:
        self._note_standing(actor)
        for name in names:
            address, child = join(actor.address, name), actor.children.get(name)
            if child is None:
                self._tell(address, None, 0)
                continue
            life, now = child.life, trio.current_time()
            remains = None if life is None else life.remains
            history = replace(
                actor.core.legacy_of(name, now),
                restarts=child.restarts,
                age=now - child.started_at if life is not None and child.started_at else None,
                reason=child.reason,
                stop_asked=child.stop_asked,
            )
            told: dict[str, Any] = {"history": _brief(history), "at": time.monotonic()}
            token = 0
            if remains is not None:
                token, told["life"] = remains.token, _brief(remains)
            self._tell(address, told, token)

    def _tell(self, address: str, told: dict[str, Any] | None, token: int) -> None:
        self._note(_CHILD + address, told)
        before = self._tokens.get(address, 0)
        if before != token:
            self._tokens[address] = token
            if before:  # after the note: who is killed in between has told both
                self._forget(before)

    def _note(self, key: str, told: dict[str, Any] | None) -> None:
        self._backend.note(key, None if told is None else json.encode(told).decode())


_USUAL: Final = {
    kind: [(field.name, field.default) for field in fields(kind)] for kind in (History, Remains)
}


def _brief(it: History | Remains) -> dict[str, Any]:
    """Return the fields that are not as usual: of a thousand children, nearly all are."""
    usual = _USUAL[type(it)]
    return {name: held for name, default in usual if (held := getattr(it, name)) != default}


def _state_of(note: dict[str, Any]) -> ChildState:
    """Return the state of a child by the note about it."""
    return ChildState(note["history"]["state"])


def _remains(token: int, note: dict[str, Any], asked: str | None) -> Remains:
    """Return what is known of a life; of one that nothing was noted about, that it has begun."""
    told = note.get("life", {})
    remains = Remains(**told) if told.get("token") == token else Remains(token)
    return remains if asked is None else replace(remains, asked_at=float(asked))
