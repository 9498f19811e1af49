"""What a tree and its supervisors cannot do, or could not keep up."""

from __future__ import annotations

from .base import SupctlError


class StartFailed(SupctlError):
    """A tree did not come up; everything that had started was stopped again."""

    code, category = "start_failed", "supervision"

    def __init__(self, address: str, reason: str) -> None:
        self.address, self.reason = address, reason
        super().__init__(address, reason)

    def __str__(self) -> str:
        return f"{self.address} did not start: {self.reason}"


class GaveUp(SupctlError):
    """A root supervisor saw more restarts than its intensity allows.

    Args:
        supervisor: address of the supervisor that gave up.
        child: address of the child whose restart was refused.
        reason: why that child ended last, as text.
        restarts: restarts made inside the window.
        within: the window in seconds.
    """

    code, category = "gave_up", "supervision"

    def __init__(
        self, supervisor: str, child: str, reason: str, restarts: int, within: float
    ) -> None:
        self.supervisor, self.child, self.reason = supervisor, child, reason
        self.restarts, self.within = restarts, within
        super().__init__(supervisor, child, reason, restarts, within)

    def __str__(self) -> str:
        times = "restart" if self.restarts == 1 else "restarts"
        return (
            f"{self.supervisor} gave up: {self.child} {self.reason} "
            f"after {self.restarts} {times} within {self.within:g} s"
        )


class TreeEnded(SupctlError):
    """A whole tree has ended with one child of it, and not by exit code 0.

    That child was ``essential``, or it had no restarts left and ``exhausted = "shut_down"``.

    Args:
        tree: name of the tree.
        why: which child it was and why that has ended, as text.
        exit_code: of that child as a shell shows it: 128 + signal, 1 where there is none.
    """

    code, category = "tree_ended", "supervision"

    def __init__(self, tree: str, why: str, exit_code: int) -> None:
        self.tree, self.why, self.exit_code = tree, why, exit_code
        super().__init__(tree, why, exit_code)

    def __str__(self) -> str:
        return f"{self.tree} has ended with {self.why}"


class ProcessNotFound(SupctlError):
    """No child of that address or name is in the tree."""

    code, category = "process_not_found", "process"

    def __init__(self, address: str, known: tuple[str, ...] = ()) -> None:
        self.address, self.known = address, known
        super().__init__(address, known)

    def __str__(self) -> str:
        hint = f"; there are {', '.join(self.known)}" if self.known else ""
        return f"nothing is called {self.address!r}{hint}"


class InvalidState(SupctlError):
    """What was asked for does not fit the state the target is in."""

    code, category = "invalid_state", "process"

    def __init__(self, target: str, state: str, wanted: str) -> None:
        self.target, self.state, self.wanted = target, state, wanted
        super().__init__(target, state, wanted)

    def __str__(self) -> str:
        return f"{self.target} is {self.state}; wanted {self.wanted}"


class AlreadyPresent(SupctlError):
    """A supervisor has a child of that name already, though it does not run."""

    code, category = "already_present", "supervision"

    def __init__(self, child: str, state: str, mend: str = "restart or delete it") -> None:
        self.child, self.state, self.mend = child, state, mend
        super().__init__(child, state, mend)

    def __str__(self) -> str:
        return f"there is a child {self.child!r} already, {self.state}; {self.mend}"


class Unsupported(SupctlError):
    """What was asked for does not exist for its target; says what to do instead."""

    code, category = "unsupported", "supervision"

    def __init__(self, what: str, target: str, instead: str) -> None:
        self.what, self.target, self.instead = what, target, instead
        super().__init__(what, target, instead)

    def __str__(self) -> str:
        return f"{self.what} is not for {self.target}; {self.instead}"
