"""Places of classes and functions: ``module:name``, by which another process finds them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def place_of(found: Callable[..., Any]) -> str:
    """Return where another process finds a class or function at the top of a module.

    The module of ``python -m`` is ``__main__`` only to itself.
    """
    module = found.__module__
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if module == "__main__" and spec is not None:
        module = spec.name
    return f"{module}:{found.__qualname__}"
