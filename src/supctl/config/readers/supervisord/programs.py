"""``[program:NAME]``: one program or many of them, and what our format says for each."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from supctl.config.imports import Import
from supctl.config.numbering import (
    INDEX_MARK,
    INSTANCE_MARK,
    PORT_MARK,
    says_all,
    with_placeholders,
)
from supctl.config.reading import join
from supctl.config.texts import Texts
from supctl.config.units import parse_signal, write_signal
from supctl.config.values import (
    parse_account,
    parse_command,
    parse_umask,
    shell_word,
    write_umask,
)
from supctl.errors import InvalidConfig

from .expansions import Digit, Names, expand
from .files import Table
from .keys import PROGRAM
from .values import Output, output, parse_variables, restarts

LAST: Final = 999
"""The priority of what has none."""

GROUP: Final = {"start": "concurrent", "max_restarts": "unlimited"}
"""Of a supervisor that was a group: its programs stop at once, and have limits of their own."""

_MOST: Final = 10_000
"""Processes of one program; more would be a slip of the finger."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What ``[supervisord]`` says for all programs."""

    env: dict[str, str] = field(default_factory=dict)
    app: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Node:
    """A child of our document."""

    priority: int
    name: str
    table: dict[str, Any]


def in_order(nodes: list[Node]) -> dict[str, dict[str, Any]]:
    """Return the tables of children by name, in the order in which supervisord starts them."""
    return {it.name: it.table for it in sorted(nodes, key=lambda it: (it.priority, it.name))}


class Program:
    """One section.

    Args:
        names: what its values may name.
        usual: what it need not say itself.
        group: name of its group; empty for one of its own.
    """

    def __init__(
        self, table: Table, found: Import, names: Names, usual: Usual, group: str = ""
    ) -> None:
        self._table, self._found, self._usual = table, found, usual
        self.name = table.name.partition(":")[2].strip()
        self._names = {**names, "program_name": self.name, "group_name": group or self.name}
        self._output = Output({})
        self._number = ""  # what became of the numbers of processes that are instances
        texts = self._texts(("numprocs", "numprocs_start", "priority"), self._names)
        self._count = texts.whole("numprocs", 1)
        self._first = texts.whole("numprocs_start", 0)
        self.priority = texts.whole("priority", LAST, least=-(10**9))

    def nodes(self, parent: str = "") -> list[Node]:
        """Return its processes as children of ``parent``, a place of ours, and remark on them.

        Several that differ are below a supervisor of its name, unless they are in a group.
        """
        before = len(self._found.reader.mistakes)
        made = list(self._processes(before)) if self._can_be_counted() else []
        if not made or not made[0][1]["command"]:
            return []
        first, *others = (app for _, app in made)
        if not others:
            return [self._node(*made[0], parent)]
        if alike := self._alike([first, *others], before):
            return [self._node(self.name, {**alike, "instances": len(made)}, parent)]
        if parent:
            return [self._node(name, app, parent) for name, app in made]
        name = self._found.name(self.name, self._table.place)
        below = [self._node(*it, join("apps", name)) for it in made]
        apps = {node.name: node.table for node in below}
        return [Node(self.priority, name, {**GROUP, "apps": apps})]

    def _can_be_counted(self) -> bool:
        """Return whether there are processes, and each has a name."""
        wrong, places = self._found.reader.wrong, self._table.places
        if self._count == 0:
            self._found.leave_out(self._table.place, "it has no processes, as numprocs is 0")
        elif self._count > _MOST:
            wrong(places["numprocs"], f"is {self._count}", f"a number from 0 to {_MOST}")
        elif self._count > 1 and "%(process_num)" not in self._table.values.get("process_name", ""):
            mend = "process_name = %(program_name)s_%(process_num)02d"
            seen = f"is {self._count}, and all would have the same name"
            wrong(places["numprocs"], seen, "%(process_num) in process_name", mend)
            return False
        return 0 < self._count <= _MOST

    def _processes(self, before: int) -> Iterator[tuple[str, dict[str, Any]]]:
        for number in range(self._first, self._first + self._count):
            yield self._process(number)
            if len(self._found.reader.mistakes) > before:
                return

    def _process(self, number: int | Digit) -> tuple[str, dict[str, Any]]:
        """Return the name of a process, and what our format says for it."""
        names = {**self._names, "numprocs": self._count, "process_num": number}
        variables = self._variables(names)
        names |= {f"ENV_{name}": value for name, value in variables.items()}
        texts = self._texts(self._table.values, names)
        return texts.values.get("process_name", self.name), self._app(texts, variables)

    def _alike(self, apps: list[dict[str, Any]], before: int) -> dict[str, Any] | None:
        """Return the app that all are instances of, if they differ by their numbers only."""
        if all(app == apps[0] for app in apps):
            return apps[0]
        reader = self._found.reader
        if len(reader.mistakes) > before or self._first + self._count > 65536:
            return None
        mark = {0: INDEX_MARK, 1: INSTANCE_MARK}.get(self._first, PORT_MARK)
        _, app = self._process(Digit(mark))
        says = says_all(app, mark, dict(enumerate(apps, self._first)))
        if len(reader.mistakes) > before or not says:
            del reader.mistakes[before:]
            return None
        self._number = f"%(process_num) became {with_placeholders(mark)}"
        if mark != PORT_MARK:
            return app
        self._number += ", which programs find in PORT as well"
        return {**app, "port": self._first}

    def _variables(self, names: Names) -> dict[str, str]:
        return self._texts(("environment",), names).get("environment", parse_variables, {})

    def _texts(self, keys: Any, names: Names) -> Texts:
        """Return the values of keys with what they name put in."""
        values = {}
        for key in keys:
            if key not in self._table.values:
                continue
            try:
                values[key] = expand(self._table.places[key], self._table.values[key], names)
            except InvalidConfig as error:
                self._found.reader.refuse(error)
        return Texts(values, self._table.places, self._found.reader)

    def _app(self, texts: Texts, variables: dict[str, str]) -> dict[str, Any]:
        """Return what our format says for one process."""
        reader, place = self._found.reader, self._table.place
        if "command" not in texts.values and "command" not in self._table.values:
            reader.wrong(place, "has no command", "a program to run, such as command = sleep 60")
        self._output = output(texts)
        table: dict[str, Any] = {
            **self._usual.app,
            "command": texts.get("command", _parse_words, []),
            "inherit_env": True,
            **restarts(texts),
            **self._plain(texts),
            **({"log": self._output.table} if self._output.table else {}),
        }
        env = {**self._usual.env, **variables}
        return table | ({"env": env} if env else {})

    def _plain(self, texts: Texts) -> dict[str, Any]:
        table: dict[str, Any] = {}
        stop: dict[str, Any] = {}
        if "directory" in texts.values:
            table["cwd"] = texts.values["directory"]
        if not texts.flag("autostart", True):
            table["autostart"] = False
        if "stopsignal" in texts.values:
            stop["signal"] = write_signal(texts.get("stopsignal", parse_signal, 15))
        if "stopwaitsecs" in texts.values:
            stop["grace"] = f"{texts.whole('stopwaitsecs', 10)}s"
        if "umask" in texts.values:
            table["umask"] = write_umask(texts.get("umask", parse_umask, 0))
        if "user" in texts.values:
            table["user"] = texts.get("user", parse_account, 0)
        return table | ({"stop": stop} if stop else {})

    def _node(self, name: str, app: dict[str, Any], parent: str) -> Node:
        name = self._found.name(name, self._table.place, parent)
        self._remark(join(join(parent, "apps"), name), app)
        return Node(self.priority, name, app)

    def _remark(self, became: str, app: dict[str, Any]) -> None:
        """Say what became of every key; once, also if there are several processes."""
        if self._table.is_told:
            return
        self._table.is_told = True
        places = self._table.places
        special, left_out = self._special(app), self._left_out(app)
        for key, place in places.items():
            if key in left_out:
                self._found.leave_out(place, left_out[key])
            elif key in self._output.became:
                self._found.map(place, f"{became}.{self._output.became[key]}")
            elif key in special:
                self._found.change(place, became, special[key])
            else:
                PROGRAM.remark(self._found, key, place, became)
        if word := shell_word(shlex.join(app["command"])):
            self._found.reader.notes.append(
                f"{places['command']} holds {word!r}, which reaches the program as it is: "
                "no shell runs it, nor under supervisord"
            )

    def _left_out(self, app: dict[str, Any]) -> dict[str, str]:
        """Return the keys that mean nothing beside the others, and why."""
        left_out = dict(self._output.left_out)
        if app["restart"] == "never":
            seldom = "a start that fails is not tried again either, unlike under supervisord"
            left_out |= dict.fromkeys(("startsecs", "startretries"), seldom)
        if app["restart"] != "on-failure" and "stop_exit_codes" not in app:
            left_out["exitcodes"] = "autorestart says the same for all of them"
        if "instances" in app and not self._number:
            left_out["numprocs_start"] = "instances are numbered from 1"
        return left_out

    def _special(self, app: dict[str, Any]) -> dict[str, str]:
        """Return what is to be said of the keys that hang together."""
        count = f"they are called {self.name}:1 to {self.name}:{self._count}"
        return {
            "priority": "the apps are written in that order, and start and stop in it",
            "process_name": count if "instances" in app else "it became the name",
            "numprocs": count if "instances" in app else "each of them is an app",
            "numprocs_start": self._number or "it became part of the names",
            "stopasgroup": "all processes of a program are asked to stop here, not only the first",
        }


def _parse_words(field: str, value: str) -> list[str]:
    return list(parse_command(field, value))
