"""``.envrc``: what direnv makes of it, where it was allowed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Final

from supctl.specs import App
from supctl.specs.placeholders import literal

from .project import Projects
from .tool import Tool, Variables

_PATIENCE = 4.0
"""Seconds that direnv may take for all directories of a file; less than any plugin may."""

_OWN: Final = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")
"""Variables that say where direnv keeps what its user has allowed."""


class Direnv(Tool):
    """The one tool that is run: only its own program can say what an ``.envrc`` means.

    It does nothing for a file that whoever runs supctl has not allowed (``direnv allow``). Not for
    apps that run as somebody else: what is allowed to one is not to another.
    """

    name, priority = "direnv", 50
    marks, reads = (".envrc",), ("*",)

    def __init__(self, environ: Mapping[str, str], projects: Projects) -> None:
        super().__init__(environ, projects)
        self._deadline: float | None = None

    def variables(self, spec: App, directories: tuple[Path, ...]) -> Variables:
        """Return what ``direnv export`` says.

        Raises:
            OSError: direnv fails, takes too long, or does not allow it.
        """
        from shutil import which  # only here, too

        path = self._environ.get("PATH", "")
        program = None if spec.user is not None else which("direnv", path=path)
        if program is None:
            return {}
        env = spec.environment({})
        said = _output([program, "export", "json"], directories[0], self._seen(env), self._left())
        changes = json.loads(said or "{}")
        return {
            name: value and literal(value)
            for name, value in changes.items()
            if not name.startswith("DIRENV_") and value != env.get(name)
        }

    def _seen(self, env: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of an app, as direnv needs it to know its user."""
        own = {name: self._environ[name] for name in _OWN if name in self._environ}
        return {"PATH": self._environ.get("PATH", ""), **env, **own, "TERM": "dumb"}

    def _left(self) -> float:
        """Return the seconds that are left; they count from the first time."""
        if self._deadline is None:
            self._deadline = monotonic() + _PATIENCE
        return max(0.0, self._deadline - monotonic())


def _output(command: list[str], cwd: Path, env: Mapping[str, str], patience: float) -> str:
    """Return what a program writes; it and what it started is ended if it takes too long."""
    import subprocess  # only here: few have direnv

    pipe = subprocess.PIPE
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise OSError(f"direnv took more than {_PATIENCE:g} s") from None
    if process.returncode or "is blocked" in errors:
        told = errors.strip().rpartition("\n")[2].removeprefix("direnv: error ")
        raise OSError(told or f"direnv ended with code {process.returncode}")
    return output
