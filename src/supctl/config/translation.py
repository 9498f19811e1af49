"""A file of another tool as a ``supctl.toml`` that says the same, with remarks where it differs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .imports import Fate, Remark
from .loading import LoadedTree
from .reading import join
from .toml_writing import toml_text

Place = Callable[[str], str]


def as_toml(loaded: LoadedTree, directory: Path) -> str:
    """Return what a file says as ``supctl.toml``, to lie in ``directory``.

    What became of its keys stands as comments above the apps that it is about, unless they mean
    the same.

    Raises:
        InvalidConfig: TOML cannot say it: there is a ``null`` among the arguments of an actor.
    """
    home = loaded.source.absolute().parent
    document = loaded.document
    if directory.resolve() != home.resolve():
        document = _placed(document, lambda path: str(home / path))
        document = {"defaults": {}, **document}
        document["defaults"] = {"cwd": str(home), **document["defaults"]}
    top = [f'Made by "supctl import" of {loaded.source.name} ({loaded.format}).', *loaded.notes]
    comments = _comments(loaded)
    return toml_text(document, {**comments, "": [*top, *comments.get("", ())]})


def _placed(table: dict[str, Any], place: Place) -> dict[str, Any]:
    """Return a table whose paths mean the same from another directory, and what is below it."""
    placed = dict(table)
    if isinstance(table.get("cwd"), str):
        placed["cwd"] = place(table["cwd"])
    if "env_file" in table:
        placed["env_file"] = _placed_files(table["env_file"], place)
    for key, keys in (("log", ("file", "error_file")), ("defaults", ())):
        if key in table:
            below = _placed(table[key], place)
            placed[key] = below | {it: place(below[it]) for it in keys if it in below}
    if isinstance(table.get("apps"), dict):
        placed["apps"] = {name: _placed(item, place) for name, item in table["apps"].items()}
    return placed


def _placed_files(files: Any, place: Place) -> Any:
    match files:
        case str():
            return place(files)
        case dict():
            return {**files, "path": place(files["path"])}
    return [_placed_files(file, place) for file in files]


def _comments(loaded: LoadedTree) -> dict[str, list[str]]:
    """Return remarks by the tables that they are about."""
    tables = {place: place for place in _tables(loaded.document, "")}
    tables |= {it.place: it.became for it in loaded.remarks if it.became in tables}
    found: dict[str, list[str]] = {}
    for remark in loaded.remarks:
        if remark.fate is not Fate.MAPPED:
            near = next((it for it in _above(remark.became) if it in tables), "")
            near = near or next((it for it in _above(remark.place) if it in tables), "")
            table = tables.get(near, "")
            found.setdefault(table, []).append(_line(remark, table))
    return found


def _line(remark: Remark, table: str) -> str:
    key = remark.became.removeprefix(f"{table}.")
    if remark.fate is Fate.LEFT_OUT:
        return f"{remark.place} is left out: {remark.detail}"
    return f"{key} is for {remark.place}: {remark.detail}"


def _above(place: str) -> Iterator[str]:
    """Yield a place and those that it lies in, the nearest first."""
    while place:
        yield place
        place = place.rpartition(".")[0]


def _tables(document: dict[str, Any], place: str) -> Iterator[str]:
    """Yield the places of all that have a header of their own."""
    for key in ("supervisor", "log"):
        if key in document and not place:
            yield key
    for name, item in document.get("apps", {}).items():
        yield (here := join(join(place, "apps"), name))
        if isinstance(item, dict) and isinstance(item.get("apps"), dict):
            yield from _tables(item, here)
