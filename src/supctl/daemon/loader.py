"""Reads the file of a project in a process of its own: what is in it may be a program."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import trio

from supctl.config.files_read import Files

from .code import own_command
from .followed import Followed

_WITHIN: Final = 120.0
"""Seconds; code of others that is in a file has a limit of its own, and a shorter one."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a file says.

    Args:
        tree: as a ``supctl.json`` holds it, if the file can be used.
        files: that were read or looked for.
        watches_itself: whether it says ``watch_config``.
        plugins: what plugins changed in the tree, as of :class:`~.desired.Project`.
        mistakes: what is wrong with it.
    """

    tree: dict[str, Any] = field(default_factory=dict)
    files: Files = field(default_factory=dict)
    watches_itself: bool = False
    plugins: dict[str, list[str]] = field(default_factory=dict)
    mistakes: tuple[str, ...] = ()

    def as_json(self) -> str:
        """Return it as one process tells it to another."""
        return json.dumps(asdict(self))


async def load(paths: Sequence[str], profile: str, followed: Followed) -> Loaded:
    """Return what files say now, as if who has started the project had asked.

    Args:
        paths: of the file, and of those that override it.
    """
    command = own_command("daemon", "load", "--profile", profile, "--", *paths)
    with trio.move_on_after(_WITHIN):
        try:
            done = await trio.run_process(
                command,
                cwd=followed.directory,
                env=followed.environ,
                capture_stdout=True,
                capture_stderr=True,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except OSError as error:
            return _failed(followed, f"it cannot be read: {error.strerror}")
        return _told(followed, done)
    return _failed(followed, f"it was not read within {_WITHIN:g} s")


def _told(followed: Followed, done: subprocess.CompletedProcess[bytes]) -> Loaded:
    try:
        told = json.loads(done.stdout)
        return Loaded(**{**told, "mistakes": tuple(told["mistakes"])})
    except (ValueError, TypeError, KeyError):
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        return _failed(followed, f"it cannot be read (exit status {done.returncode}): {said}")


def _failed(followed: Followed, why: str) -> Loaded:
    return Loaded(files=followed.files, mistakes=(why,))
