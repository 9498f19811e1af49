"""What a method takes, looked at before it is called: nothing is half done for a wrong word."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from supctl.errors import InvalidConfig


class Arguments:
    """The arguments of a method, by its annotations.

    Args:
        method: takes keyword arguments.
    """

    def __init__(self, method: Callable[..., Any]) -> None:
        hints = typing.get_type_hints(method)
        taken = inspect.signature(method).parameters.values()
        self._method = method.__name__
        self._kinds = {it.name: hints[it.name] for it in taken}
        self._needed = {it.name for it in taken if it.default is it.empty}

    def check(self, given: Mapping[str, Any]) -> None:
        """Look whether the method can be called so.

        Raises:
            TypeError: an argument is missing, unknown, or of the wrong kind; tells which.
            InvalidConfig: its ``timeout`` is no time to wait.
        """
        if missing := self._needed - given.keys():
            raise TypeError(f"{self._method} needs {', '.join(sorted(missing))}")
        for name, value in given.items():
            if name not in self._kinds:
                known = ", ".join(self._kinds) or "none"
                raise TypeError(
                    f"{self._method} got an unexpected keyword argument {name!r}; there are {known}"
                )
            try:
                msgspec.convert(value, self._kinds[name])
            except msgspec.ValidationError as error:
                raise TypeError(f"{self._method}: {name}: {error}") from None
        timeout = given.get("timeout")
        if timeout is not None and not timeout > 0:  # nor is it for NaN
            raise InvalidConfig("timeout", timeout, "seconds, more than 0")
        if timeout is not None and not given.get("wait", True):
            raise InvalidConfig("timeout", timeout, "none, as nobody waits")
