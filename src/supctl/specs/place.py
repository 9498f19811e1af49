"""Places of classes and functions: ``module:name``, by which another process finds them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from supctl.errors import InvalidConfig


def place_of(found: Callable[..., Any]) -> str:
    """Return where another process finds a class or function at the top of a module.

    The module of ``python -m`` is ``__main__`` only to itself.
    """
    module = found.__module__
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if module == "__main__" and spec is not None:
        module = spec.name
    return f"{module}:{found.__qualname__}"


def found_at(place: str) -> Any:
    """Return what is at a place; its module is imported.

    Raises:
        InvalidConfig: there is nothing, or its module cannot be imported.
    """
    module, _, names = place.partition(":")
    try:
        found: Any = import_module(module)
        for name in names.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError) as error:
        wanted = f"a class or function that can be imported ({error})"
        raise InvalidConfig("actor", place, wanted) from error
    return found
