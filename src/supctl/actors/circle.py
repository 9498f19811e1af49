"""Circles of calls: an actor that waits for itself would wait for ever.

Every call carries the chain of actors that wait for its answer; it travels in a context
variable, so that it goes wherever a method's own calls go; and with them to other processes.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple

from supctl.errors import CircularCall


class Chain(NamedTuple):
    """An actor that works on a call, and who waits for that.

    Args:
        actor: which, compared by identity; of another process, its name.
        address: of it.
        waiting: the link of who waits for it; ``None`` if no actor does.
    """

    actor: object
    address: str
    waiting: Chain | None


current_chain: ContextVar[Chain | None] = ContextVar("supctl.actors.chain", default=None)
"""Who waits for what is done in this context."""


def check_circle(chain: Chain | None, actor: object, method: str) -> None:
    """Refuse a call of ``actor`` that it would be waiting for itself.

    Raises:
        CircularCall: naming the circle.
    """
    addresses: list[str] = []
    link = chain
    while link is not None:
        addresses.append(link.address)
        if link.actor is actor:
            raise CircularCall(tuple(reversed(addresses)), method)
        link = link.waiting


class OnBehalfOf:
    """``with OnBehalfOf(chain):`` lets those wait for what is done in the block. None is for what
    runs beside the messages: nobody waits for it."""

    __slots__ = ("_chain", "_token")

    def __init__(self, chain: Chain | None) -> None:
        self._chain = chain

    def __enter__(self) -> None:
        self._token = current_chain.set(self._chain)

    def __exit__(self, *_: object) -> None:
        current_chain.reset(self._token)


def forget_chain() -> None:
    """Let nobody wait for what is done in this context from now on."""
    if current_chain.get() is not None:  # else it costs nothing: there may be ten thousand
        current_chain.set(None)
