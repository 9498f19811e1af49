"""Find a file, read it, recognise its format, and make a tree of it or say all its mistakes."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from supctl.errors import InvalidConfig
from supctl.specs import Supervisor
from supctl.specs.names import as_name

from .content import read_content
from .discovery import Discovery, discover, is_usual_name
from .env_files import EnvFiles
from .files_read import Files, files_read
from .formats import recognise
from .imports import Import, Remark, told_together
from .layers import Layers
from .merging import Origins
from .mistakes import ConfigErrors, Mistake
from .native import NativeReader, place_of
from .numbering import with_placeholders
from .ports import shared_ports
from .profiles import choose
from .reading import Reader
from .references import References, escaped
from .secrets import open_secrets
from .source import Source, read_source
from .surroundings import Look, find_mistakes

if TYPE_CHECKING:
    from .plugins.enhancing import Enhancement
    from .plugins.fitting import Fitted

_TOLD_AT_ONCE: Final = 6


@dataclass(frozen=True, slots=True)
class LoadedTree:
    """A file, understood.

    Args:
        root: the tree.
        source: the file.
        format: what it was read as, for people: ``"TOML"``, ``"YAML"``, ``"JSON"``, ``"gosv"``.
        notes: what is legal and perhaps not meant, one sentence each.
        tables: what it says, as tables of our own format, with what they refer to.
        remarks: what became of the keys of another tool's file.
        enhancements: what plugins changed; the tables know nothing of it.
        failures: which plugins were passed over and why, one sentence each.
        files: all that was read or looked for. What the code of a JavaScript file reads is not
            known.
    """

    root: Supervisor
    source: Path
    format: str
    notes: tuple[str, ...]
    tables: dict[str, Any]
    remarks: tuple[Remark, ...] = ()
    enhancements: tuple[Enhancement, ...] = ()
    failures: tuple[str, ...] = ()
    files: Files = field(default_factory=dict)

    @property
    def watches_itself(self) -> bool:
        """Whether what runs is to follow the edits of these files (``watch_config``)."""
        return self.tables.get("watch_config") is True

    @property
    def document(self) -> dict[str, Any]:
        """What ``supctl.toml`` would say."""
        document: dict[str, Any] = escaped(self.tables)
        return document

    @property
    def advice(self) -> tuple[str, ...]:
        """The notes, what plugins did, and what of another tool's file is not the same here, in a
        few lines."""
        notes = (*self.notes, *self.failures, *map(str, self.enhancements))
        differences = list(told_together(self.remarks))
        if len(differences) <= _TOLD_AT_ONCE:
            return (*notes, *differences)
        more = f"{len(differences) - _TOLD_AT_ONCE} more of its keys or kinds of keys"
        where = f'{more} are not the same here: "supctl import {self.source}" tells which'
        return (*notes, *differences[:_TOLD_AT_ONCE], where)


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
    over: Sequence[Path] = (),
    profile: str = "",
    to_run_here: bool = True,
) -> LoadedTree:
    """Return the tree that a file describes, checked as far as a look at this system can tell.

    Args:
        path: as for :func:`find_file`. The format is told by name and content.
        environ: what apps inherit from, and what texts refer to; our own environment when
            ``None``.
        over: files of our own format that override it, and later ones the earlier. Paths in them
            are relative to the first file, too.
        profile: name of the profile that is wanted; empty for none.
        to_run_here: whether this system must have their programs, directories and users, and
            plugins may change them.

    Raises:
        ConfigErrors: with everything that is wrong.
    """
    with _collecting_nothing(), files_read() as files:
        return replace(_load(path, environ, over, profile, to_run_here), files=files)


@contextmanager
def _collecting_nothing() -> Iterator[None]:
    """What a file says all stays: to look for garbage among it takes a quarter of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _load(
    path: str | os.PathLike[str] | None,
    environ: Mapping[str, str] | None,
    over: Sequence[Path],
    profile: str,
    to_run_here: bool,
) -> LoadedTree:
    file = _found(path)
    source = read_source(file.path, os.environ if environ is None else environ, profile)
    reader = Reader(str(source.path))
    found = Import(reader)
    read = _read(source, over, found)
    settled = list(reader.mistakes)
    root = None
    if found.document or not settled:
        native = NativeReader(reader, source.directory, source.environ, read.origins)
        root = native.root(_without_profiles(found), tree_name(source.path))
    fit = None
    if root is not None and to_run_here:
        look = Look()
        fit = _fitted(root, native, source, read, look)
        reader.mistakes += find_mistakes(fit.root, place_of, look)
    if reader.mistakes or root is None:
        raise ConfigErrors(_placed(settled, reader.mistakes[len(settled) :], read, found))
    notes = [*_taken(file), *reader.notes, *shared_ports(root, place_of)]
    if to_run_here:
        notes += open_secrets(root, place_of)
    told = tuple(notes), found.document, tuple(found.remarks)
    loaded = LoadedTree(root, source.path, read.format, *told)
    if fit is None:
        return loaded
    return replace(loaded, root=fit.root, enhancements=fit.enhancements, failures=fit.failures)


def _placed(
    settled: Sequence[Mistake], news: Sequence[Mistake], read: _Read, found: Import
) -> Iterable[Mistake]:
    """Return mistakes with their places in the file that says them, each once.

    Args:
        settled: those of reading the file.
        news: those of what it says.
    """
    ours = (replace(it, file=it.file or found.reader.file) for it in settled)
    said = (found.placed(it, native=False) for it in ours)
    later = (read.placed(it, found) for it in news)
    known = (it for it in later if (it.file, it.place) not in read.unresolved)
    return dict.fromkeys([*said, *known])


def _fitted(
    root: Supervisor, native: NativeReader, source: Source, read: _Read, look: Look
) -> Fitted:
    """Return the tree as plugins want it."""
    from .plugins.fitting import fitted  # only here: most commands start nothing

    place = cache(place_of)

    def wants(path: tuple[str, ...], plugin: str) -> bool:
        may_read_env = read.is_ours or plugin != "dotenv"  # other tools read what they read
        return may_read_env and native.wants(place(path), plugin)

    return fitted(root, source.environ, look, wants)


def _without_profiles(found: Import) -> dict[str, Any]:
    """Return a document without what another tool's file says in profiles: the one that is wanted
    is in ``env`` already, and the others are only kept to be written."""
    if not found.remarks:
        return found.document
    return choose(deepcopy(found.document), "", Origins(found.reader.file))


def _taken(file: Discovery) -> Iterator[str]:
    """Yield what has to be said of a choice between files."""
    if file.passed_over:
        others = ", ".join(it.name for it in file.passed_over)
        yield f"{file.path.name} is taken, and not {others}"


@dataclass(frozen=True, slots=True)
class _Read:
    """How a file was read.

    Args:
        format: what it is called.
        origins: of what the document says.
        is_ours: whether our own format is.
        unresolved: file and place of each text that refers to what there is not: whatever else
            is wrong with it means nothing.
    """

    format: str
    origins: Origins
    is_ours: bool = False
    unresolved: set[tuple[str, str]] = field(default_factory=set)

    def placed(self, mistake: Mistake, found: Import) -> Mistake:
        """Return a mistake in the document as one in the file that says it."""
        file, place = self.origins.of(mistake.place)
        return found.placed(replace(mistake, file=file, place=place), native=True)


def _read(source: Source, over: Sequence[Path], found: Import) -> _Read:
    """Fill ``found`` with what a file says."""
    theirs = recognise(source)
    if theirs is None:
        return _read_ours(source, over, found)
    if over:
        seen, wanted = f"is a file of {theirs.name}", "files of supctl, to have one over the other"
        raise ConfigErrors([Mistake("", seen, wanted, file=str(source.path))])
    if source.profile and not theirs.has_profiles:
        wanted = f"none, as a file of {theirs.name} has no profiles"
        raise ConfigErrors(
            [Mistake.of(InvalidConfig("profile", source.profile, wanted), found.reader.file)]
        )
    theirs.reader.read(source, found)
    if not found.is_ours:
        found.document = with_placeholders(found.document)
    return _Read(theirs.name, Origins(found.reader.file))


def _read_ours(source: Source, over: Sequence[Path], found: Import) -> _Read:
    reader, layers = found.reader, Layers(source.path, source.environ)
    contents = {source.path: source.content} | {path: read_content(path) for path in over}
    tables = layers.read(contents)
    reader.mistakes += layers.mistakes
    read = _Read(layers.format, layers.origins, is_ours=True)
    try:
        tables = choose(tables, source.profile, layers.origins)
    except InvalidConfig as error:
        reader.refuse(error)
        tables = choose(tables, "", layers.origins)

    def refuse(error: InvalidConfig) -> None:
        mistake = read.placed(Mistake.of(error), found)
        reader.mistakes.append(mistake)
        read.unresolved.update([(mistake.file, place) for place in _around(mistake.place)])

    env_files = EnvFiles(source.directory, source.environ)
    found.document = References(source.environ, env_files, refuse).resolve(tables)
    return read


def _around(place: str) -> tuple[str, str]:
    """Return a place, and that of the list it is in, if it is in one."""
    return place, place.rpartition("[")[0] if place.endswith("]") else place


def tree_name(source: Path) -> str:
    """Return the name of the tree in ``source``: it names the default directory for its logs.

    The file's own name, or its directory's where the file is called as such files are.
    """
    path = source.absolute()
    stem = path.parent.name if is_usual_name(path) else path.stem
    return as_name(stem) or "tree"
