"""What a project's directory says of how its program is started."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import tomli

_SHELL: Final = set("|&;<>()$`\\\"'*?[]#~=%\n")
"""Characters that a command line needs a shell for, or at least a closer look: quotes."""

_SCRIPTS: Final = ("main.py", "app.py", "server.py", "run.py", "__main__.py")
_JAVASCRIPT: Final = ("src/index.ts", "index.ts", "server.ts", "server.js", "index.js", "app.js")


@dataclass(frozen=True, slots=True)
class Entry:
    """How a program is started.

    Args:
        command: argument vector.
        because: where that comes from, as the rest of a sentence.
    """

    command: tuple[str, ...]
    because: str


def find_entries(directory: Path) -> list[Entry]:
    """Return all ways to start the program of ``directory``, the likeliest first.

    What cannot be read, or makes no sense, says nothing.
    """
    found: dict[tuple[str, ...], Entry] = {}
    for look in _LOOKS:
        for entry in look(directory):
            found.setdefault(entry.command, entry)
    return list(found.values())


def command_of(script: str, directory: Path, interpreter: str = "") -> tuple[str, ...]:
    """Return the argument vector that runs a script: by the interpreter that is named, by its
    suffix, or as it is.

    Args:
        script: relative to ``directory``, or absolute.
        interpreter: its command line; empty for the usual one, ``none`` for none.
    """
    if interpreter == "none":
        return (script,)
    if interpreter:
        return (*shlex.split(interpreter), script)
    match Path(script).suffix:
        case ".py":
            return (python_of(directory), script)
        case ".js" | ".mjs" | ".cjs":
            return ("node", script)
        case ".ts" | ".tsx" | ".mts":
            return (*_typescript(directory), script)
        case ".sh" | ".bash":
            return ("bash", script)
        case ".rb":
            return ("ruby", script)
        case ".pl":
            return ("perl", script)
        case ".php":
            return ("php", script)
    return (script,)


def python_of(directory: Path) -> str:
    """Return the Python of a project: that of its virtual environment, if it has one."""
    for name in (".venv", "venv"):
        if (directory / name / "bin" / "python").exists():
            return f"{name}/bin/python"
    return "python3"


def _typescript(directory: Path) -> tuple[str, ...]:
    if any((directory / name).exists() for name in ("bun.lockb", "bun.lock", "bunfig.toml")):
        return ("bun",)
    if any((directory / name).exists() for name in ("deno.json", "deno.jsonc", "deno.lock")):
        return ("deno", "run", "--allow-all")
    return ("npx", "tsx")


def _package(directory: Path) -> Iterator[Entry]:
    told = _json(directory / "package.json")
    scripts = told.get("scripts")
    start = scripts.get("start") if isinstance(scripts, dict) else None
    if isinstance(start, str) and start.strip():
        words = start.split()
        if words[0] in ("node", "bun", "deno") and not _SHELL & set(start):
            yield Entry(tuple(words), 'is the script "start" of package.json')
        else:  # npm finds programs of node_modules, and a shell
            yield Entry(("npm", "run", "--silent", "start"), "runs that script of package.json")
    main = told.get("main")
    if isinstance(main, str) and (directory / main).is_file():
        yield Entry(command_of(main, directory), 'is the "main" of package.json')


def _pyproject(directory: Path) -> Iterator[Entry]:
    project = _toml(directory / "pyproject.toml").get("project", {})
    scripts = project.get("scripts", {}) if isinstance(project, dict) else {}
    bin_directory = python_of(directory).rpartition("/")[0]
    for name in scripts if isinstance(scripts, dict) else ():
        path = f"{bin_directory}/{name}" if bin_directory else name
        yield Entry((path,), "is a script of pyproject.toml")


def _django(directory: Path) -> Iterator[Entry]:
    if (directory / "manage.py").is_file():
        words = (python_of(directory), "manage.py", "runserver", "--noreload")
        yield Entry(words, "is Django's own server; for production take gunicorn or the like")


def _scripts(directory: Path) -> Iterator[Entry]:
    for name in (*_SCRIPTS, *_JAVASCRIPT):
        if (directory / name).is_file():
            yield Entry(command_of(name, directory), f"runs {name}")


def _compiled(directory: Path) -> Iterator[Entry]:
    if (directory / "go.mod").is_file():
        yield Entry(("go", "run", "."), "is for go.mod; in production take what is built")
    if (directory / "Cargo.toml").is_file():
        words = ("cargo", "run", "--release")
        yield Entry(words, "is for Cargo.toml; in production take what is built")


def _dockerfile(directory: Path) -> Iterator[Entry]:
    said: dict[str, list[str]] = {}
    for line in _text(directory / "Dockerfile").replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word.upper() in ("CMD", "ENTRYPOINT"):
            said[word.upper()] = _docker_words(rest.strip())
    words = [*said.get("ENTRYPOINT", []), *said.get("CMD", [])]
    if words:
        yield Entry(tuple(words), "is what the Dockerfile runs")


def _docker_words(text: str) -> list[str]:
    if text.startswith("["):
        try:
            words = json.loads(text)
        except ValueError:
            words = []
        return [it for it in words if isinstance(it, str)] if isinstance(words, list) else []
    return ["sh", "-c", text] if text else []


_LOOKS: Final[tuple[Callable[[Path], Iterator[Entry]], ...]] = (
    *(_package, _pyproject, _django, _scripts, _compiled, _dockerfile),
)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, ValueError):
        return ""


def _json(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(_text(path))
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomli.loads(_text(path))
    except (ValueError, RecursionError):
        return {}
