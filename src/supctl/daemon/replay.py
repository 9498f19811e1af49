"""Events that have happened already, for who has read some of them before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from supctl.events import Event, EventsMissed


def replayed(latest: Sequence[Event], since: int) -> Iterator[Event]:
    """Yield the events after the number ``since``, with a gap marker where some are lost.

    Those that are not kept any more are counted by an :class:`~supctl.events.EventsMissed`. Its
    count is 0 where nobody knows: ``since`` is of a daemon before this one, whose events had
    numbers of their own, and all that is kept of this one follows.

    Args:
        latest: all that are kept, the oldest first.
        since: the number of the last event that was read; 0 before the first.
    """
    if not latest:
        return
    first, last = latest[0], latest[-1]
    if since > last.seq:
        yield _gap(0, first)
        yield from latest
        return
    if since < first.seq - 1:
        yield _gap(first.seq - 1 - since, first)
    yield from (event for event in latest if event.seq > since)


def _gap(count: int, before: Event) -> EventsMissed:
    return EventsMissed(
        address="/", count=count, seq=before.seq - 1, at=before.at, at_wall=before.at_wall
    )
