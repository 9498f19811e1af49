"""How choices are drawn: a strategy takes longer to make than to draw from, so they are kept.

Choices list their plainest value first, as hypothesis shrinks to it. Weights are set by repetition.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from hypothesis import strategies as st


@lru_cache(maxsize=500)
def _one_of(words: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.sampled_from(words)


def pick(draw: st.DrawFn, words: Sequence[str]) -> str:
    """Draw one of the words."""
    return draw(_one_of(tuple(words)))


@lru_cache
def one_in(times: int) -> st.SearchStrategy[bool]:
    """Return a strategy for a condition that holds once in so many times."""
    return st.integers(0, times - 1).map(lambda number: number == times - 1)
