"""Trees for hypothesis to draw: the definitions of a scenario, of which some may be refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, takewhile
from string import ascii_lowercase
from typing import Final, Literal, TypeAlias

from hypothesis import strategies as st

from tests.otp.draws import one_in, pick
from tests.otp.language import SIMPLE

Role: TypeAlias = Literal["static", "spare", "template"]
"""Of a child line: started with its supervisor, or by ``start_child``, or never itself."""

TAGS: Final = 1000
_STYLES: Final = ("plain", "any", "any", "any", "any")
_DEPTH: Final = 3
"""Levels of supervisors, the root included."""
_GROUPS: Final = ("one_for_one", "one_for_all", "rest_for_one")


@dataclass(eq=False)
class Node:
    """A supervisor, a child or an instance of a template, and what stands below it."""

    kind: str
    """``sup`` or ``child``, as its line begins, or ``instance``, which has no line."""
    tag: int
    """What actions meet it by, from 0 to ``TAGS``: see :func:`tests.otp.generate.aimed_at`."""
    options: dict[str, str]
    children: list[Node] = field(default_factory=list)
    spares: list[Node] = field(default_factory=list)
    """What is only there when ``start_child`` has added it: children, or a template's instances."""
    is_added: bool = False
    """Whether this spare is added before all other actions."""
    id: str = ""

    @property
    def is_simple(self) -> bool:
        return self.options.get("strategy") == SIMPLE

    @property
    def members(self) -> list[Node]:
        """What ``start_child`` may be asked for."""
        return self.spares if self.is_simple else [*self.children, *self.spares]

    @property
    def workers(self) -> list[Node]:
        """What may end by itself, and should be alive for a while."""
        present = [one for one in self.members if one.is_added or one in self.children]
        return [one for one in present if one.kind != "sup"]

    def fails(self, attempt: int) -> bool:
        """Whether a start attempt is scripted to fail."""
        starts = self.options.get("starts", "ok").split(",")
        then = self.options.get("then", "ok")
        return (starts[attempt - 1] if attempt <= len(starts) else then) == "error"

    def supervisors(self) -> Iterator[Node]:
        """Yield it and all supervisors below it."""
        yield self
        for child in self.children:
            if child.kind == "sup":
                yield from child.supervisors()

    def lines(self, parent: str = "") -> Iterator[str]:
        """Yield its line and those of what is below it, in start order."""
        words = {"parent": parent, **self.options} if parent else self.options
        yield " ".join([self.kind, self.id, *(f"{key}={word}" for key, word in words.items())])
        for child in self.children:
            yield from child.lines(self.id)
        for spare in self.spares:
            if spare.kind != "instance":
                yield from spare.lines("-")


_TAGS: Final = st.integers(0, TAGS - 1)
_RESULTS: Final = st.lists(st.sampled_from(("ok", "error", "error", "ignore")), max_size=4)
_INSTANCES: Final = st.lists(
    st.builds(Node, st.just("instance"), _TAGS, st.just({}), is_added=st.booleans()), max_size=4
)


# Options.


def _child_options(draw: st.DrawFn, auto_shutdown: str, role: Role = "static") -> dict[str, str]:
    """Draw the options that supervisors and workers have in common.

    ``auto_shutdown`` is that of the parent. What makes the whole tree fail to start is drawn
    seldom, for nothing more is then seen of it.
    """
    usual = "permanent" if auto_shutdown == "never" else "transient"
    restart = pick(draw, ("permanent", usual, "transient", "temporary"))
    options = {"restart": restart} if restart != "permanent" else {}
    is_refused = auto_shutdown == "never" or restart == "permanent"
    if draw(one_in(2 if not is_refused else 6 if role == "spare" else 150)):
        options["significant"] = "true"
    if draw(one_in(3)):
        options |= _script(draw, role, may_ignore=role != "template" or restart == "temporary")
    return options


def _script(draw: st.DrawFn, role: Role, *, may_ignore: bool) -> dict[str, str]:
    """Draw the results of the starts; ``may_ignore`` is about those that may be automatic."""
    first = "ok"
    if draw(one_in(40 if role == "static" else 6)):
        first = pick(draw, ("error", "ignore"))
    starts = [first, *draw(_RESULTS)]
    then = pick(draw, ("ok",) * 6 + ("error", "ignore"))
    if not may_ignore:
        by_request = len(list(takewhile(lambda result: result != "ok", starts)))
        starts[by_request:] = [result.replace("ignore", "error") for result in starts[by_request:]]
        then = then.replace("ignore", "error")
    return {"starts": ",".join(starts), **({"then": then} if then != "ok" else {})}


def _stop_options(draw: st.DrawFn, is_timed: bool) -> dict[str, str]:
    options = dict[str, str]()
    onstop = pick(draw, ("exit",) * 6 + ("crash", "normal", "ignore"))
    if onstop != "exit":
        options["onstop"] = onstop
    if onstop != "ignore":
        shutdown = pick(draw, ("", "", "brutal_kill", "infinity"))
    elif is_timed:  # its waiting takes real time, which must not be added to the virtual one
        shutdown = "brutal_kill"
    else:
        shutdown = pick(draw, ("brutal_kill", "0", "5"))
    if draw(one_in(12)):
        options["type"] = "supervisor"
        shutdown = shutdown or "5000"  # that label has another default in OTP than in the oracle
    return options | ({"shutdown": shutdown} if shutdown else {})


def _flags(draw: st.DrawFn, is_timed: bool) -> dict[str, str]:
    """Draw the options that only supervisors have."""
    choices = {
        "strategy": _GROUPS,
        "intensity": ("1", "3", "5", "2", "4", "5", "0"),
        # A window that is not in virtual time must be longer than any scenario takes.
        "period": ("5", "1", "2", "3", "4") if is_timed else ("5", "3600"),
        "auto_shutdown": ("never", "never", "any_significant", *("all_significant",) * 2),
    }
    drawn = {key: pick(draw, words) for key, words in choices.items()}
    return {key: word for key, word in drawn.items() if word != choices[key][0]}


# Nodes. Hypothesis takes away a run of five choices at most. A plain node must take no more, or it
# would stay in a scenario that has no use for it.


@st.composite
def _workers(draw: st.DrawFn, is_timed: bool, auto_shutdown: str, role: Role = "static") -> Node:
    options = dict[str, str]()
    if pick(draw, _STYLES) != "plain":
        options = _child_options(draw, auto_shutdown, role) | _stop_options(draw, is_timed)
    is_added = role == "spare" and draw(st.booleans())
    return Node("child", draw(_TAGS), options, is_added=is_added)


@st.composite
def _supervisors(
    draw: st.DrawFn, is_timed: bool, depth: int = 1, parents_auto_shutdown: str = ""
) -> Node:
    """Draw a supervisor with all that is below it."""
    # Of a root that is simple, there is not much to see.
    style = pick(draw, (*_STYLES * (1 if depth > 1 else 4), SIMPLE))
    options = dict[str, str]()
    if style != "plain":
        options = _flags(draw, is_timed)
    own = options.get("auto_shutdown", "never")
    if style != "plain" and depth > 1:
        options |= _child_options(draw, parents_auto_shutdown)
        # The label does not go without its shutdown, for the reason in _stop_options.
        options |= {"type": "worker", "shutdown": "infinity"} if draw(one_in(12)) else {}
    if style == SIMPLE:
        options |= {"strategy": SIMPLE}
        children, spares = [draw(_workers(is_timed, own, "template"))], draw(_INSTANCES)
    else:
        children = draw(st.lists(_children(is_timed, depth, own), max_size=5))
        spares = draw(_spares(is_timed, own)) if style != "plain" else []
    return Node("sup", draw(_TAGS), options, children, spares)


def _spares(is_timed: bool, auto_shutdown: str) -> st.SearchStrategy[list[Node]]:
    return st.lists(_workers(is_timed, auto_shutdown, "spare"), max_size=2)


def _children(is_timed: bool, depth: int, auto_shutdown: str) -> st.SearchStrategy[Node]:
    workers = _workers(is_timed, auto_shutdown)
    if depth == _DEPTH:
        return workers
    return st.one_of(workers, workers, workers, _supervisors(is_timed, depth + 1, auto_shutdown))


@st.composite
def trees(draw: st.DrawFn, is_timed: bool) -> Node:
    """Draw a root with all that is below it, for a scenario with ``advance`` or without."""
    root = draw(_supervisors(is_timed))
    root.id = "root"
    _name_below(root, (f"s{number}" for number in count(1)), _letters())
    return root


def _name_below(node: Node, supervisors: Iterator[str], workers: Iterator[str]) -> None:
    """Give ids in the order of the lines."""
    for child in (*node.children, *node.spares):
        if child.kind == "instance":
            child.id = f"{node.children[0].id}_{node.spares.index(child) + 1}"
        else:
            child.id = next(supervisors if child.kind == "sup" else workers)
        _name_below(child, supervisors, workers)


def _letters() -> Iterator[str]:
    """Yield ``a`` to ``z``, ``a1`` to ``z1`` and so on; ``s1`` would be a supervisor."""
    letters = ascii_lowercase.replace("s", "")
    for number in count():
        yield f"{letters[number % len(letters)]}{number // len(letters) or ''}"
