"""Environments that Python programs run in."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import tomli

from supctl.specs import App

from .tool import Tool, Variables, first_text, on_path, text_of


def _is_environment(directory: Path) -> bool:
    return (directory / "pyvenv.cfg").is_file()


def _binaries(prefix: Path) -> Path:
    usual = prefix / "bin"
    return usual if usual.is_dir() else prefix / "Scripts"  # as on Windows


class VirtualEnvironment(Tool):
    """A virtual environment in the project, as ``venv``, uv, Poetry and PDM make them.

    ``.venv`` or ``venv``, or what ``UV_PROJECT_ENVIRONMENT`` or ``.pdm-python`` names. An app that
    has a ``VIRTUAL_ENV`` keeps it.
    """

    name, priority = "venv", 40
    marks = (".venv", "venv", ".pdm-python", "uv.lock")
    reads = ("VIRTUAL_ENV", "PYTHONHOME", "UV_PROJECT_ENVIRONMENT")

    def variables(self, spec: App, directories: tuple[Path, ...]) -> Variables:
        """Return what ``activate`` would set."""
        if "VIRTUAL_ENV" in (spec.env or {}):
            return {}
        found = (self._environment(spec, directory) for directory in directories)
        prefix = next((it for it in found if it is not None), None)
        return {} if prefix is None else _activated(spec, prefix)

    def _environment(self, spec: App, project: Path) -> Path | None:
        uv = spec.environment({}).get("UV_PROJECT_ENVIRONMENT")
        names = [*([uv] if uv else []), ".venv", "venv"]
        places = [project / name for name in names]
        if (project / ".pdm-python").is_file():
            places.insert(0, Path(text_of(project / ".pdm-python").strip()).parent.parent)
        return next((place for place in places if _is_environment(place)), None)


def _activated(spec: App, prefix: Path) -> Variables:
    home: Variables = {"PYTHONHOME": None} if "PYTHONHOME" in (spec.env or {}) else {}
    return {**on_path(spec, _binaries(prefix)), "VIRTUAL_ENV": str(prefix), **home}


class Poetry(Tool):
    """The virtual environment that Poetry keeps in its cache for a project with a lock file.

    With several, for several versions of Python, the one of ``poetry env use``.
    """

    name, priority = "poetry", 41
    marks = ("poetry.lock",)
    reads = ("VIRTUAL_ENV", "PYTHONHOME", "POETRY_VIRTUALENVS_PATH")

    def variables(self, spec: App, directories: tuple[Path, ...]) -> Variables:
        """Return what ``activate`` would set, unless there is an environment already."""
        cache = None if "VIRTUAL_ENV" in (spec.env or {}) else self._cache(spec)
        project = next((it for it in directories if (it / "poetry.lock").is_file()), None)
        if cache is None or project is None or not (project / "pyproject.toml").is_file():
            return {}
        prefix = _kept_by_poetry(cache, project)
        return {} if prefix is None else _activated(spec, prefix)

    def _cache(self, spec: App) -> Path | None:
        usual = ("Library/Caches/pypoetry/virtualenvs", ".cache/pypoetry/virtualenvs")
        return self.home(spec, "POETRY_VIRTUALENVS_PATH", *usual)


def _kept_by_poetry(cache: Path, project: Path) -> Path | None:
    said = tomli.loads(text_of(project / "pyproject.toml"))
    poetry: Any = said.get("tool", {}).get("poetry", {})
    name = said.get("project", {}).get("name") or poetry.get("name")
    if not isinstance(name, str):
        return None
    base = poetry_name(name, project)
    there = [it for it in cache.glob(f"{base}-py*") if _is_environment(it)]
    if len(there) > 1 and (cache / "envs.toml").is_file():
        chosen = tomli.loads(text_of(cache / "envs.toml")).get(base, {}).get("minor")
        there = [it for it in there if it.name == f"{base}-py{chosen}"]
    return there[0] if len(there) == 1 else None


def poetry_name(name: str, project: Path) -> str:
    """Return how Poetry calls the environment of a project, without the version of Python."""
    import hashlib  # only here: few have such an environment
    from base64 import urlsafe_b64encode

    place = os.path.normcase(os.path.realpath(project))
    digest = urlsafe_b64encode(hashlib.sha256(os.fsencode(place)).digest()).decode()
    return re.sub(r'[ $`!*@"\\\r\n\t]', "_", name.lower())[:42] + f"-{digest[:8]}"


class Conda(Tool):
    """A conda environment: the one ``environment.yml`` names, or one in the project.

    Where it is, ``~/.conda/environments.txt`` knows, which conda and mamba keep.
    """

    name, priority = "conda", 30
    marks, reads = ("environment.yml", "environment.yaml"), ("CONDA_PREFIX",)

    def variables(self, spec: App, directories: tuple[Path, ...]) -> Variables:
        """Return what ``conda activate`` sets, but for what packages add by scripts."""
        own, outer = spec.environment({}), self._environ
        if own.get("CONDA_PREFIX") not in (None, outer.get("CONDA_PREFIX")):
            return {}
        said = first_text(directories, *self.marks)
        prefix = None if said is None else self._prefix(spec, said, directories)
        if prefix is None:
            return {}
        names = {"CONDA_PREFIX": str(prefix), "CONDA_DEFAULT_ENV": prefix.name}
        return {**on_path(spec, _binaries(prefix)), **names}

    def _prefix(self, spec: App, said: str, directories: tuple[Path, ...]) -> Path | None:
        inside = [place / name for place in directories for name in ("env", "envs", ".conda")]
        keys = dict(re.findall(r"""^(name|prefix):[ \t]*["']?([^"'\s#]+)""", said, re.MULTILINE))
        places = [*map(Path, self._prefixes(spec))]
        named = [it for it in places if it.name == keys.get("name")]
        given = [Path(keys["prefix"])] if "prefix" in keys else []
        found = (it for it in (*inside, *given, *named) if (it / "conda-meta").is_dir())
        return next(found, None)

    def _prefixes(self, spec: App) -> list[str]:
        conda = self.home(spec, "", ".conda")
        known = None if conda is None else conda / "environments.txt"
        return text_of(known).split("\n") if known is not None and known.is_file() else []
