"""The formats of files, and which one a file has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol, cast

from .imports import Import
from .source import Source as Source


class FormatReader(Protocol):
    """What a module of :mod:`supctl.config.readers` has."""

    def claims(self, source: Source) -> bool:
        """Return whether a file is one of these by its content."""
        ...

    def read(self, source: Source, found: Import) -> None:
        """Fill ``found``.

        Raises:
            ConfigErrors: it does not parse.
        """
        ...


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of files.

    Args:
        name: for people.
        patterns: names of such files, as of fnmatch(3).
        module: its reader, a module of :mod:`supctl.config.readers`.
        mark: what each of them holds; the reader is not even loaded for others.
        has_profiles: whether such files say something else in a profile.
    """

    name: str
    patterns: tuple[str, ...]
    module: str
    mark: bytes = b""
    has_profiles: bool = False

    def is_called(self, path: Path) -> bool:
        """Return whether a file is called as such files are."""
        return any(fnmatchcase(path.name, it) for it in self.patterns)

    @property
    def reader(self) -> FormatReader:
        """Its reader, which is loaded with this."""
        return cast(FormatReader, import_module(f"supctl.config.readers.{self.module}"))


FORMATS: Final = (
    Format("package.json", ("package.json",), "package_json", has_profiles=True),
    Format("bunctl", ("bunctl.json", ".bunctl.json"), "bunctl"),
    Format(
        "PM2",
        ("*.config.[cm]js", "*.config.js", "*.json", "*.json5", "*.y*ml"),
        "pm2",
        has_profiles=True,
    ),
    Format("supervisord", ("*.conf", "*.ini"), "supervisord"),
    Format("Procfile", ("Procfile", "Procfile.*", "*.Procfile", "*.procfile"), "procfile"),
    Format("systemd", ("*.service",), "systemd"),
    Format("process-compose", ("*.yaml", "*.yml", "process-compose*.json"), "process_compose"),
    Format("DaemonEye", ("*.toml",), "daemoneye", mark=b"process_manager"),
    Format("DaemonEye", ("collectors.json",), "daemoneye"),
    Format("gosv", ("*",), "gosv", mark=b'"services"'),
)
"""Formats of other tools, in the order in which they are asked whether a file is theirs."""


def recognise(source: Source) -> Format | None:
    """Return which of other tools' formats a file has; ``None``: it is to be one of ours."""
    return next((it for it in _likely(source) if it.reader.claims(source)), None)


def _likely(source: Source) -> Iterator[Format]:
    return (it for it in FORMATS if it.is_called(source.path) and it.mark in source.content)
