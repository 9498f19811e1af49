"""What of a directory tree is of no interest: patterns as in ``.gitignore``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import translate
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from supctl.errors import Unsupported

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_DIRECTORIES: Final = frozenset({
    *(".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", ".tox", ".nox"),
    *(".mypy_cache", ".ruff_cache", ".pytest_cache"),
})  # fmt: skip
_FILES: Final = (
    *("*.py[co]", "*.log", "*.pid", "supctl.toml", "supctl.yaml", "supctl.yml", "supctl.json"),
    *("*.sw[a-p]", "*~", ".#*", "#*#", "4913", "*___jb_tmp___", "*___jb_old___", ".DS_Store"),
)
"""What no program is made of: files of supctl and of programs that run, of version control, package
managers, caches and editors."""

_USUAL: Final = re.compile("|".join(map(translate, _FILES)))

_GITIGNORE: Final = ".gitignore"


@dataclass(frozen=True, slots=True)
class Rules:
    """What is ignored in one directory and below it.

    Args:
        own: what was asked for, with its directory; decides where it says anything.
        layers: ``.gitignore`` files, each with its directory; the last that says anything decides.
        private: absolute paths of what is ignored whatever the patterns say.
        heeds_git: whether there are such files to be looked for.
    """

    own: tuple[str, GitIgnoreSpec]
    layers: tuple[tuple[str, GitIgnoreSpec], ...] = ()
    private: Collection[str] = frozenset()
    heeds_git: bool = True

    def ignores(self, path: str, *, is_directory: bool) -> bool:
        """Return whether what is at an absolute path is of no interest."""
        if path in self.private:
            return True
        said = _said(*self.own, path, is_directory)
        if said is not None:
            return said
        name = path.rpartition("/")[2]
        if name in _DIRECTORIES if is_directory else _USUAL.match(name):
            return True
        found = (_said(*it, path, is_directory) for it in reversed(self.layers))
        return next((it for it in found if it is not None), False)

    def is_like(self, other: Rules) -> bool:
        """Return whether it says the same of everything as ``other`` of the same area."""
        ours, theirs = (it.layers for it in (self, other))
        return len(ours) == len(theirs) and all(
            a[1] is b[1] for a, b in zip(ours, theirs, strict=True)
        )

    def within(self, directory: str) -> Rules:
        """Return what holds in a directory below, which may have a ``.gitignore`` of its own."""
        patterns = _patterns_of(Path(directory, _GITIGNORE)) if self.heeds_git else None
        if patterns is None:
            return self
        return replace(self, layers=(*self.layers, (directory, patterns)))


def rules_for(
    root: str, base: str, ignore: Iterable[str], *, heeds_git: bool, private: Collection[str] = ()
) -> Rules:
    """Return what is ignored in the directory ``root`` itself.

    Args:
        base: directory that the patterns ``ignore`` are relative to.
        heeds_git: whether what git ignores is: by the ``.gitignore`` files of the repository.
        private: as of :class:`Rules`.

    Raises:
        Unsupported: the library that understands patterns is not installed.
    """
    if root != base and not root.startswith(f"{base.rstrip('/')}/"):
        base = root  # elsewhere
    own = base, compiled(tuple(ignore))
    rules = Rules(own, private=frozenset(private), heeds_git=heeds_git)
    for directory in _repository_above(root) if heeds_git else ():
        rules = rules.within(directory)
    return rules


def _said(directory: str, patterns: GitIgnoreSpec, path: str, is_directory: bool) -> bool | None:
    """Return whether patterns of a directory ignore what is below it; ``None`` if none is of it."""
    below = path.removeprefix(directory).lstrip("/")
    return patterns.check_file(below + "/" * is_directory).include if patterns else None


def _repository_above(root: str) -> Iterator[str]:
    """Yield the directories from the root of a repository down to above ``root``, if it is in
    one."""
    above = Path(root).parents
    for number, directory in enumerate((Path(root), *above)):
        if (directory / ".git").exists():
            yield from (str(it) for it in reversed(above[:number]))
            return


def _patterns_of(file: Path) -> GitIgnoreSpec | None:
    try:
        lines = file.read_text(errors="replace").splitlines()
    except OSError:
        return None
    try:
        return compiled(tuple(lines))
    except ValueError:  # a line that means nothing; git passes over it
        return compiled(tuple(line for line in lines if is_pattern(line)))


def is_pattern(line: str) -> bool:
    """Return whether a line is a pattern, or means nothing by intent.

    Raises:
        Unsupported: as :func:`rules_for`.
    """
    try:
        compiled((line,))
    except ValueError:
        return False
    return True


@lru_cache(maxsize=128)
def compiled(lines: tuple[str, ...]) -> GitIgnoreSpec:
    """Return what such lines of a `.gitignore` match.

    Raises:
        Unsupported: as :func:`rules_for`.
        ValueError: one of them is no pattern.
    """
    try:
        from pathspec import GitIgnoreSpec
    except ImportError:
        mend = "pip install 'supctl[watch]'"
        raise Unsupported("watch", "a Python without pathspec", mend) from None
    return GitIgnoreSpec.from_lines(lines)
