"""Code that blocks, in actors: it runs in a thread, so that its process goes on to answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import trio


def in_thread(function: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return an async function that runs a plain one in a thread.

    Cancelling it waits for the function: a thread cannot be stopped, and the actor is not to do two
    things at once.
    """

    async def run(*args: Any, **kwargs: Any) -> Any:
        return await trio.to_thread.run_sync(partial(function, *args, **kwargs))

    run.__name__, run.__qualname__ = function.__name__, function.__qualname__
    run.__doc__ = function.__doc__
    return run


def threaded(kind: type[Any]) -> type[Any]:
    """Return an actor class like ``kind`` whose plain public methods can be called: in threads."""
    if (known := _THREADED.get(kind)) is not None:
        return known
    members = {
        name: in_thread(found)
        for name, found in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
        and name not in kind._own_names
        and not inspect.iscoroutinefunction(found)
        and not inspect.isasyncgenfunction(found)
    }
    made = type(kind.__name__, (kind,), {"__module__": kind.__module__, **members})
    _THREADED[kind] = made
    return made


_THREADED: WeakKeyDictionary[type[Any], type[Any]] = WeakKeyDictionary()
