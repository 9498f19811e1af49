"""What goes wrong while a test waits."""

from __future__ import annotations

from supctl.errors import SupctlError


class WaitFailed(SupctlError):
    """What was waited for cannot come any more: the app has ended, or did not start.

    Args:
        address: of the app.
        wanted: what was waited for, as a phrase (``"be ready"``).
        why: why it will not come, as a phrase.
        story: the app's state, its last end and its last lines, indented, over several lines.
    """

    code, category = "wait_failed", "testing"

    def __init__(self, address: str, wanted: str, why: str, story: str) -> None:
        self.address, self.wanted, self.why, self.story = address, wanted, why, story
        super().__init__(address, wanted, why, story)

    def __str__(self) -> str:
        return f"{self.address} does not {self.wanted}: {self.why}\n{self.story}"


class WaitTimedOut(WaitFailed):
    """What was waited for has not come in time; it may still."""

    code, category = "timeout", "testing"


class SharedAppLost(SupctlError):
    """An app that several test processes share cannot be had, or is gone.

    Args:
        name: what it is shared as.
        detail: what happened, as a phrase.
    """

    code, category = "shared_app_lost", "testing"

    def __init__(self, name: str, detail: str) -> None:
        self.name, self.detail = name, detail
        super().__init__(name, detail)

    def __str__(self) -> str:
        return f"the shared app {self.name!r} is not there: {self.detail}"
