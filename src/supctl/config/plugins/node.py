"""Version managers of Node.js."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from supctl.specs import App

from .tool import Tool, Variables, first_text, installed, lines_of, on_path, text_of

_DEEPEST_ALIAS = 5
"""``lts/*`` is an alias of ``lts/iron``, which is one of a version: nobody needs more."""


def _wanted(directories: tuple[Path, ...], *files: str) -> str | None:
    return next(lines_of(first_text(directories, *files)), None)


def _release(versions: Path, wanted: str) -> Path | None:
    """Return the directory of a release: ``20`` is ``v20.9.0``; ``node`` is the newest."""
    if wanted in ("node", "stable", "latest"):
        majors = {it.name.partition(".")[0] for it in versions.glob("v*")}
        wanted = max(majors, key=lambda it: int(it[1:]) if it[1:].isdigit() else -1, default="")
    return installed(versions, f"v{wanted.removeprefix('v')}")


class Nvm(Tool):
    """``.nvmrc`` by nvm."""

    name, priority = "nvm", 20
    marks, reads = (".nvmrc",), ("NVM_DIR",)

    def variables(self, spec: App, directories: tuple[Path, ...]) -> Variables:
        """Return what ``nvm use`` sets."""
        root, wanted = self.home(spec, "NVM_DIR", ".nvm"), _wanted(directories, ".nvmrc")
        if root is None or wanted is None:
            return {}
        for _ in range(_DEEPEST_ALIAS):
            alias = root / "alias" / wanted
            if ".." in alias.parts or not alias.is_file():
                break
            wanted = text_of(alias).strip()
        found = _release(root / "versions" / "node", wanted)
        if found is None:
            return {}
        return {**on_path(spec, found / "bin"), "NVM_BIN": str(found / "bin")}


class Fnm(Tool):
    """``.node-version`` or ``.nvmrc`` by fnm."""

    name, priority = "fnm", 20
    marks, reads = (".node-version", ".nvmrc"), ("FNM_DIR",)

    def variables(self, spec: App, directories: tuple[Path, ...]) -> Variables:
        """Return a PATH with the version in front."""
        root = self.home(spec, "FNM_DIR", ".local/share/fnm", ".fnm")
        wanted = _wanted(directories, *self.marks)
        if root is None or wanted is None:
            return {}
        alias = root / "aliases" / wanted.replace("/", "-")
        found = _release(root / "node-versions", wanted)
        prefix = alias if alias.is_dir() else found and found / "installation"
        return on_path(spec, prefix / "bin") if prefix else {}


class Volta(Tool):
    """What ``volta`` in ``package.json`` pins: Node.js and its package managers."""

    name, priority = "volta", 20
    marks, reads = ("package.json",), ("VOLTA_HOME",)

    def variables(self, spec: App, directories: tuple[Path, ...]) -> Variables:
        """Return a PATH with the pinned tools in front."""
        root = self.home(spec, "VOLTA_HOME", ".volta")
        said = None if root is None else first_text(directories, "package.json")
        if root is None or said is None:
            return {}
        package: Any = json.loads(said)
        pinned = package.get("volta", {}) if isinstance(package, dict) else {}
        images = root / "tools" / "image"
        tools = (tool for tool in ("pnpm", "yarn", "npm", "node") if tool in pinned)
        return on_path(spec, *(images / tool / str(pinned[tool]) / "bin" for tool in tools))
