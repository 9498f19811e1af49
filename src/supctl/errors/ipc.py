"""What goes wrong between processes that talk."""

from __future__ import annotations

from .base import SupctlError


class ProtocolError(SupctlError):
    """Bytes from a peer are not of the protocol; the connection is over."""

    code, category = "protocol_error", "ipc"

    def __init__(self, got: str, wanted: str) -> None:
        self.got, self.wanted = got, wanted
        super().__init__(got, wanted)

    def __str__(self) -> str:
        return f"got {self.got}; wanted {self.wanted}"


class CannotEncode(SupctlError):
    """A value cannot be sent to another process; nothing of its message was.

    Args:
        place: where the value is, from the call's point of view (``args[1]["user"].photo``).
        type_name: its type, with the module.
        detail: why, where the type alone does not say; may be empty.
    """

    code, category = "cannot_encode", "ipc"

    def __init__(self, place: str, type_name: str, detail: str = "") -> None:
        self.place, self.type_name, self.detail = place, type_name, detail
        super().__init__(place, type_name, detail)

    def __str__(self) -> str:
        why = (
            self.detail or "register its type with @supctl.ipc.message, or send what it is made of"
        )
        return f"{self.place}, of type {self.type_name}, cannot be sent: {why}"


class CannotDecode(ProtocolError):
    """A value that was received cannot be rebuilt here. Its message fails, not the connection."""

    code = "cannot_decode"


class RemoteError(SupctlError):
    """An error of another process whose type is not known in this one.

    Its traceback over there is among the notes.

    Args:
        type_name: the type, with its module (``shop.errors.OutOfStock``).
        message: its text.
        fields: its public attributes, as far as they could be sent.
    """

    code, category = "remote_error", "ipc"

    def __init__(self, type_name: str, message: str, fields: dict[str, object]) -> None:
        self.type_name, self.message, self.fields = type_name, message, fields
        super().__init__(type_name, message, fields)

    def __str__(self) -> str:
        return f"{self.type_name}: {self.message}"


class ConnectionLost(SupctlError):
    """A connection ended; what was asked over it may or may not have taken effect.

    Args:
        peer: who was at the other end, as a phrase (``"actor 4711"``).
        reason: why it ended.
    """

    code, category = "connection_lost", "ipc"

    def __init__(self, peer: str, reason: str) -> None:
        self.peer, self.reason = peer, reason
        super().__init__(peer, reason)

    def __str__(self) -> str:
        return f"the connection to {self.peer} is over: {self.reason}"


class ConnectionFull(SupctlError):
    """A peer takes messages more slowly than they are sent; this one was not."""

    code, category = "overloaded", "ipc"

    def __init__(self, peer: str, waiting: int) -> None:
        self.peer, self.waiting = peer, waiting
        super().__init__(peer, waiting)

    def __str__(self) -> str:
        return f"{self.waiting:,} bytes wait for {self.peer}; send less, or wait for room"
