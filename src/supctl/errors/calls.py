"""What makes a call of an actor's method wrong in itself."""

from __future__ import annotations

from .base import SupctlError


class UnknownMethod(SupctlError, AttributeError):
    """An actor has no method of that name that others may call.

    Args:
        kind: name of the actor's class.
        method: the name.
        detail: why, or what to do instead, as a phrase.
    """

    code, category = "unknown_method", "actor"

    def __init__(self, kind: str, method: str, detail: str) -> None:
        self.kind, self.method, self.detail = kind, method, detail
        super().__init__(kind, method, detail)

    def __str__(self) -> str:
        return f"{self.kind}.{self.method} cannot be called from outside: {self.detail}"


class IsStream(SupctlError, TypeError):
    """A stream was called like a method that returns once."""

    code, category = "is_stream", "actor"

    def __init__(self, method: str) -> None:
        self.method = method
        super().__init__(method)

    def __str__(self) -> str:
        return f"{self.method} is a stream; read it with 'async for', it has no single result"


class IsNoStream(SupctlError, TypeError):
    """A method that returns once was read like a stream."""

    code, category = "is_no_stream", "actor"

    def __init__(self, method: str) -> None:
        self.method = method
        super().__init__(method)

    def __str__(self) -> str:
        return f"{self.method} is no stream; await its result (a stream is a method that yields)"


class CircularCall(SupctlError):
    """An actor was about to wait for itself, and would have for ever; nothing was sent.

    Args:
        circle: addresses of the actors, each waiting for the next, and the last for the first.
        method: what was called.
    """

    code, category = "circular_call", "actor"

    def __init__(self, circle: tuple[str, ...], method: str) -> None:
        self.circle, self.method = circle, method
        super().__init__(circle, method)

    def __str__(self) -> str:
        circle = " -> ".join([*self.circle, self.circle[0]])
        return (
            f"{circle}.{self.method} would wait for itself for ever; cast instead, or call it "
            f"from a task of its own (start_soon)"
        )


class LoanOver(SupctlError):
    """What a caller has lent, an async iterable as an argument, is read when it cannot be."""

    code, category = "loan_over", "actor"

    def __str__(self) -> str:
        return (
            "an async iterable that is an argument can be read once, and only until the call is "
            "over; read it before the method returns, and keep what it has yielded"
        )
