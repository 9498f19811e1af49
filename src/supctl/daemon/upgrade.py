"""From one version of the daemon to another, while all that it supervises runs on."""

from __future__ import annotations

import json
import logging
import subprocess
from pathlib import Path
from typing import Final

import trio

from supctl._version import __version__
from supctl.backends.base import Backend
from supctl.backends.reaper.program import Program
from supctl.control.home import Home
from supctl.errors import InvalidConfig, ProtocolError, UpgradeFailed
from supctl.supervision.tree import Tree

from .asking import command
from .audit import Audit
from .code import keep_code

_log = logging.getLogger("supctl.daemon")

_LOADED_WITHIN: Final = 30.0
"""Seconds that new code may take until it has told how it is started."""

_LAST_ANSWERS: Final = 5.0
"""Seconds for the answers to other commands that are under way."""

_ENDED_WITHIN: Final = 10.0
"""Seconds in which the reaper ends us when we have asked for that."""

_LAST_LINES: Final = 5


class Upgrades:
    """Has this daemon followed by one of other code.

    Args:
        tree: that is to run on.
        home: of the daemon.
        backend: knows the reaper.
        audit: knows what is under way.
    """

    def __init__(self, tree: Tree, home: Home, backend: Backend, audit: Audit) -> None:
        self._tree, self._home, self._backend, self._audit = tree, home, backend, audit

    async def upgrade(self, *, python: str, package: str, within: float) -> None:
        """End this daemon, and have one of other code take over. There is no answer but an error:
        whoever asks loses us, and asks the next daemon how it has become what it is.

        Args:
            python: the interpreter.
            package: directory of the code; it is copied.
            within: seconds in which the new daemon must serve; else the present code is started
                again.

        Raises:
            InvalidConfig: there is no such code, or no such time.
            StorageFailed: it cannot be copied.
            UpgradeFailed: it cannot be loaded. Nothing has changed.
        """
        if not within > 0:
            raise InvalidConfig("within", within, "a positive number of seconds")
        root = await trio.to_thread.run_sync(keep_code, Path(package), self._home.code)
        program = await _ask(python, root)
        with command(self._tree, "/", "daemon upgrade"):
            _log.info("upgrade from %s to %s", __version__, program.version)
        with trio.move_on_after(_LAST_ANSWERS):
            await self._audit.idle(but=1)
        self._backend.upgrade(program, within)
        await trio.sleep(_ENDED_WITHIN)
        raise UpgradeFailed(program.version, "the reaper did not obey", "")


async def _ask(python: str, root: Path) -> Program:
    """Return how a daemon is started, as new code tells it, which loads all of it and its reaper.

    Raises:
        UpgradeFailed: it cannot be.
    """
    told = await _load("", [python, str(root), "daemon", "program"])
    try:
        program = Program.of(json.loads(told))
    except (ValueError, ProtocolError) as error:
        raise UpgradeFailed("", f"it does not tell how it is started: {error}", "") from None
    await _load(program.version, [*program.reaper, "check"])
    return program


async def _load(version: str, command: list[str]) -> bytes:
    """Run a command of new code, and return what it prints. Raises UpgradeFailed."""
    with trio.move_on_after(_LOADED_WITHIN):
        try:
            done = await trio.run_process(
                command,
                capture_stdout=True,
                capture_stderr=True,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except OSError as error:
            why = f"{command[0]} cannot be started: {error.strerror}"
            raise UpgradeFailed(version, why, "") from None
        if done.returncode:
            said = done.stderr.decode(errors="replace").splitlines()
            why = f"it cannot be loaded (exit status {done.returncode})"
            raise UpgradeFailed(version, why, "\n".join(said[-_LAST_LINES:]))
        return done.stdout
    raise UpgradeFailed(version, f"it was not loaded within {_LOADED_WITHIN:g} s", "")
