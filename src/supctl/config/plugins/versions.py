"""Version managers that keep every version of a language in a directory of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import tomli

from supctl.specs import App

from .tool import Tool, Variables, first_text, installed, lines_of, on_path


class _Versions(Tool):
    """One of the family of rbenv: a file with a version, ``versions/`` with what is installed."""

    priority = 20
    root: ClassVar[tuple[str, str]]
    chosen: ClassVar[str]

    def variables(self, spec: App, directories: tuple[Path, ...]) -> Variables:
        """Return a PATH with the version in front, and its name for the tool itself."""
        root = self.home(spec, *self.root)
        if root is None or self.chosen in (spec.env or {}):
            return {}
        wanted = lines_of(first_text(directories, *self.marks))
        found = [installed(root / "versions", self.cleaned(it)) for it in wanted]
        there = [it for it in found if it is not None]
        return self.activated(spec, there) if there else {}

    def cleaned(self, version: str) -> str:
        """Return the name of the directory for a version."""
        return version

    def activated(self, spec: App, prefixes: list[Path]) -> Variables:
        """Return the variables for the versions, of which the first counts most."""
        names = ":".join(it.name for it in prefixes)
        return {**on_path(spec, *(it / "bin" for it in prefixes)), self.chosen: names}


class Pyenv(_Versions):
    """``.python-version`` by pyenv."""

    name, marks, chosen = "pyenv", (".python-version",), "PYENV_VERSION"
    reads = ("PYENV_ROOT", "PYENV_VERSION")
    root = ("PYENV_ROOT", ".pyenv")


class Rbenv(_Versions):
    """``.ruby-version`` by rbenv."""

    name, marks, chosen = "rbenv", (".ruby-version",), "RBENV_VERSION"
    reads = ("RBENV_ROOT", "RBENV_VERSION")
    root = ("RBENV_ROOT", ".rbenv")

    def cleaned(self, version: str) -> str:
        """Return the version without the prefix that other tools write."""
        return version.removeprefix("ruby-")


class Jenv(_Versions):
    """``.java-version`` by jenv."""

    name, marks, chosen = "jenv", (".java-version",), "JENV_VERSION"
    reads = ("JENV_ROOT", "JENV_VERSION")
    root = ("JENV_ROOT", ".jenv")

    def activated(self, spec: App, prefixes: list[Path]) -> Variables:
        """Return also where Java is."""
        home = os.path.realpath(prefixes[0])
        return {**super().activated(spec, prefixes[:1]), "JAVA_HOME": home}


class _Installs(Tool):
    """One of those that manage many tools: ``installs/TOOL/VERSION/bin``."""

    priority = 10

    def on_path(self, spec: App, root: Path, wanted: Mapping[str, list[str]]) -> Variables:
        """Return a PATH with the first version that is there of each tool."""
        binaries = []
        for tool, versions in wanted.items():
            place = root / "installs" / tool.replace(":", "-").replace("/", "-")
            found = (installed(place, version) for version in versions)
            binaries += [next((it for it in found if it is not None), place / "none") / "bin"]
        return on_path(spec, *binaries)


def _tool_versions(directories: tuple[Path, ...]) -> dict[str, list[str]]:
    said = (line.split() for line in lines_of(first_text(directories, ".tool-versions")))
    return {tool: versions for tool, *versions in said}


class Asdf(_Installs):
    """``.tool-versions`` by asdf."""

    name = "asdf"
    marks, reads = (".tool-versions",), ("ASDF_DATA_DIR",)

    def variables(self, spec: App, directories: tuple[Path, ...]) -> Variables:
        """Return a PATH with the tools in front."""
        root = self.home(spec, "ASDF_DATA_DIR", ".asdf")
        return {} if root is None else self.on_path(spec, root, _tool_versions(directories))


class Mise(_Installs):
    """``mise.toml`` or ``.tool-versions`` by mise: its tools, not its variables and tasks."""

    name = "mise"
    marks, reads = ("mise.toml", ".mise.toml", ".tool-versions"), ("MISE_DATA_DIR",)

    def variables(self, spec: App, directories: tuple[Path, ...]) -> Variables:
        """Return a PATH with the tools in front."""
        root = self.home(spec, "MISE_DATA_DIR", ".local/share/mise")
        if root is None:
            return {}
        wanted = _tool_versions(directories)
        said = first_text(directories, "mise.toml", ".mise.toml")
        tools = tomli.loads(said or "").get("tools", {})
        wanted |= {tool: list(_versions(value)) for tool, value in tools.items()}
        return self.on_path(spec, root, wanted)


def _versions(value: Any) -> Iterator[str]:
    for it in value if isinstance(value, list) else [value]:
        yield str(it.get("version", "latest") if isinstance(it, dict) else it)
