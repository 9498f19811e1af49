"""Who has given the command that is being carried out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from supctl.events import CommandGiven
from supctl.supervision.eventlog import because_of
from supctl.supervision.tree import Tree

from .peer import Peer

_asking: ContextVar[tuple[Peer, str] | None] = ContextVar("asking", default=None)


@contextmanager
def asked_by(peer: Peer, user: str) -> Iterator[None]:
    """Have what is done in the block, and in tasks that it starts, be done for ``peer``.

    Args:
        user: its name.
    """
    before = _asking.set((peer, user))
    try:
        yield
    finally:
        _asking.reset(before)


@contextmanager
def command(tree: Tree, address: str, name: str, detail: str = "") -> Iterator[None]:
    """Tell that somebody has given a command about a child, and have that be the cause of what is
    done in the block. Nothing is told of what the daemon does by itself.

    Args:
        name: of the method.
        detail: what else it said.
    """
    asking = _asking.get()
    if asking is None:
        yield
        return
    peer, user = asking
    who = {"user": user, "uid": peer.uid, "pid": peer.pid}
    with because_of(tree.tell(CommandGiven, address, command=name, detail=detail, **who)):
        yield
