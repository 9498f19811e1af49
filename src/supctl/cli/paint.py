"""Colours, where somebody sees them."""

from __future__ import annotations

import os
import sys

import click


def is_painted() -> bool:
    """Return whether output may have colours: on a terminal, unless NO_COLOR is set."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def painted(text: str, colour: str | int | None, *, dim: bool = False) -> str:
    """Return ``text`` in a colour of :func:`click.style`, where colours may be."""
    if not is_painted() or not (colour or dim):
        return text
    return click.style(text, fg=colour, dim=dim or None)
