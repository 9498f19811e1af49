"""A limit for code that is not ours."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


class TookTooLong(Exception):
    """Something is not done in time."""


def within(limit: float, call: Callable[[], T]) -> T:
    """Return what ``call`` returns, if that takes no more than ``limit`` seconds.

    It runs in a thread of its own. One that takes too long is left behind, as nothing can end a
    thread; it does not keep the process from ending.

    Raises:
        TookTooLong: it is not done.
        RuntimeError: it wanted to end the process, or this thread.
        Exception: what it raised.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # SystemExit, too, is somebody else's answer
            errors.append(error)

    context = copy_context()  # what is read in it counts as read here
    thread = Thread(target=context.run, args=(run,), name="supctl plugin", daemon=True)
    thread.start()
    thread.join(limit)
    if thread.is_alive():
        raise TookTooLong(f"it took more than {limit:g} s")
    if errors:
        error = errors[0]
        raise error if isinstance(error, Exception) else RuntimeError(f"it raised {error!r}")
    return results[0]
