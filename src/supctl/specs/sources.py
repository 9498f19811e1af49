"""``Sources``: the files that a program is made of, and when it is started anew for them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from supctl.errors import InvalidConfig

from .policy import check_seconds

Paths: TypeAlias = Sequence[str | os.PathLike[str]]


@dataclass(frozen=True, slots=True, init=False)
class Sources:
    """Files and directories; when one of them changes, the program is restarted.

    Needs the extra ``supctl[watch]``. What no program is made of is ignored: ``.git``,
    ``node_modules``, ``__pycache__``, virtual environments, caches, what editors leave, and files
    and directories that supctl itself writes.

    Args:
        paths: of files, and of directories with all below them, relative to the program's working
            directory; that itself by default.
        ignore: patterns as in ``.gitignore``, relative to the working directory: ``*.log``,
            ``tmp/``, ``!tmp/templates/``.
        gitignore: whether what git ignores is ignored, too.
        debounce: seconds without a change after which it is restarted: a burst is one change.

    Raises:
        InvalidConfig: naming the field and what it wanted.
    """

    paths: tuple[str, ...]
    ignore: tuple[str, ...]
    gitignore: bool
    debounce: float

    def __init__(
        self,
        paths: Paths = (".",),
        *,
        ignore: Sequence[str] = (),
        gitignore: bool = True,
        debounce: float = 0.3,
    ) -> None:
        object.__setattr__(self, "paths", _texts("paths", paths, "src"))
        if not paths:
            raise InvalidConfig("paths", paths, "at least one path, such as 'src'")
        object.__setattr__(self, "ignore", _texts("ignore", ignore, "*.log"))
        if not isinstance(gitignore, bool):
            raise InvalidConfig("gitignore", gitignore, "True or False")
        object.__setattr__(self, "gitignore", gitignore)
        check_seconds("debounce", debounce)
        object.__setattr__(self, "debounce", debounce)

    def __str__(self) -> str:
        where = ", ".join("its directory" if it == "." else it for it in self.paths)
        return f"restarted by edits in {where}"


def sources_of(value: Sources | Paths | bool | None) -> Sources | None:
    """Return what ``App(watch=value)`` means: ``True`` is its working directory, and paths are
    short for :class:`Sources` of them.

    Raises:
        InvalidConfig: it is nothing of that kind.
    """
    if value is None or value is False or isinstance(value, Sources):
        return value or None
    if value is True:
        return Sources()
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise InvalidConfig("watch", value, "True, a list of paths, or Sources(...)")
    return Sources(value)


def _texts(field: str, given: object, example: str) -> tuple[str, ...]:
    if isinstance(given, str | bytes) or not isinstance(given, Sequence):
        raise InvalidConfig(field, given, f"a list of texts, such as [{example!r}]")
    texts = tuple(os.fspath(it) if isinstance(it, os.PathLike) else it for it in given)
    for number, text in enumerate(texts):
        if not isinstance(text, str) or not text or "\0" in text:
            raise InvalidConfig(f"{field}[{number}]", text, f"text, such as {example!r}")
    return texts
