"""The environment of an app from a file: a documented minimum, and what the file adds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import translate
from functools import cache
from typing import Final, Literal, TypeAlias

from supctl.specs import Secret

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
whoever starts it. ``inherit_env`` widens it, or does without (:data:`Inherit`).
"""


Inherit: TypeAlias = bool | tuple[str, ...] | Literal["nothing", "at-start"]
"""What an app inherits of the environment that supctl runs in.

``False``: :data:`BASE`; ``True``: everything; names: these as well as :data:`BASE` (a name may
hold ``*`` and ``?``, as in a shell). All of these as the environment is when the file is read, and
with the :func:`identity` of the app's user. ``"nothing"``: neither; what the file says is all.
``"at-start"``: everything, as it is whenever the app starts, and nothing else.
"""


def environment(
    environ: Mapping[str, str],
    wanted: Inherit,
    given: Mapping[str, str | Secret],
    user: str | int | None,
) -> dict[str, str | Secret] | None:
    """Return the environment of an app, for :attr:`supctl.App.env`.

    Args:
        wanted: what is inherited of ``environ``.
        given: what the file adds.
        user: who the app runs as; ``None`` for whoever supctl runs as.
    """
    if wanted == "at-start":
        return None
    if wanted == "nothing":
        return dict(given)
    who = {} if user is None else identity(user)
    return {**inherited(environ, wanted), **who, **given}


def inherited(environ: Mapping[str, str], wanted: bool | tuple[str, ...]) -> dict[str, str]:
    """Return what an app inherits of ``environ``: see :data:`Inherit`."""
    if wanted is True:
        return dict(environ)
    is_wanted = _pattern(BASE + (wanted or ())).match
    return {name: value for name, value in environ.items() if is_wanted(name)}


@cache
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    """Return one pattern for all of them: thousands of apps may ask for the same."""
    return re.compile("|".join(map(translate, names)))


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
