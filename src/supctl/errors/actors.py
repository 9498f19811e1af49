"""What ends an actor, or keeps it from an answer."""

from __future__ import annotations

from .base import SupctlError


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


class LinkBroken(SupctlError):
    """An actor ends because one that it is linked to has ended."""

    code, category = "link_broken", "actor"

    def __init__(self, actor: str, reason: str) -> None:
        self.actor, self.reason = actor, reason
        super().__init__(actor, reason)

    def __str__(self) -> str:
        return f"{self.actor}, to which it is linked, has ended: {self.reason}"


class MailboxFull(SupctlError):
    """A bounded mailbox had no room and the sender chose not to wait."""

    code, category = "overloaded", "actor"

    def __init__(self, actor: str, capacity: int) -> None:
        self.actor, self.capacity = actor, capacity
        super().__init__(actor, capacity)

    def __str__(self) -> str:
        return f"the mailbox of {self.actor} is full ({self.capacity} messages)"


class NameTaken(SupctlError):
    """A name in a registry belongs to another actor."""

    code, category = "name_taken", "actor"

    def __init__(self, name: str, holder: str) -> None:
        self.name, self.holder = name, holder
        super().__init__(name, holder)

    def __str__(self) -> str:
        return f"{self.name!r} is the name of {self.holder}; unregister it, or take another"


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
