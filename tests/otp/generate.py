"""Scenarios for hypothesis to draw, in the language of the OTP oracle (../shared/otp/README.md).

Every scenario drawn is valid, and keeps off what the oracle does not support: the end of a
supervisor by an ``exit``, true races, waiting for a worker that ignores its stop in a scenario
with ``advance``. It also keeps off two deliberate differences of supctl (docs/otp.md), both under
``simple_one_for_one``: ``ignore`` in an automatic restart, and ``terminate_child`` of an instance
that is restarted before the request's turn comes: OTP looks for a pid that is gone, we for a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final

from hypothesis import strategies as st

from tests.otp.draws import one_in, pick
from tests.otp.trees import TAGS, Node, trees

_UNKNOWN: Final = "zz"
"""An id that no scenario defines."""

_EXITS: Final = ("crash", "crash", "crash", "kill", "normal", "shutdown", "shutdown:done")
_CALLS: Final = ("terminate_child", "restart_child", "start_child", "delete_child", "get_childspec")
_QUERIES: Final = ("which_children", "count_children")
_STEPS: Final = ("query",) + ("exit",) * 8 + ("burst",) * 3 + ("during",) * 4 + ("call",) * 6
"""A query is first: it does no harm, so that hypothesis can make one of any step, then drop it."""
_ARRIVALS: Final = ("call", "call", "query", "exit", "exit", "exit", "stop")
_AIMS: Final = st.integers(0, TAGS - 1)


def aimed_at(draw: st.DrawFn, nodes: Sequence[Node]) -> Node:
    """Draw one of the nodes: the first that an aim meets, going up the tags and round.

    So what an action is about stays the same when another node goes, and hypothesis can take away
    what has no part in a failure. With an index it would find itself at another node.
    """
    aim = draw(_AIMS)
    return min(nodes, key=lambda node: (node.tag - aim) % TAGS)


@st.composite
def _steps(draw: st.DrawFn, root: Node, is_timed: bool) -> list[str]:
    """Draw an action, or a few that belong together."""
    supervisors = list(root.supervisors())
    crowded = [one for one in supervisors if one.workers]
    match pick(draw, (*_STEPS, *("advance",) * 5) if is_timed else _STEPS):
        case "exit" if crowded:
            worker = aimed_at(draw, [worker for one in crowded for worker in one.workers])
            return [f"exit {worker.id} {pick(draw, _EXITS)}"]
        case "burst" if crowded:
            return [_burst(draw, aimed_at(draw, crowded))]
        case "during" if crowded:
            return _durings(draw, aimed_at(draw, crowded), root)
        case "call":
            return _calls(draw, aimed_at(draw, supervisors))
        case "advance":
            return [f"advance {draw(st.integers(1, 6))}"]
    return [_query(draw, aimed_at(draw, supervisors))]


def _burst(draw: st.DrawFn, supervisor: Node) -> str:
    pairs = dict[str, str]()
    for _ in range(draw(st.integers(1, 4))):
        pairs.setdefault(aimed_at(draw, supervisor.workers).id, pick(draw, _EXITS))
    return " ".join(["burst", *(f"{worker}:{reason}" for worker, reason in pairs.items())])


def _query(draw: st.DrawFn, supervisor: Node) -> str:
    return f"{pick(draw, _QUERIES)} {supervisor.id}"


def _call(draw: st.DrawFn, supervisor: Node) -> str:
    """Draw a request about a child; most are about one that is or was there."""
    verb = pick(draw, _CALLS)
    if not supervisor.members or (verb != "start_child" and draw(one_in(5))):
        verb = "terminate_child" if verb == "start_child" else verb
        # A template is none of the children that it describes.
        template = [one.id for one in supervisor.children if supervisor.is_simple]
        return f"{verb} {supervisor.id} {pick(draw, (_UNKNOWN, *template))}"
    return f"{verb} {supervisor.id} {aimed_at(draw, supervisor.members).id}"


def _calls(draw: st.DrawFn, supervisor: Node) -> list[str]:
    """Draw a request, or two about one child that belong together."""
    if not supervisor.members or draw(st.booleans()):
        return [_call(draw, supervisor)]
    child = aimed_at(draw, supervisor.members)
    verbs = ("terminate_child", pick(draw, _CALLS[1:]))
    return [f"{verb} {supervisor.id} {child.id}" for verb in verbs]


def _durings(draw: st.DrawFn, supervisor: Node, root: Node) -> list[str]:
    """Draw what arrives in the middle of a restart, and mostly what leads to that restart."""
    some = supervisor.workers if draw(st.booleans()) else supervisor.members
    child = aimed_at(draw, some)
    attempt = int(pick(draw, ("2", "2", "2", "3", "3", "1", "4")))
    count = 2 if draw(one_in(3)) else 1
    arrivals = [_arrival(draw, supervisor, root, child, attempt) for _ in range(count)]
    steps = [f"during {child.id} {attempt} {action}" for action in arrivals]
    if child in supervisor.workers and draw(st.booleans()):
        steps.append(f"exit {child.id} {pick(draw, _EXITS)}")
    return steps


def _arrival(draw: st.DrawFn, supervisor: Node, root: Node, child: Node, attempt: int) -> str:
    """Draw what may reach a supervisor while it makes that attempt at a child."""
    siblings = [worker for worker in supervisor.workers if worker is not child]
    match pick(draw, _ARRIVALS):
        case "exit" if siblings:
            return f"exit {aimed_at(draw, siblings).id} {pick(draw, _EXITS)}"
        case "stop" if supervisor is root:
            return "stop"
        case "query":
            return _query(draw, supervisor)
    call = _call(draw, supervisor)
    if supervisor.is_simple and call.startswith("terminate_child"):
        waits = supervisor.children[0].fails(attempt) and call.endswith(f" {child.id}")
        return call if waits else f"count_children {supervisor.id}"
    return call


def _additions(root: Node) -> list[str]:
    """Return the requests for what is to be there from the first action on."""
    return [
        f"start_child {supervisor.id} {spare.id}"
        for supervisor in root.supervisors()
        for spare in supervisor.spares
        if spare.is_added
    ]


@st.composite
def scenarios(draw: st.DrawFn) -> str:
    """Draw the text of one scenario."""
    is_timed = draw(st.booleans())
    root = draw(trees(is_timed))
    # Two lists, as one that hypothesis draws has five elements on average. Most stops end them.
    some = st.lists(_steps(root, is_timed), max_size=10)
    steps = [_additions(root), *draw(some), ["stop"] if draw(one_in(20)) else [], *draw(some)]
    steps += [["stop"]] if draw(st.booleans()) else []
    actions = [f"do {action}" for action in chain(*steps)]
    return "\n".join(["scenario drawn", *root.lines(), *actions, "end"]) + "\n"
