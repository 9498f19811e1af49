"""The code that a daemon and its reaper run: a copy of this package, which stays as it is.

Whoever upgrades the package replaces its files below a daemon that runs. That loads some of them
later, and so does the next daemon if this one is killed; and an upgrade that fails needs the code
from before. So each version that is run is kept, by hard links where that is possible: package
managers replace files and do not write into them.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

from supctl._version import __version__
from supctl.backends.reaper.program import Program
from supctl.backends.reaper_program import reaper_program
from supctl.errors import InvalidConfig, StorageFailed

PACKAGE: Final = Path(__file__).parents[1]
"""That we are part of."""

_START: Final = "__main__.py"


def own_program() -> Program:
    """Return how a daemon of the code is started that runs here."""
    return program_at(PACKAGE.parent)


def own_command(*words: str) -> list[str]:
    """Return how another process of the code is started that runs here."""
    return [sys.executable, *_way(PACKAGE.parent), *words]


def program_at(root: Path) -> Program:
    """Return how a daemon of our version is started.

    Args:
        root: directory that the package is in: as :func:`keep_code` returns it, or as installed.
    """
    serve = [sys.executable, *_way(root), "daemon", "serve"]
    return Program(__version__, serve, reaper_program(root))


def _way(root: Path) -> list[str]:
    return [str(root)] if (root / _START).is_file() else ["-m", PACKAGE.name]


def keep_code(package: Path, directory: Path) -> Path:
    """Return a directory with a copy of ``package`` that can be run; it is made if it is missing.

    Args:
        package: this one, in whatever version.
        directory: that of all copies.

    Raises:
        InvalidConfig: ``package`` is something else.
        StorageFailed: it cannot be copied.
    """
    if not (package / "_version.py").is_file() or package.name != PACKAGE.name:
        raise InvalidConfig("package", str(package), f"the directory of a {PACKAGE.name} package")
    try:
        root = directory / _fingerprint(package)
        if not root.is_dir():
            _copy(package, root)
    except OSError as error:  # also that of shutil, which has no number
        number = error.errno or errno.EIO
        raise StorageFailed(str(directory), number, f"a copy of {package}") from None
    return root


def drop_others(directory: Path, kept: Path) -> None:
    """Delete all copies but ``kept``. For who knows that nobody runs them."""
    with suppress(OSError):
        for root in directory.iterdir():
            if root != kept:
                shutil.rmtree(root, ignore_errors=True)


def _fingerprint(package: Path) -> str:
    """Return a name that no other code has: by all names, sizes and times of change."""
    found = blake2b(digest_size=8)
    for path, stat in sorted(_sources(str(package)), key=lambda it: it[0]):
        found.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return f"{sys.implementation.cache_tag}-{found.hexdigest()}"


def _sources(directory: str) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _sources(entry.path)
            elif not entry.name.endswith(".pyc"):
                yield entry.path, entry.stat()


def _copy(package: Path, root: Path) -> None:
    """Make the copy. It is there as a whole or not at all."""
    draft = root.with_name(f".{root.name}-{os.getpid()}")
    try:
        shutil.copytree(
            package, draft / package.name, ignore=_of_others, copy_function=_link_or_copy
        )
        main = f"from {package.name}.cli.main import main\n\nmain(prog_name={package.name!r})\n"
        (draft / _START).write_text(main)
        draft.rename(root)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _of_others(_: str, names: list[str]) -> list[str]:
    """Return what is compiled for other interpreters."""
    ours = f".{sys.implementation.cache_tag}.pyc"
    return [name for name in names if name.endswith(".pyc") and not name.endswith(ours)]


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # on another file system, or somebody else's
        shutil.copy2(source, target)
