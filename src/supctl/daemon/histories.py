"""Restarts of all children, kept in a file: they count on however the daemon has ended."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Collection, Container
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import trio

from supctl.exits import ExitKind, ExitReason, ExitStatus
from supctl.supervision.child import join
from supctl.supervision.history import NOTHING, ChildState, History, Standing
from supctl.supervision.supervisor import SupervisorActor
from supctl.supervision.watch import Watch

_log = logging.getLogger("supctl.daemon")

VERSION: Final = 1

_PAUSE: Final = 1.0
"""Seconds between two times of saving."""

_LOOK_AGAIN: Final = 20.0
"""Seconds after which it is seen that a child has become stable: nothing else tells. While none
was restarted lately, nothing wakes up for that."""


@dataclass(frozen=True, slots=True)
class _Noted:
    """A history as it was at a time of trio's clock."""

    history: History
    at: float

    def now(self) -> History:
        return self.history.aged(trio.current_time() - self.at)

    @property
    def counts(self) -> tuple[int, int, int, bool]:
        """Return what is saved at once when it changes; all else is the passing of time."""
        it = self.history
        return it.restarts, it.streak, len(it.recent), it.wait is None


class Histories(Watch):
    """Notes the histories of a tree's children, gives back those of before, and saves them.

    Args:
        path: of the file. What is there is always whole, unless the machine has lost power; a
            damaged one is as good as none.
        projects: names of those that may come back.
    """

    def __init__(self, path: Path, projects: Container[str]) -> None:
        self._path = path
        self._supervisors: dict[str, SupervisorActor] = {}
        self._has_changed = trio.Event()
        self._is_failing = False
        self._one_at_a_time = trio.Lock()
        self._noted = {
            address: _Noted(history, trio.current_time())
            for address, history in _load(path).items()
            if address.strip("/").partition("/")[0] in projects
        }
        self._recalled = set(self._noted)  # not heard of again so far

    # As a watch. When the whole tree stops, what was before that is kept.

    def recall(self, address: str) -> History:
        return self._noted[address].now() if address in self._recalled else NOTHING

    def opened(self, actor: SupervisorActor) -> None:
        self._supervisors[actor.address] = actor
        self.changed(actor, actor.children)

    def changed(self, actor: SupervisorActor, names: Collection[str]) -> None:
        if actor.state != "stopping":
            for name in names:
                self._note(actor, name)

    def closed(self, actor: SupervisorActor) -> None:
        del self._supervisors[actor.address]
        root = self._supervisors.get("/")
        if root is not None and root.state != "stopping":
            for name in actor.children:
                self._forget(join(actor.address, name))

    def _note(self, actor: SupervisorActor, name: str) -> None:
        address, child = join(actor.address, name), actor.children.get(name)
        if child is None:
            self._forget(address)
            return
        self._recalled.discard(address)
        now = trio.current_time()
        history = replace(actor.core.history_of(name, now), restarts=child.restarts)
        if history == NOTHING:
            self._forget(address)
            return
        before, noted = self._noted.get(address), _Noted(history, now)
        self._noted[address] = noted
        if before is None or before.counts != noted.counts:
            self._has_changed.set()

    def _forget(self, address: str) -> None:
        self._recalled.discard(address)
        if self._noted.pop(address, None) is not None:
            self._has_changed.set()

    # Saving.

    async def keep(self) -> None:
        """Save what changes, for ever: at once, and what comes soon after that together."""
        while True:
            failing = any(noted.history.streak for noted in self._noted.values())
            with trio.move_on_after(_LOOK_AGAIN if failing else math.inf):
                await self._has_changed.wait()
            for actor in self._supervisors.values():
                self.changed(actor, actor.children)
            if self._has_changed.is_set():
                await self.save()
            await trio.sleep(_PAUSE)

    async def save(self) -> None:
        """Save them now. What cannot be saved is logged once, and :meth:`keep` tries again."""
        async with self._one_at_a_time:
            self._has_changed = trio.Event()
            children = {address: asdict(noted.now()) for address, noted in self._noted.items()}
            held = {"version": VERSION, "at": time.time(), "children": children}
            try:
                await trio.to_thread.run_sync(_write, self._path, held)
                self._is_failing = False
            except OSError as error:
                if not self._is_failing:
                    _log.warning("%s: restarts are not remembered: %s", self._path, error)
                self._is_failing = True
                self._has_changed.set()


def _write(path: Path, held: dict[str, Any]) -> None:
    new = path.with_suffix(".new")
    # Not forced onto the disk: it is for a daemon that was killed, and it changes often.
    with open(new, "w", opener=_private) as file:
        json.dump(held, file)
    new.replace(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _load(path: Path) -> dict[str, History]:
    """Return the histories that a file holds, as they are by now."""
    try:
        held = json.loads(path.read_bytes())
        if held["version"] != VERSION:
            return {}
        passed = max(0.0, time.time() - held["at"])  # the clock may have been set back
        return {it: read_history(told).aged(passed) for it, told in held["children"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        _log.warning("%s: restarts of before are not known: %r", path, error)
        return {}


def read_history(told: dict[str, Any]) -> History:
    """Return the history whose fields were written, but perhaps for those that are as usual.

    Raises:
        ValueError, TypeError: it cannot be one.
    """
    state = told.get("state")
    history = History(
        **{
            **told,
            "recent": tuple(told.get("recent", ())),
            "state": None if state is None else ChildState(state),
            "reason": _read_reason(told.get("reason")),
            "unheard": _read_reason(told.get("unheard")),
        }
    )
    numbers = (history.restarts, history.streak, history.delay, history.wait or 0, *history.recent)
    if not all(math.isfinite(number) and number >= 0 for number in numbers):
        raise ValueError(f"{history} has a number below 0")
    return history


def read_standing(told: dict[str, Any]) -> Standing:
    """Return the standing whose fields were written."""
    return Standing(tuple(told["recent"]), told["group_of"], _read_reason(told["ending"]))


def _read_reason(told: dict[str, Any] | None) -> ExitReason | None:
    if told is None:
        return None
    status = told["status"]
    return ExitReason(
        ExitKind(told["kind"]), None if status is None else ExitStatus(**status), told["detail"]
    )
