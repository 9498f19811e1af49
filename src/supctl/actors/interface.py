"""What others may call of an actor: its public methods, and whether arguments fit them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from supctl.errors import IsNoStream, IsStream, UnknownMethod

if TYPE_CHECKING:
    from .actor import Actor


@dataclass(frozen=True, slots=True)
class Method:
    """A public method of a class.

    Args:
        name: for people, with its class.
        function: its code, under all decorators that keep ``__wrapped__``.
        has_self: whether the function wants the actor as its first argument.
        is_stream: whether it yields.
        counts: how many positional arguments fit, if there are no others.
    """

    name: str
    function: Callable[..., Any]
    has_self: bool
    is_stream: bool
    counts: range

    def check(self, args: Sequence[Any], kwargs: Mapping[str, Any], *, stream: bool) -> None:
        """Refuse what cannot work, before anything is sent.

        Raises:
            IsStream, IsNoStream: it is asked for in the wrong way.
            TypeError: the arguments do not fit, as Python says it.
        """
        if stream is not self.is_stream:
            raise IsStream(self.name) if self.is_stream else IsNoStream(self.name)
        if not kwargs and len(args) in self.counts:
            return
        # Python's own check, with Python's own sentence: nothing of the method runs, for neither
        # a coroutine nor a generator begins before it is asked to.
        made = (
            self.function(None, *args, **kwargs)
            if self.has_self
            else self.function(*args, **kwargs)
        )
        if not stream:
            made.close()


def method_of(kind: type[Actor], name: str) -> Method:
    """Return the method that others may call by ``name``.

    Raises:
        UnknownMethod: there is none: it does not exist, is private, is :class:`Actor`'s own or is
            not async.
    """
    method = kind._methods.get(name)
    if method is None:
        method = kind._methods[name] = _look_up(kind, name)
    return method


def public_methods(kind: type[Actor]) -> Iterator[str]:
    """Yield the names of all methods that others may call."""
    for name in dir(kind):
        if not _why_not(kind, name):
            yield name


def _look_up(kind: type[Actor], name: str) -> Method:
    why = _why_not(kind, name)
    if why:
        raise UnknownMethod(kind.__name__, name, why)
    function = inspect.unwrap(getattr(kind, name))
    has_self = isinstance(inspect.getattr_static(kind, name), FunctionType)
    return Method(
        f"{kind.__name__}.{name}",
        function,
        has_self,
        inspect.isasyncgenfunction(function),
        _counts(function, has_self=has_self),
    )


def _counts(function: Callable[..., Any], *, has_self: bool) -> range:
    """Return how many positional arguments fit; none where keyword arguments are needed too.

    Not by ``inspect.signature``: each process that is started would touch a lot of memory for it.
    """
    code: CodeType | None = getattr(function, "__code__", None)
    if code is None or code.co_kwonlyargcount > len(function.__kwdefaults__ or ()):
        return range(0)
    most = code.co_argcount - (has_self or isinstance(function, MethodType))
    least = most - len(function.__defaults__ or ())
    return range(least, sys.maxsize if code.co_flags & inspect.CO_VARARGS else most + 1)


def _why_not(kind: type[Actor], name: str) -> str:
    """Return why nobody may call it; empty if anybody may."""
    if name.startswith("_"):
        return "it is private"
    if name in kind._own_names:
        return "it belongs to supctl.Actor"
    found = getattr(kind, name, None)
    if found is None:
        near = get_close_matches(name, public_methods(kind), 1)
        return f"there is no such method; did you mean {near[0]!r}?" if near else "there is none"
    function = inspect.unwrap(found) if callable(found) else None
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return ""
    return "it is no async method"
