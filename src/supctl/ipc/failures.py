"""Exceptions on the wire: what is told of one, and how it is made again.

A report of what went wrong must get through, so nothing here fails because of what an
exception holds: a value that cannot be sent is replaced by its ``repr``.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, Final

from supctl.errors import RemoteError, SupctlError

from .extensions import ERROR, MARKS, Form, Opaque
from .registry import Registry, type_name

LONGEST: Final = 8 * 1024
"""Characters of a text that says what an error is; of a longer one, its end is sent."""

NOTE: Final = "Traceback in the other process:\n"


def dump_error(
    error: BaseException, registry: Registry, fits: Callable[[Any], bool], longest: int
) -> Form:
    """Return the form of an exception: a mark and a map.

    Args:
        error: any exception.
        registry: where its name is looked up.
        fits: whether a value can be sent.
        longest: characters of the traceback that are sent; of a longer one, its end.
    """
    trace = _traceback_of(error)
    if len(trace) > longest:
        trace = "..." + trace[-longest:]
    return _form(error, registry, fits, trace)


def _form(
    error: BaseException, registry: Registry, fits: Callable[[Any], bool], trace: str
) -> Form:
    def part(value: Any) -> Any:
        if isinstance(value, BaseException):
            return _form(value, registry, fits, "")  # its traceback is in that of the whole
        if isinstance(error, BaseExceptionGroup) and isinstance(value, list | tuple):
            return [part(item) for item in value]
        return value if fits(value) else Opaque(type_name(type(value)), _text_of(value, repr))

    code, category = ("", "")
    if isinstance(error, SupctlError):
        code, category = error.code, error.category
    fields = {name: part(value) for name, value in vars(error).items() if name != "__notes__"}
    return [
        MARKS[ERROR],
        {
            "type": registry.names.get(type(error), type_name(type(error))),
            "message": _text_of(error, str),
            "code": code,
            "category": category,
            "args": [part(value) for value in _arguments(error)],
            "fields": fields,
            "notes": [str(note) for note in getattr(error, "__notes__", ())],
            "traceback": trace,
        },
    ]


def load_error(registry: Registry, told: dict[str, Any]) -> Exception:
    """Return the exception that was told of, of its own type if that is known here.

    Raises:
        Exception: of any type, if this is not what :func:`dump_error` makes.
    """
    name, message, fields = str(told["type"]), str(told["message"]), dict(told["fields"])
    error = _rebuilt(registry.errors.get(name), list(told["args"]), fields)
    if error is None:
        public = {key: value for key, value in fields.items() if not key.startswith("_")}
        error = RemoteError(name, message, public)
    for note in told["notes"]:
        error.add_note(str(note))
    if told["traceback"]:
        error.add_note(f"{NOTE}{told['traceback']}".rstrip())
    return error


def _rebuilt(
    kind: type[Exception] | None, args: list[Any], fields: dict[str, Any]
) -> Exception | None:
    if kind is None:
        return None
    try:
        error = kind(*args)
    except Exception:
        if kind.__module__ == "builtins":
            return None
        error = kind.__new__(kind, *args)  # as copy does with one whose constructor wants others
        error.args = tuple(args)
    if not isinstance(error, Exception):
        return None
    vars(error).update(fields)
    return error


def _arguments(error: BaseException) -> tuple[Any, ...]:
    """Return what the constructor wants; an OSError keeps its file name outside of ``args``."""
    if not isinstance(error, OSError):
        return error.args
    reduced = error.__reduce__()
    return reduced[1] if isinstance(reduced, tuple) else error.args


def _traceback_of(error: BaseException) -> str:
    """Return the formatted traceback with its causes; empty if it never was raised."""
    if error.__traceback__ is None and error.__cause__ is None:
        return ""
    summary = traceback.TracebackException.from_exception(error)
    summary.__notes__ = None  # they travel by themselves
    return "".join(summary.format())


def _text_of(value: Any, show: Callable[[Any], str]) -> str:
    """Return a text that UTF-8 can hold, whatever the value's own code does."""
    try:
        text = show(value)
    except Exception as failure:
        text = f"<{type_name(type(value))} without text: {type(failure).__name__}>"
    return text[-LONGEST:].encode(errors="backslashreplace").decode()
