"""Whether arguments fit a method: the quick answer is the one that Python would give."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any

import pytest

from supctl import Actor
from supctl.actors.interface import method_of


async def _shared(first: int, second: int = 2) -> None: ...


class Shapes(Actor):
    """Methods of all shapes."""

    async def plain(self, a: int, b: int) -> None: ...
    async def optional(self, a: int, b: int = 0) -> None: ...
    async def rest(self, a: int, *more: int) -> None: ...
    async def only_rest(*all_: Any) -> None: ...
    async def only_positional(self, a: int, /, b: int = 0) -> None: ...
    async def needs_keyword(self, a: int, *, b: int) -> None: ...
    async def may_have_keyword(self, a: int, *, b: int = 0, **more: int) -> None: ...

    @classmethod
    async def of_class(cls, a: int) -> None: ...

    @staticmethod
    async def static(a: int, b: int = 0) -> None: ...

    made = partial(_shared, second=3)


_NAMES = sorted(name for name in vars(Shapes) if not name.startswith("_"))


@pytest.mark.parametrize("count", range(5))
@pytest.mark.parametrize("name", _NAMES)
async def test_so_many_arguments_fit_or_not(name: str, count: int) -> None:
    args = (1,) * count
    try:
        inspect.signature(getattr(Shapes(), name)).bind(*args)
    except TypeError:
        with pytest.raises(TypeError):
            method_of(Shapes, name).check(args, {}, stream=False)
    else:
        method_of(Shapes, name).check(args, {}, stream=False)
