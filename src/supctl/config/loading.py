"""Find a file, read it, recognise its format, and make a tree of it or say all its mistakes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from supctl.specs import Supervisor
from supctl.specs.names import as_name

from .discovery import Discovery, discover, is_usual_name
from .formats import recognise
from .imports import Import, Remark
from .mistakes import ConfigErrors
from .native import NativeReader, place_of
from .reading import Reader
from .source import Source, read_source
from .surroundings import find_mistakes
from .syntax import is_json, parse


@dataclass(frozen=True, slots=True)
class LoadedTree:
    """A file, understood.

    Args:
        root: the tree.
        source: the file.
        format: what it was read as, for people: ``"TOML"``, ``"JSON"``, ``"gosv"``.
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
    """Return the file that is meant: itself, or what :func:`~.discovery.discover` finds.

    Args:
        given: a file or a directory; the current directory when ``None``.

    Raises:
        ConfigErrors: there is none.
    """
    return _found(given).path


def _found(given: str | os.PathLike[str] | None) -> Discovery:
    path = Path(given if given is not None else ".")
    return discover(path) if path.is_dir() else Discovery(path)


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
    file = _found(path)
    source = read_source(file.path, os.environ if environ is None else environ)
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
        said = (
            found.placed(it, native=number >= ours) for number, it in enumerate(reader.mistakes)
        )
        raise ConfigErrors(replace(it, file=reader.file) for it in said)
    notes = (*_taken(file), *reader.notes)
    return LoadedTree(root, source.path, name, notes, found.document, tuple(found.remarks))


def _taken(file: Discovery) -> Iterator[str]:
    """Yield what has to be said of a choice between files."""
    if file.passed_over:
        others = ", ".join(it.name for it in file.passed_over)
        yield f"{file.path.name} is taken; beside it there are {others}"


def _read(source: Source, found: Import) -> str:
    """Fill ``found`` with what a file says; return what its format is called."""
    theirs = recognise(source)
    if theirs is not None:
        theirs.reader.read(source, found)
        return theirs.name
    as_json = is_json(source.path, source.content)
    found.document = parse(source.content, str(source.path), as_json=as_json)
    return "JSON" if as_json else "TOML"


def tree_name(source: Path) -> str:
    """Return the name of the tree in ``source``: it names the default directory for its logs.

    The file's own name, or its directory's where the file is called as such files are.
    """
    path = source.absolute()
    stem = path.parent.name if is_usual_name(path) else path.stem
    return as_name(stem) or "tree"
