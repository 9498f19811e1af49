"""The table of an app's life is whole, and leads where it should."""

from __future__ import annotations

import itertools

import pytest

from supctl.actors.app.machine import IMPOSSIBLE, TABLE, Do, Event, State


def test_every_pair_is_decided() -> None:
    assert TABLE.keys().isdisjoint(IMPOSSIBLE)
    assert TABLE.keys() | IMPOSSIBLE == set(itertools.product(State, Event))


def follow(*events: Event) -> tuple[State, list[Do]]:
    """Return where ``events`` lead from the start, and what is done on the way."""
    state = State.STARTING
    done: list[Do] = []
    for event in events:
        state, do = TABLE[state, event]
        if do is not Do.NOTHING:
            done.append(do)
    return state, done


S, E, D = State, Event, Do


@pytest.mark.parametrize(
    ("events", "end"),
    [
        pytest.param([E.SPAWNED, E.EXITED, E.GONE], (S.EXITED, [D.END]), id="ends by itself"),
        pytest.param([E.SPAWNED, E.STOP, E.EXITED, E.GONE], (S.EXITED, [D.ASK, D.END]), id="obeys"),
        pytest.param(
            [E.SPAWNED, E.STOP, E.GRACE_OVER, E.EXITED, E.GONE],
            (S.EXITED, [D.ASK, D.KILL, D.END]),
            id="deaf",
        ),
        pytest.param(
            [E.SPAWNED, E.EXITED, E.LEFT, E.GRACE_OVER, E.GONE],
            (S.EXITED, [D.ASK, D.KILL, D.END]),
            id="leaves deaf children",
        ),
        pytest.param(
            [E.SPAWNED, E.EXITED, E.LEFT_FREE, E.LEFT_FREE, E.GONE],
            (S.EXITED, [D.END]),
            id="leaves children that may live",
        ),
        pytest.param(
            [E.SPAWNED, E.STOP, E.EXITED, E.LEFT, E.GONE],
            (S.EXITED, [D.ASK, D.ASK_REST, D.END]),
            id="its children are asked too",
        ),
        pytest.param(
            [E.STOP, E.STOP, E.SPAWNED, E.EXITED, E.GONE],
            (S.EXITED, [D.ASK, D.END]),
            id="called off before it started",
        ),
        pytest.param(
            [E.STOP, E.KILL, E.SPAWNED, E.GONE],
            (S.EXITED, [D.KILL, D.END]),
            id="forced before it started",
        ),
        pytest.param(
            [E.SPAWNED_COLD, E.READY, E.EXITED, E.GONE],
            (S.EXITED, [D.REPORT_UP, D.END]),
            id="becomes ready",
        ),
        pytest.param(
            [E.SPAWNED_COLD, E.LATE, E.GRACE_OVER, E.EXITED, E.GONE],
            (S.EXITED, [D.ASK, D.KILL, D.END]),
            id="is late, and deaf",
        ),
        pytest.param(
            [E.SPAWNED_COLD, E.EXITED, E.GONE], (S.EXITED, [D.END]), id="ends before it is ready"
        ),
        pytest.param(
            [E.SPAWNED_COLD, E.STOP, E.READY, E.EXITED, E.GONE],
            (S.EXITED, [D.ASK, D.END]),
            id="called off before it was ready",
        ),
        pytest.param(
            [E.SPAWNED_COLD, E.EXITED, E.LEFT_FREE, E.READY, E.UNHEALTHY, E.GONE],
            (S.EXITED, [D.REPORT_UP, D.ASK, D.END]),
            id="its children become ready, and ill",
        ),
        pytest.param(
            [E.STOP, E.SPAWNED_COLD, E.EXITED, E.GONE],
            (S.EXITED, [D.ASK, D.END]),
            id="called off before it started cold",
        ),
        pytest.param(
            [E.SPAWNED, E.UNHEALTHY, E.UNHEALTHY, E.STOP, E.EXITED, E.GONE],
            (S.EXITED, [D.ASK, D.END]),
            id="falls ill",
        ),
        pytest.param([E.STOP, E.NOT_SPAWNED], (S.EXITED, [D.END]), id="called off, never started"),
        pytest.param(
            [E.SPAWNED, E.STOP, E.KILL, E.KILL, E.GONE],
            (S.EXITED, [D.ASK, D.KILL, D.END]),
            id="forced",
        ),
        pytest.param(
            [E.SPAWNED, E.KILL, E.GRACE_OVER], (S.EXITED, [D.KILL, D.END]), id="stuck for ever"
        ),
    ],
)
def test_life(events: list[Event], end: tuple[State, list[Do]]) -> None:
    assert follow(*events) == end


def test_no_life_is_a_dead_end() -> None:
    """From every state that can be reached, EXITED can be reached."""
    reaches = {State.EXITED}
    while grown := {s for (s, _), (to, _) in TABLE.items() if to in reaches} - reaches:
        reaches |= grown
    assert reaches == set(State)
