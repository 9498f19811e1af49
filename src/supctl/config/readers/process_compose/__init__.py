"""process-compose's ``process-compose.yaml``, with its own meaning of every key.

What is said here was read from its program: a process is not started again unless
``availability`` says so, and all start at once but for what depends on others.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from supctl.config.imports import Import
from supctl.config.mistakes import show
from supctl.config.reading import join
from supctl.config.source import Source

from .documents import DOTENV, read_document, read_variables
from .logs import log_of
from .process import app_of, needed_apps
from .project import Project
from .schema import ProjectKeys, ShellKeys
from .table import Table

_TOP: Final = re.compile(rb"""^(processes|services|[ \t{]*["']processes["'])[ \t]*:""", re.M)

_NOTE: Final = (
    "processes inherit the whole environment that supctl runs in, as under process-compose"
)

_LEFT_OUT: Final = {
    "version": "it says nothing of processes",
    "name": "the tree is called as its file",
    "log_level": "it is about the log of process-compose itself",
    "log_length": "it is about the screen of process-compose",
    "log_format": "it is about the log of process-compose itself",
    "env_cmds": "supctl runs no command to know a variable; set it in environment",
    "is_tui_disabled": "it is about the screen of process-compose",
    "ordered_shutdown": "supctl always stops what depends on others before them",
    "mcp_server": "supctl serves no tools to language models",
    "is_strict": "it was followed: unknown keys are mistakes",
    "disable_env_expansion": "it was followed: no ${NAME} was replaced",
    "extends": "it was followed: the files are one here",
    "vars": "they were put into the templates that name them",
}

_ELEVATED: Final = dict.fromkeys(
    ("elevated_shell_command", "elevated_shell_argument"),
    "supctl asks nobody for a password; run it as root, and say user for the others",
)


def claims(source: Source) -> bool:
    """Return whether a file is process-compose's: by its name, or as it has ``processes``.

    Docker Compose's, with ``services``, is claimed too: it needs an answer of its own.
    """
    named = source.path.name.startswith(("process-compose.", "process_compose."))
    return named or _TOP.search(source.content) is not None


def read(source: Source, found: Import) -> None:
    """Fill ``found`` with what the file describes, as far as it can be understood."""
    variables = read_variables(source)
    tables = read_document(replace(source, environ={**source.environ, **variables}))
    strict = tables.get("is_strict") is True
    table = Table(ProjectKeys, tables, "", "", found, strict=strict)
    processes = table.values.get("processes")
    if not isinstance(processes, dict) or not processes:
        _refuse(tables, processes, found)
        return
    found.reader.notes.append(_NOTE)
    if variables:
        found.change(DOTENV, "apps.*.env_file", "each app has its variables")
    project = _project(table, processes, has_dotenv=bool(variables))
    needed = needed_apps(project)
    apps = {it.name: app_of(it, project, needed) for it in project.processes}
    found.document = {"supervisor": {"start": "concurrent"}, "apps": apps}
    if log := log_of(table):
        found.document["log"] = log


def _refuse(tables: dict[str, Any], processes: object, found: Import) -> None:
    """Say what is wrong with a file without processes."""
    if "services" in tables and "processes" not in tables:
        seen = "describes containers (Docker Compose)"
        mend = "for each, write [apps.NAME] with the command that its image runs"
        found.reader.wrong("services", seen, "programs of this machine", mend)
        return
    seen = f"is {show(processes)}" if processes else "holds nothing"
    found.reader.wrong("processes", seen, "at least one process with a command")


def _project(table: Table, processes: dict[str, Any], *, has_dotenv: bool) -> Project:
    table.leave_out(_LEFT_OUT)
    environment = table.take("environment", "apps.*.env", "each app has it") or {}
    variables = table.values.get("vars")
    variables = variables if isinstance(variables, dict) else {}
    project = Project(
        table.found, table.strict, _shell(table), environment, variables, has_dotenv=has_dotenv
    )
    for name, process in processes.items():
        if isinstance(process, dict):
            project.add(name, process)
        else:
            place, wanted = join("processes", name), "a table of keys"
            table.found.reader.wrong(place, f"is {show(process)}", wanted)
    return project


def _shell(table: Table) -> list[str]:
    """Return what runs a command, before the command itself."""
    shell = table.below("shell", ShellKeys)
    shell.leave_out(_ELEVATED)
    program = shell.take("shell_command", "apps.*.command", "it stands in each of them")
    argument = shell.take("shell_argument", "apps.*.command", "it stands in each of them")
    return [program or "bash", argument or "-c"]
