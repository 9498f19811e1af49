"""``%i`` and its like in unit files, as of systemd.unit(5)."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from typing import Final

from supctl.config.environment import identity
from supctl.config.source import Source
from supctl.errors import InvalidConfig

_SPECIFIER: Final = re.compile(r"%(.?)", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\x([0-9a-f]{2})")
_SUFFIX: Final = ".service"

_OF_SYSTEM: Final = {"t": "/run", "S": "/var/lib", "C": "/var/cache", "L": "/var/log", "E": "/etc"}


def is_of_a_user(source: Source) -> bool:
    """Return whether a unit is one of a user's own manager: by the directory it lies in."""
    return source.directory.name == "user"


def specifiers(source: Source, user: str) -> dict[str, str]:
    """Return what stands for each letter.

    Args:
        user: whom the unit runs as; empty for whoever supctl runs as.
    """
    name = source.path.name.removesuffix(_SUFFIX)
    prefix, _, instance = name.partition("@")
    who = identity(int(user) if user.isdecimal() and len(user) < 11 else user) if user else {}
    who = {**source.environ, **who}
    home = who.get("HOME", "/")
    return {
        **(_of_user(source.environ, home) if is_of_a_user(source) else _OF_SYSTEM),
        "n": f"{name}{_SUFFIX}",
        "N": name,
        "p": prefix,
        "P": _unescaped(prefix),
        "j": prefix.rpartition("-")[2],
        "J": _unescaped(prefix.rpartition("-")[2]),
        "i": instance,
        "I": _unescaped(instance),
        "f": "/" + _unescaped(instance or prefix).lstrip("/"),
        "h": home,
        "u": who.get("USER", user),
        "U": user if user.isdecimal() else str(os.geteuid()),
        "s": who.get("SHELL", "/bin/sh"),
        "H": platform.node(),
        "l": platform.node().partition(".")[0],
        "T": source.environ.get("TMPDIR", "/tmp"),
        "V": source.environ.get("TMPDIR", "/var/tmp"),
        "%": "%",
    }


def _of_user(environ: Mapping[str, str], home: str) -> dict[str, str]:
    state = environ.get("XDG_STATE_HOME", f"{home}/.local/state")
    return {
        "t": environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}"),
        "S": state,
        "C": environ.get("XDG_CACHE_HOME", f"{home}/.cache"),
        "L": f"{state}/log",
        "E": environ.get("XDG_CONFIG_HOME", f"{home}/.config"),
    }


def _unescaped(text: str) -> str:
    """Return what systemd-escape(1) made ``text`` of."""
    return _ESCAPE.sub(lambda it: chr(int(it[1], 16)), text.replace("-", "/"))


def expand(field: str, text: str, known: Mapping[str, str]) -> str:
    """Return a value with what its specifiers stand for.

    Raises:
        InvalidConfig: it has one that supctl does not know.
    """

    def stand_for(found: re.Match[str]) -> str:
        if found[1] in known:
            return known[found[1]]
        wanted = "%% for a percent sign, or one of " + ", ".join(f"%{it}" for it in known)
        raise InvalidConfig(field, found[0], wanted)

    return _SPECIFIER.sub(stand_for, text)
