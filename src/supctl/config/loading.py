"""Find a file, read it, recognise its format, and make a tree of it or say all its mistakes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from supctl.specs import Supervisor
from supctl.specs.names import as_name

from .formats import Source, recognise
from .imports import Import, Remark
from .mistakes import ConfigErrors, Mistake
from .native import NativeReader, place_of
from .reading import Reader
from .surroundings import find_mistakes
from .syntax import is_json, parse
from .yaml_syntax import is_yaml, parse_yaml

FILE_NAMES: Final = ("supctl.toml", "supctl.yaml", "supctl.yml", "supctl.json", "services.json")
"""What is looked for in a directory, in this order."""

_LARGEST: Final = 16 * 2**20
"""Bytes; ten thousand apps fit, and /dev/zero does not fill the memory."""


@dataclass(frozen=True, slots=True)
class LoadedTree:
    """A file, understood.

    Args:
        root: the tree.
        source: the file.
        format: what it was read as, for people: ``"TOML"``, ``"YAML"``, ``"JSON"``, ``"gosv"``.
        notes: what is legal and perhaps not meant, one sentence each.
        document: what ``supctl.toml`` would say.
        remarks: what became of the keys of another tool's file.
    """

    root: Supervisor
    source: Path
    format: str
    notes: tuple[str, ...]
    document: dict[str, Any]
    remarks: tuple[Remark, ...] = ()


def find_file(given: str | os.PathLike[str] | None = None) -> Path:
    """Return the file that is meant: itself, or the first of :data:`FILE_NAMES` in a directory.

    Args:
        given: a file or a directory; the current directory when ``None``.

    Raises:
        ConfigErrors: there is none.
    """
    path = Path(given if given is not None else ".")
    if not path.is_dir():
        return path
    for name in FILE_NAMES:
        if (path / name).is_file():
            return path / name
    wanted = " or ".join((", ".join(FILE_NAMES[:-1]), FILE_NAMES[-1]))
    where = "the current directory" if given is None else str(path)
    mend = "name the file, or write one"
    raise ConfigErrors([Mistake("", f"{where} holds no file for supctl", wanted, mend)])


def load(
    path: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    to_run_here: bool = True,
) -> LoadedTree:
    """Return the tree that a file describes, checked as far as a look at this system can tell.

    Args:
        path: as for :func:`find_file`. The format is told by name and content.
        environ: what apps inherit from; our own environment when ``None``.
        to_run_here: whether this system must have their programs, directories and users.

    Raises:
        ConfigErrors: with everything that is wrong.
    """
    source = _source(find_file(path), os.environ if environ is None else environ)
    reader = Reader(str(source.path))
    found = Import(reader)
    name = _read(source, found)
    ours = len(reader.mistakes)
    root = None
    if found.document or not reader.mistakes:
        native = NativeReader(reader, source.directory, source.environ)
        root = native.root(found.document, tree_name(source.path))
    if root is not None and to_run_here:
        reader.mistakes += find_mistakes(root, place_of)
    if reader.mistakes or root is None:
        theirs = (replace(it, place=found.place_of(it.place)) for it in reader.mistakes[ours:])
        said = [*reader.mistakes[:ours], *theirs]
        raise ConfigErrors(replace(it, file=reader.file) for it in said)
    return LoadedTree(
        root, source.path, name, tuple(reader.notes), found.document, tuple(found.remarks)
    )


def _read(source: Source, found: Import) -> str:
    """Fill ``found`` with what a file says; return what its format is called."""
    theirs = recognise(source)
    if theirs is not None:
        theirs.reader.read(source, found)
        return theirs.name
    if is_yaml(source.path):
        found.document = parse_yaml(source.content, str(source.path))
        return "YAML"
    as_json = is_json(source.path, source.content)
    found.document = parse(source.content, str(source.path), as_json=as_json)
    return "JSON" if as_json else "TOML"


def _source(path: Path, environ: Mapping[str, str]) -> Source:
    # What comes through a pipe, /dev/fd/63, lies in no directory that means anything.
    directory = path.absolute().parent if path.is_file() else Path.cwd()
    return Source(path, _content(path), directory, environ)


def tree_name(source: Path) -> str:
    """Return the name of the tree in ``source``: it names the default directory for its logs.

    The file's own name, or its directory's where the file is called as such files are.
    """
    path = source.absolute()
    stem = path.parent.name if path.name in FILE_NAMES else path.stem
    return as_name(stem) or "tree"


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        wanted = "a file that can be read"
        mend = "check its name" if isinstance(error, FileNotFoundError) else ""
        raise ConfigErrors([Mistake("", why, wanted, mend, str(path))]) from None
    if len(content) > _LARGEST:
        seen, wanted = f"is larger than {_LARGEST} bytes", "a file that somebody wrote"
        raise ConfigErrors([Mistake("", seen, wanted, file=str(path))])
    return content
