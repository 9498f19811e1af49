"""What to do in one life of a program: states, events, and a table that joins them.

Nothing here waits, reads a clock or touches a process. What the table cannot decide by state
and event alone does not exist.
"""

from __future__ import annotations

from enum import Enum, StrEnum, auto
from typing import Final


class State(StrEnum):
    """Where a program is in its life."""

    STARTING = "starting"
    WARMING = "warming"
    """It runs, and is not ready yet."""
    RUNNING = "running"
    """It runs, and is ready, if there is anything to be ready for."""
    CALLED_OFF = "called off"
    """It was asked to stop before it had started."""
    DOOMED = "doomed"
    """It was to be killed before it had started."""
    ENDING = "ending"
    """Its main process has ended; whether it left anything behind is not known yet."""
    DETACHED = "detached"
    """Its main process has ended, its children may live on."""
    STOPPING = "stopping"
    """What lives of it was asked to end; it is killed when the grace is over."""
    KILLING = "killing"
    EXITED = "exited"
    """Nothing of it lives, or nobody waits any more for what is stuck."""


class Event(Enum):
    """What may happen to it."""

    SPAWNED = auto()
    SPAWNED_COLD = auto()
    """It runs, and is to become ready."""
    NOT_SPAWNED = auto()
    READY = auto()
    LATE = auto()
    """It has not become ready in time."""
    UNHEALTHY = auto()
    """Its health checks have failed too often."""
    STOP = auto()
    KILL = auto()
    GRACE_OVER = auto()
    EXITED = auto()
    """The main process has ended (or is lost)."""
    LEFT = auto()
    """It has left children behind that must not live on."""
    LEFT_FREE = auto()
    """It has left children behind that may live on."""
    GONE = auto()
    """Nothing of its tree lives."""


class Do(Enum):
    """What is to be done about it. Each ``Do`` that sets a deadline replaces the one before."""

    NOTHING = auto()
    REPORT_UP = auto()
    """Report that the start has succeeded."""
    ASK = auto()
    """Send the stop signal and let the grace begin."""
    ASK_REST = auto()
    """Send the stop signal to what is left; the grace has begun already."""
    KILL = auto()
    """Kill all of it, and let the last deadline begin."""
    END = auto()
    """Report the end."""


_S, _E, _D = State, Event, Do

TABLE: Final[dict[tuple[State, Event], tuple[State, Do]]] = (
    {
        (_S.STARTING, _E.SPAWNED): (_S.RUNNING, _D.NOTHING),
        (_S.STARTING, _E.NOT_SPAWNED): (_S.EXITED, _D.END),
        (_S.STARTING, _E.STOP): (_S.CALLED_OFF, _D.NOTHING),
        (_S.STARTING, _E.KILL): (_S.DOOMED, _D.NOTHING),
        (_S.CALLED_OFF, _E.SPAWNED): (_S.STOPPING, _D.ASK),
        (_S.CALLED_OFF, _E.NOT_SPAWNED): (_S.EXITED, _D.END),
        (_S.CALLED_OFF, _E.STOP): (_S.CALLED_OFF, _D.NOTHING),
        (_S.CALLED_OFF, _E.KILL): (_S.DOOMED, _D.NOTHING),
        (_S.DOOMED, _E.SPAWNED): (_S.KILLING, _D.KILL),
        (_S.DOOMED, _E.NOT_SPAWNED): (_S.EXITED, _D.END),
        (_S.DOOMED, _E.STOP): (_S.DOOMED, _D.NOTHING),
        (_S.DOOMED, _E.KILL): (_S.DOOMED, _D.NOTHING),
        (_S.STARTING, _E.SPAWNED_COLD): (_S.WARMING, _D.NOTHING),
        (_S.CALLED_OFF, _E.SPAWNED_COLD): (_S.STOPPING, _D.ASK),
        (_S.DOOMED, _E.SPAWNED_COLD): (_S.KILLING, _D.KILL),
        (_S.WARMING, _E.READY): (_S.RUNNING, _D.REPORT_UP),
        (_S.WARMING, _E.LATE): (_S.STOPPING, _D.ASK),
        (_S.WARMING, _E.STOP): (_S.STOPPING, _D.ASK),
        (_S.WARMING, _E.KILL): (_S.KILLING, _D.KILL),
        (_S.WARMING, _E.EXITED): (_S.ENDING, _D.NOTHING),
        (_S.RUNNING, _E.UNHEALTHY): (_S.STOPPING, _D.ASK),
        (_S.RUNNING, _E.STOP): (_S.STOPPING, _D.ASK),
        (_S.RUNNING, _E.KILL): (_S.KILLING, _D.KILL),
        (_S.RUNNING, _E.EXITED): (_S.ENDING, _D.NOTHING),
        (_S.ENDING, _E.STOP): (_S.STOPPING, _D.ASK),
        (_S.ENDING, _E.KILL): (_S.KILLING, _D.KILL),
        (_S.ENDING, _E.LEFT): (_S.STOPPING, _D.ASK),
        (_S.ENDING, _E.LEFT_FREE): (_S.DETACHED, _D.NOTHING),
        (_S.ENDING, _E.GONE): (_S.EXITED, _D.END),
        # What it is that becomes ready, or is unhealthy, may be its children.
        (_S.ENDING, _E.READY): (_S.ENDING, _D.REPORT_UP),
        (_S.ENDING, _E.LATE): (_S.STOPPING, _D.ASK),
        (_S.ENDING, _E.UNHEALTHY): (_S.STOPPING, _D.ASK),
        (_S.DETACHED, _E.READY): (_S.DETACHED, _D.REPORT_UP),
        (_S.DETACHED, _E.LATE): (_S.STOPPING, _D.ASK),
        (_S.DETACHED, _E.UNHEALTHY): (_S.STOPPING, _D.ASK),
        (_S.DETACHED, _E.STOP): (_S.STOPPING, _D.ASK),
        (_S.DETACHED, _E.KILL): (_S.KILLING, _D.KILL),
        (_S.DETACHED, _E.LEFT_FREE): (_S.DETACHED, _D.NOTHING),  # their number has changed
        (_S.DETACHED, _E.GONE): (_S.EXITED, _D.END),
        (_S.STOPPING, _E.STOP): (_S.STOPPING, _D.NOTHING),  # two operators may both press stop
        (_S.STOPPING, _E.KILL): (_S.KILLING, _D.KILL),
        (_S.STOPPING, _E.GRACE_OVER): (_S.KILLING, _D.KILL),
        (_S.STOPPING, _E.EXITED): (_S.STOPPING, _D.NOTHING),
        # Those that left the process group have not had the signal yet.
        (_S.STOPPING, _E.LEFT): (_S.STOPPING, _D.ASK_REST),
        (_S.STOPPING, _E.LEFT_FREE): (_S.STOPPING, _D.ASK_REST),
        (_S.STOPPING, _E.GONE): (_S.EXITED, _D.END),
        (_S.KILLING, _E.STOP): (_S.KILLING, _D.NOTHING),
        (_S.KILLING, _E.KILL): (_S.KILLING, _D.NOTHING),
        (_S.KILLING, _E.EXITED): (_S.KILLING, _D.NOTHING),
        (_S.KILLING, _E.LEFT): (_S.KILLING, _D.NOTHING),
        (_S.KILLING, _E.LEFT_FREE): (_S.KILLING, _D.NOTHING),
        (_S.KILLING, _E.GONE): (_S.EXITED, _D.END),
        (_S.KILLING, _E.GRACE_OVER): (_S.EXITED, _D.END),  # stuck in the kernel: we wait no longer
        (_S.EXITED, _E.STOP): (_S.EXITED, _D.NOTHING),
        (_S.EXITED, _E.KILL): (_S.EXITED, _D.NOTHING),
    }
    | {
        # An answer that comes when it does not matter any more.
        (s, e): (s, _D.NOTHING)
        for s in (_S.STOPPING, _S.KILLING, _S.EXITED)
        for e in (_E.READY, _E.LATE, _E.UNHEALTHY)
    }
    | {
        # What was stuck in the kernel ends when nobody waits for it any more.
        (_S.EXITED, e): (_S.EXITED, _D.NOTHING)
        for e in (_E.EXITED, _E.LEFT, _E.LEFT_FREE, _E.GONE)
    }
)

IMPOSSIBLE: Final = (
    # Only what starts can turn out to have started or not.
    {
        (s, e)
        for s in _S
        for e in (_E.SPAWNED, _E.SPAWNED_COLD, _E.NOT_SPAWNED)
        if s not in (_S.STARTING, _S.CALLED_OFF, _S.DOOMED)
    }
    # There is a deadline while it is stopping or being killed, and nowhere else.
    | {(s, _E.GRACE_OVER) for s in _S if s not in (_S.STOPPING, _S.KILLING)}
    # A process that does not run yet does nothing.
    | {
        (s, e)
        for s in (_S.STARTING, _S.CALLED_OFF, _S.DOOMED)
        for e in (_E.EXITED, _E.LEFT, _E.LEFT_FREE, _E.GONE)
    }
    # Nobody asks what does not run yet. It becomes ready, or late, once, and its health is
    # asked for afterwards.
    | {
        (s, e)
        for s in (_S.STARTING, _S.CALLED_OFF, _S.DOOMED)
        for e in (_E.READY, _E.LATE, _E.UNHEALTHY)
    }
    | {(_S.WARMING, _E.UNHEALTHY), (_S.RUNNING, _E.READY), (_S.RUNNING, _E.LATE)}
    # The main process ends once, before anything is said of what it leaves behind.
    | {(_S.ENDING, _E.EXITED), (_S.DETACHED, _E.EXITED)}
    | {(s, e) for s in (_S.WARMING, _S.RUNNING) for e in (_E.LEFT, _E.LEFT_FREE, _E.GONE)}
    # Whether children may live on is settled by the spec.
    | {(_S.DETACHED, _E.LEFT)}
)
"""Pairs that cannot come about; with the table they are all pairs there are."""
