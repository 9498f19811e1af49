"""``share_port``: instances of a Node.js program listen on one port, as in PM2's cluster mode."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_LOADED_FIRST: Final = Path(__file__).parent / "javascript" / "share_port.cjs"
_OPTION: Final = f"--require={json.dumps(str(_LOADED_FIRST))}"  # quoted as NODE_OPTIONS wants it


def with_shared_port(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a program of Node.js that shares its port with its instances.

    The kernel deals connections out among all that listen with ``SO_REUSEPORT`` (socket(7)), an
    option that Node.js knows since 22.12 and 23.1, and that nothing but code in the program can
    set. What is sent to other programs, and to older versions, changes nothing there.
    """
    alone = without_shared_port(env)
    options = alone.get("NODE_OPTIONS", "")
    return {**alone, "NODE_OPTIONS": f"{options} {_OPTION}".lstrip()}


def without_shared_port(env: Mapping[str, str]) -> dict[str, str]:
    """Return the same environment for a program that does not share its port."""
    options = env.get("NODE_OPTIONS", "")
    if _OPTION not in options:
        return dict(env)
    others = {name: text for name, text in env.items() if name != "NODE_OPTIONS"}
    rest = options.replace(_OPTION, "").strip()
    return {**others, "NODE_OPTIONS": rest} if rest else others
