"""Where the programs of others are installed: an environment for each, kept for the next time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from platformdirs import user_cache_path


class NotToBeHad(Exception):
    """It cannot be installed or does not run here; the text says why."""


def python_with(name: str, requirements: Sequence[str], *, complete: bool) -> str:
    """Return a Python that has ``requirements`` installed.

    Args:
        name: of its environment.
        complete: whether the requirements name everything that is needed, so that what each
            asks for besides is not looked at.

    Raises:
        NotToBeHad: there is no network, or no such package for this Python.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = user_cache_path("supctl") / "benchmarks" / f"{name}-{version}"
    python, is_ready = folder / "bin" / "python", folder / "is-ready"
    wanted = "\n".join(requirements)
    if not is_ready.exists() or is_ready.read_text() != wanted:
        _run(sys.executable, "-m", "venv", "--clear", str(folder))
        options = ["--quiet", "--disable-pip-version-check", *(["--no-deps"] if complete else [])]
        _run(str(python), "-m", "pip", "install", *options, *requirements)
        is_ready.write_text(wanted)
    return str(python)


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        raise NotToBeHad(f"it cannot be installed: {last_line(error)}") from error


def last_line(error: subprocess.CalledProcessError) -> str:
    """Return the last thing that a command said."""
    said: str = error.stderr.strip()
    return said.splitlines()[-1] if said else str(error)
