"""What a supervisor's core goes by besides the policies of its children (OTP's flags)."""

from __future__ import annotations

from dataclasses import dataclass, field

from supctl.specs import AutoShutdown, Intensity, Start, StartFailures, Strategy, Supervisor


@dataclass(frozen=True, slots=True)
class Flags:
    """What a supervisor's core goes by.

    Args:
        strategy, intensity, auto_shutdown: as in :class:`supctl.Supervisor`.
        concurrent: ``start="concurrent"``.
        retries: ``start_failures="retry"``.
        is_forest: each child is a tree of its own: what ends all of that does not end us.
    """

    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: Intensity = field(default_factory=Intensity)
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER
    concurrent: bool = False
    retries: bool = False
    is_forest: bool = False

    @classmethod
    def of(cls, spec: Supervisor, *, is_forest: bool = False) -> Flags:
        """Return those of a supervisor."""
        return cls(
            spec.strategy,
            spec.intensity,
            spec.auto_shutdown,
            concurrent=spec.start is Start.CONCURRENT,
            retries=spec.start_failures is StartFailures.RETRY,
            is_forest=is_forest,
        )

    @property
    def is_dynamic(self) -> bool:
        """Whether children come and go, and are not kept."""
        return self.strategy is Strategy.SIMPLE_ONE_FOR_ONE

    @property
    def sets_apart(self) -> bool:
        """Whether the end of one child is no matter of the others."""
        return self.strategy in (Strategy.ONE_FOR_ONE, Strategy.SIMPLE_ONE_FOR_ONE)
