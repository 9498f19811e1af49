"""``supervisord.conf``, and fragments of it as they lie in a ``conf.d``."""

from __future__ import annotations

import platform
import re
from typing import Any, Final

from supctl.config.imports import Import
from supctl.config.reading import join
from supctl.config.source import Source
from supctl.config.texts import Texts
from supctl.config.values import parse_umask, write_umask
from supctl.errors import InvalidConfig

from .expansions import Names, expand
from .files import Table, Tables
from .keys import DAEMON, GROUP_KEYS, LOUD, SECTIONS
from .programs import GROUP, LAST, Node, Program, Usual, in_order
from .values import parse_variables

_SECTION: Final = re.compile(
    rb"^(?:\xef\xbb\xbf)?\[(supervisord|include|(program|group|eventlistener|fcgi-program):.*)\]",
    re.MULTILINE,
)

_NOTE: Final = (
    "programs inherit the whole environment, as under supervisord, but for SUPERVISOR_*; those "
    "without a directory start in that of the file"
)
_NOW: Final = "%(ENV_...)s has become what these variables say now"


def claims(source: Source) -> bool:
    """Return whether a file has sections that only supervisord has."""
    return _SECTION.search(source.content) is not None


def read(source: Source, found: Import) -> None:
    """Fill ``found`` with the programs and groups of a file and of those it includes."""
    names = {
        "here": str(source.directory),
        "host_node_name": platform.node(),
        **{f"ENV_{name}": value for name, value in source.environ.items()},
    }
    tables = Tables(source, found, names)
    usual = _daemon(tables.pop("supervisord"), found, names)
    nodes = _nodes({it.name: it for it in tables}, found, names, usual)
    apps = in_order(nodes)
    reader = found.reader
    if apps:
        found.document = {"apps": apps}
        reader.notes += [_NOTE, *([_NOW] if b"%(ENV_" in source.content else [])]
    elif not reader.mistakes:
        reader.wrong("", "has no program that supctl could run", "a section [program:NAME]")
    reader.mistakes[:] = dict.fromkeys(reader.mistakes)  # a program may be read for two groups


def _daemon(table: Table | None, found: Import, names: dict[str, Any]) -> Usual:
    """Return what ``[supervisord]`` says for all programs; its variables are put into ``names``."""
    if table is None:
        return Usual()
    values: dict[str, str] = {}
    for key in ("environment", "umask", "directory"):
        try:
            if key in table.values:
                values[key] = expand(table.places[key], table.values[key], names)
        except InvalidConfig as error:
            found.reader.refuse(error)
    texts = Texts(values, table.places, found.reader)
    env = texts.get("environment", parse_variables, {})
    names |= {f"ENV_{name}": value for name, value in env.items()}
    app: dict[str, Any] = {}
    if "umask" in values:
        app["umask"] = write_umask(texts.get("umask", parse_umask, 0))
    if "directory" in values:
        app["cwd"] = values["directory"]
    for key, place in table.places.items():
        DAEMON.remark(found, key, place, "apps")
    return Usual(env, app)


def _nodes(tables: dict[str, Table], found: Import, names: Names, usual: Usual) -> list[Node]:
    """Return the children of the root: groups, and programs that are in none."""
    grouped = {member for it in tables.values() for member in _members(it)}
    nodes: list[Node] = []
    for table in tables.values():
        kind, _, name = table.name.partition(":")
        if kind == "group":
            nodes += _group(table, tables, found, names, usual)
        elif kind == "program":
            if name.strip() not in grouped:
                nodes += Program(table, found, names, usual).nodes()
        elif kind in SECTIONS:
            found.leave_out(table.place, SECTIONS[kind])
            if kind in LOUD:
                found.reader.notes.append(f"{table.place} is left out: {SECTIONS[kind]}")
        else:
            found.leave_out(table.place, "supervisord has no such section")
    return nodes


def _members(table: Table) -> list[str]:
    if not table.name.startswith("group:"):
        return []
    names = (name.strip() for name in table.values.get("programs", "").split(","))
    return [name for name in names if name]


def _group(
    table: Table, tables: dict[str, Table], found: Import, names: Names, usual: Usual
) -> list[Node]:
    """Return a group as a supervisor of its programs."""
    group = table.name.partition(":")[2].strip()
    name = found.name(group, table.place)
    place = join("apps", name)
    priority = Texts(table.values, table.places, found.reader).whole("priority", LAST, -(10**9))
    for key, where in table.places.items():
        if key == "priority":
            found.change(
                where, place, "the apps are written in that order, and start and stop in it"
            )
        else:
            GROUP_KEYS.remark(found, key, where, place)
    nodes: list[Node] = []
    for member in _members(table):
        if program := tables.get(f"program:{member}"):
            nodes += Program(program, found, names, usual, group).nodes(place)
        elif f"fcgi-program:{member}" not in tables:
            wanted = "sections [program:NAME] of this file"
            found.reader.wrong(table.places["programs"], f"names {member!r}", wanted)
    apps = in_order(nodes)
    return [Node(priority, name, {**GROUP, "apps": apps})] if apps else []
