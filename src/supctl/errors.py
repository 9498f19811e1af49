"""The errors of supctl: one type per situation.

Every error has a stable ``code`` and ``category`` (they travel between processes
and are what scripts may test), keeps its facts as fields, and says in its text
what was seen, what was wanted and what to do next. ``args`` holds the fields in
the order of the constructor, so a copy or the wire can rebuild it.
"""

from __future__ import annotations

import os
from typing import ClassVar, Final


class SupctlError(Exception):
    """Base of all errors that supctl raises on purpose."""

    code: ClassVar[str] = "internal"
    category: ClassVar[str] = "internal"


FAULTS: Final = (Exception, SystemExit)
"""What code that is not ours may raise and be alone in suffering from.

All else is for whoever runs the loop: KeyboardInterrupt, cancellation."""


class InvalidConfig(SupctlError):
    """A specification or configuration value cannot work; nothing was started.

    Args:
        field: the field or key, with its path inside the spec (``backoff.factor``).
        got: what was seen, shown with ``repr``.
        wanted: what would be right, as a phrase (``"0 or more"``).
        mend: what to do about it, as a phrase (``"did you mean 'always'?"``); may be empty.
    """

    code, category = "invalid_config", "config"

    def __init__(self, field: str, got: object, wanted: str, mend: str = "") -> None:
        self.field, self.got, self.wanted, self.mend = field, got, wanted, mend
        super().__init__(field, got, wanted, mend)

    def __str__(self) -> str:
        mend = f" ({self.mend})" if self.mend else ""
        return f"{self.field} is {self.got!r}; wanted {self.wanted}{mend}"

    def within(self, place: str) -> InvalidConfig:
        """Return the same error with ``place`` put before the field."""
        return InvalidConfig(f"{place}.{self.field}", self.got, self.wanted, self.mend)


class SpawnFailed(SupctlError):
    """A program could not be started; nothing of it is left running.

    Args:
        program: the program as it was given.
        stage: which step failed: ``program`` (finding or executing it), ``cwd``,
            ``user``, ``group``, ``limits``, ``cgroup``, ``import`` (of Python code that is to
            run in a process of its own) or ``system`` (no process, descriptor or memory to
            be had).
        errno: the system's error number.
        detail: what the number alone does not say; may be empty.
    """

    code, category = "spawn_failed", "process"

    def __init__(self, program: str, stage: str, errno: int, detail: str = "") -> None:
        self.program, self.stage, self.errno, self.detail = program, stage, errno, detail
        super().__init__(program, stage, errno, detail)

    def __str__(self) -> str:
        why = self.detail or os.strerror(self.errno)
        mend = {
            "program": "check command and PATH",
            "cwd": "check cwd",
            "user": "check user",
            "group": "check group",
            "limits": "check rlimits",
            "cgroup": "check limits",
            "import": "",
            "system": "the system is out of a resource",
        }.get(self.stage, "check the spec")
        told = f"cannot start {self.program!r}: {why}"
        return f"{told}; {mend}" if mend else told


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


class AlreadyRunning(SupctlError):
    """Somebody already holds what may be held only once (a child, a log directory)."""

    code, category = "already_running", "process"

    def __init__(self, what: str, detail: str = "") -> None:
        self.what, self.detail = what, detail
        super().__init__(what, detail)

    def __str__(self) -> str:
        return f"{self.what} is already in use" + (f": {self.detail}" if self.detail else "")


class PlatformNotSupported(SupctlError):
    """This system cannot do what was asked for; says what could."""

    code, category = "platform_not_supported", "platform"

    def __init__(self, wanted: str, detail: str) -> None:
        self.wanted, self.detail = wanted, detail
        super().__init__(wanted, detail)

    def __str__(self) -> str:
        return f"{self.wanted} is not possible here: {self.detail}"


class StorageFailed(SupctlError):
    """A file or directory of ours cannot be used (no permission, not a directory, full)."""

    code, category = "io_error", "storage"

    def __init__(self, path: str, errno: int, wanted: str) -> None:
        self.path, self.errno, self.wanted = path, errno, wanted
        super().__init__(path, errno, wanted)

    def __str__(self) -> str:
        return f"{self.path}: {os.strerror(self.errno)}; wanted {self.wanted}"


class ReaperLost(SupctlError):
    """The reaper ended while something was asked of it; a new one is on its way."""

    code, category = "reaper_lost", "process"

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(detail)

    def __str__(self) -> str:
        return f"the reaper is gone ({self.detail}); its apps were ended"


class ProtocolError(SupctlError):
    """Bytes from a peer are not of the protocol; the connection is over."""

    code, category = "protocol_error", "ipc"

    def __init__(self, got: str, wanted: str) -> None:
        self.got, self.wanted = got, wanted
        super().__init__(got, wanted)

    def __str__(self) -> str:
        return f"got {self.got}; wanted {self.wanted}"


class ScriptNotGuarded(SupctlError):
    """A script starts a tree while it is imported for an actor's process; nothing was started.

    It would start it again in every process, and so for ever.
    """

    code, category = "script_not_guarded", "actor"

    def __init__(self, script: str) -> None:
        self.script = script
        super().__init__(script)

    def __str__(self) -> str:
        return (
            f"{self.script} starts a tree while it is imported for the process of an actor; "
            'put what starts it under if __name__ == "__main__":'
        )


class ActorTimeout(SupctlError):
    """An actor did not answer in time; the call may still take effect."""

    code, category = "timeout", "actor"

    def __init__(self, actor: str, method: str, seconds: float) -> None:
        self.actor, self.method, self.seconds = actor, method, seconds
        super().__init__(actor, method, seconds)

    def __str__(self) -> str:
        return f"{self.actor} did not answer {self.method} within {self.seconds:g} s"


class ActorGone(SupctlError):
    """The actor that was called has ended or ended before it answered."""

    code, category = "actor_gone", "actor"

    def __init__(self, actor: str, reason: str) -> None:
        self.actor, self.reason = actor, reason
        super().__init__(actor, reason)

    def __str__(self) -> str:
        return f"{self.actor} is gone: {self.reason}"


class ActorDied(ActorGone):
    """The process of the actor that was called has ended before it answered.

    Args:
        actor: its address.
        reason: how the process ended.
        last_words: the last lines of its standard error; may be empty.
    """

    code = "actor_died"

    def __init__(self, actor: str, reason: str, last_words: str = "") -> None:
        super().__init__(actor, reason)
        self.last_words = last_words
        self.args = actor, reason, last_words

    def __str__(self) -> str:
        if not self.last_words:
            return f"{self.actor} died: {self.reason}"
        return f"{self.actor} died: {self.reason}; its last words:\n{self.last_words}"


class Lost(ActorGone):
    """A call was lost with a member of a pool, which ended before it answered.

    Whether it took effect is not known. What is marked with :func:`supctl.idempotent` was tried
    with other members too.

    Args:
        method: what was called.
        actor: address of the member that it was lost with, at last.
        reason: how that ended.
        times: members that it has ended, as far as that can be known: each works on its calls in
            order of arrival.
        last_words: the last lines of that member's standard error; may be empty.
    """

    code = "lost"

    def __init__(
        self, method: str, actor: str, reason: str, times: int, last_words: str = ""
    ) -> None:
        super().__init__(actor, reason)
        self.method, self.times, self.last_words = method, times, last_words
        self.args = method, actor, reason, times, last_words

    def __str__(self) -> str:
        tries = f", the number {self.times} that it has ended" if self.times > 1 else ""
        words = f"; its last words:\n{self.last_words}" if self.last_words else ""
        return f"{self.method} was lost with {self.actor}{tries}: {self.reason}{words}"


class MailboxFull(SupctlError):
    """A bounded mailbox had no room and the sender chose not to wait."""

    code, category = "overloaded", "actor"

    def __init__(self, actor: str, capacity: int) -> None:
        self.actor, self.capacity = actor, capacity
        super().__init__(actor, capacity)

    def __str__(self) -> str:
        return f"the mailbox of {self.actor} is full ({self.capacity} messages)"


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


class AlreadyPresent(SupctlError):
    """A supervisor has a child of that name already, though it does not run."""

    code, category = "already_present", "supervision"

    def __init__(self, child: str, state: str) -> None:
        self.child, self.state = child, state
        super().__init__(child, state)

    def __str__(self) -> str:
        return f"there is a child {self.child!r} already, {self.state}; restart or delete it"


class Unsupported(SupctlError):
    """What was asked for does not exist for its target; says what to do instead."""

    code, category = "unsupported", "supervision"

    def __init__(self, what: str, target: str, instead: str) -> None:
        self.what, self.target, self.instead = what, target, instead
        super().__init__(what, target, instead)

    def __str__(self) -> str:
        return f"{self.what} is not for {self.target}; {self.instead}"


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


class LinkBroken(SupctlError):
    """An actor ends because one that it is linked to has ended."""

    code, category = "link_broken", "actor"

    def __init__(self, actor: str, reason: str) -> None:
        self.actor, self.reason = actor, reason
        super().__init__(actor, reason)

    def __str__(self) -> str:
        return f"{self.actor}, to which it is linked, has ended: {self.reason}"


class NameTaken(SupctlError):
    """A name in a registry belongs to another actor."""

    code, category = "name_taken", "actor"

    def __init__(self, name: str, holder: str) -> None:
        self.name, self.holder = name, holder
        super().__init__(name, holder)

    def __str__(self) -> str:
        return f"{self.name!r} is the name of {self.holder}; unregister it, or take another"


class NoDaemon(SupctlError):
    """No daemon runs that could be asked.

    Args:
        socket: where it would listen.
        pid: of one that runs nevertheless, and does not listen: it has not begun to, or ends.
    """

    code, category = "no_daemon", "daemon"

    def __init__(self, socket: str, pid: int | None = None) -> None:
        self.socket, self.pid = socket, pid
        super().__init__(socket, pid)

    def __str__(self) -> str:
        if self.pid is not None:
            return (
                f"the daemon of pid {self.pid} does not listen at {self.socket}: it has only just "
                f'begun, or ends; if it stays so, "kill -HUP {self.pid}" has it listen again'
            )
        return f'no daemon listens at {self.socket}; "supctl start" starts one'


class DaemonFailed(SupctlError):
    """A daemon was started, and has not come so far as to listen.

    Args:
        said: its last lines; may be empty.
        log: where all of them are.
    """

    code, category = "daemon_failed", "daemon"

    def __init__(self, said: str, log: str) -> None:
        self.said, self.log = said, log
        super().__init__(said, log)

    def __str__(self) -> str:
        said = f"; it said:\n{self.said}" if self.said else ""
        return f"the daemon did not start (its log is {self.log}){said}"


class PermissionDenied(SupctlError):
    """Who asks may not have that done."""

    code, category = "permission_denied", "daemon"

    def __init__(self, who: str, what: str, wanted: str) -> None:
        self.who, self.what, self.wanted = who, what, wanted
        super().__init__(who, what, wanted)

    def __str__(self) -> str:
        return f"{self.who} may not {self.what}; wanted {self.wanted}"


class Ambiguous(SupctlError):
    """A name means more than one child, where one is wanted."""

    code, category = "ambiguous", "daemon"

    def __init__(self, name: str, meant: tuple[str, ...]) -> None:
        self.name, self.meant = name, meant
        super().__init__(name, meant)

    def __str__(self) -> str:
        return f"{self.name!r} means {' and '.join(self.meant)}; say which, by its address"
