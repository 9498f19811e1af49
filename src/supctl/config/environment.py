"""The environment of an app from a file: a documented minimum, and what the file adds."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final

BASE: Final = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TMPDIR",
)
"""What every app of a file gets of the environment that supctl runs in.

Who it is, where programs are, and how to write text and time: without these, programs
fail in ways that nobody connects with a missing variable. Not ``TERM``: the output is a
pipe, not a terminal. Not secrets, sessions and agents: a file should mean the same
whoever starts it. ``inherit_env`` widens it.
"""


def inherited(environ: Mapping[str, str], wanted: bool | tuple[str, ...]) -> dict[str, str]:
    """Return what an app inherits of ``environ``.

    Args:
        wanted: ``False``: :data:`BASE`; ``True``: everything; names: these as well as
            :data:`BASE`. A name may hold ``*`` and ``?``, as in a shell.
    """
    if wanted is True:
        return dict(environ)
    patterns = BASE + (wanted or ())
    return {
        name: value
        for name, value in environ.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    }


def identity(user: str | int) -> dict[str, str]:
    """Return the variables that say who runs: those of ``user``, not of whoever starts supctl.

    A program that runs as somebody else and finds our ``HOME`` fails at its first file there.
    Empty for an unknown user, which :mod:`.surroundings` reports.
    """
    import pwd  # only here: name services may load libraries

    try:
        entry = pwd.getpwuid(user) if isinstance(user, int) else pwd.getpwnam(user)
    except (KeyError, ValueError, OverflowError):  # ValueError: a NUL in the name
        return {}
    return {
        "HOME": entry.pw_dir,
        "USER": entry.pw_name,
        "LOGNAME": entry.pw_name,
        "SHELL": entry.pw_shell,
    }
