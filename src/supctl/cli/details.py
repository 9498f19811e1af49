"""``supctl describe``, ``env``, ``inspect``, ``reset``."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from itertools import chain
from typing import Any

import click

from .columns import Column, fitted, table, terminal_width
from .lifecycle import as_json_option
from .naming import name_argument, names_argument, some_names_argument
from .outcomes import show as show_outcomes
from .paint import painted
from .reach import reached
from .status import paint_state
from .why import end, why
from .words import counted, pid_list, seconds, size

Facts = dict[str, Any]


@click.command()
@name_argument
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def describe(name: str, as_json: bool) -> None:
    """Show all that is known of one child: what it is, how it does, and what has happened to it.

    \b
    Example:
      supctl describe api:2
    """
    with reached() as client:
        told = client.describe(name)
    if as_json:
        click.echo(json.dumps(told))
        return
    _head(told)
    _group("now", _now(told))
    if told["logs"]:
        _group("output", _logs(told["logs"]))
    plugins = (("plugin", it) for it in told["plugins"])
    _group("made of", chain(_spec(told["spec"]), plugins))
    _history(told["events"])


def _head(told: Facts) -> None:
    because = why(told)
    state = paint_state(told["state"]) + (f", {because}" if because else "")
    click.echo(f"{painted(told['address'].strip('/'), 'white')}  {told['kind']}  {state}")


def _group(title: str, facts: Iterator[tuple[str, str]]) -> None:
    click.echo(f"\n{title}")
    for name, value in facts:
        click.echo(f"  {name:<10} {value}")


def _now(told: Facts) -> Iterator[tuple[str, str]]:
    if told["pid"]:
        yield "pid", str(told["pid"])
    if told["uptime"] is not None:
        yield "uptime", seconds(told["uptime"])
    yield "restarts", counted(told["restarts"], "automatic restart")
    if told["health"]:
        yield "health", ", ".join(filter(None, [told["health"], told["probed"]]))
    if told["status_text"]:
        yield "says", told["status_text"]
    if told["end"] is not None:
        yield "last end", end(told["end"])
    if told["cpu"] is not None:
        yield "cpu", f"{told['cpu'] * 100:.0f}% of a processor"
        yield "memory", f"{size(told['memory'])} in {_processes(told['processes'])}"


def _logs(logs: list[Facts]) -> Iterator[tuple[str, str]]:
    for log in logs:
        facts = [f"{size(log['bytes'])} in {counted(log['lines'], 'line')}"]
        if log["path"]:
            facts.append(log["path"])
        if log["state"] != "ok":
            facts.append(": ".join(filter(None, [log["state"], log["error"]])))
        if log["dropped_lines"]:
            facts.append(f"{counted(log['dropped_lines'], 'line')} dropped")
        yield log["stream"], ", ".join(facts)


def _processes(number: int) -> str:
    return "1 process" if number == 1 else f"{number} processes"


def _spec(spec: Facts) -> Iterator[tuple[str, str]]:
    for name, value in spec.items():
        match value:
            case None | []:
                continue
            case list() if name == "command":
                yield name, shlex.join(value)
            case list():
                yield name, ", ".join(map(str, value))
            case dict():
                yield name, ", ".join(_fact(*it) for it in value.items() if it[1] is not None)
            case _:
                yield name, str(value)


def _fact(name: str, value: Any) -> str:
    words = {"grace": seconds, "within": seconds, "memory": size}.get(name, str)
    return f"{name.replace('_', ' ')} {words(value)}"


def _history(events: list[Facts]) -> None:
    from supctl.events import event_of

    from .narrate import sentence

    click.echo("\nwhat happened")
    if not events:
        click.echo("  nothing lately")
    width = terminal_width()
    for told in events:
        at = time.strftime("%b %d %H:%M:%S", time.localtime(told["at_wall"]))
        line = sentence(event_of(told))
        click.echo(
            f"  {painted(at, None, dim=True)}  {fitted(line, width - 19) if width else line}"
        )


@click.command()
@name_argument
@click.option("--show", is_flag=True, help="Show what looks like secrets, too.")
@click.option("--json", "as_json", is_flag=True, help="Print it as a JSON object.")
def env(name: str, show: bool, as_json: bool) -> None:
    """Print the exact environment of a program, as lines that a shell reads.

    Values that look like secrets, by their names or as a password in an address, are masked. Of
    those whose text is in a file, the file is shown, and never the text.

    \b
    Example:
      supctl env api:1
    """
    with reached() as client:
        held = client.env(name, show=show)
    if as_json:
        click.echo(json.dumps(held))
        return
    for key in sorted(held):
        click.echo(f"{key}={_shell_word(held[key])}")


def _shell_word(value: str | dict[str, str]) -> str:
    if isinstance(value, str):
        return shlex.quote(value)
    return f'"$(cat {shlex.quote(value["file"])})"'


@click.command()
@some_names_argument
@click.option("--json", "as_json", is_flag=True, help="Print rows as JSON.")
def inspect(names: tuple[str, ...], as_json: bool) -> None:
    """Show the system's facts about processes: memory, descriptors, threads, memory maps,
    descendants, command.

    \b
    Examples:
      supctl inspect
      supctl inspect 'shop/*' --json
    """
    with reached() as client:
        rows = client.inspect(*names)
    if as_json:
        click.echo(json.dumps(rows))
        return
    columns = [
        Column("app", elastic=1),
        Column("state", paint=paint_state),
        *(Column(title, right=True) for title in ("pid", "memory", "fds", "threads", "maps")),
        Column("descendants", elastic=2),
        Column("command", elastic=3),
    ]
    for line in table(columns, [_inspected(row) for row in rows], terminal_width()):
        click.echo(line)


def _inspected(row: Facts) -> list[str]:
    known = "memory" in row  # it has a process
    told = [row["address"].strip("/"), row["state"], str(row["pid"] or "")]
    if not known:
        return [*told, *[""] * 6]
    counts = (row["descriptors"], row["threads"], row["memory_maps"])
    return [
        *told,
        size(row["memory"]),
        *("" if count is None else str(count) for count in counts),
        pid_list(tuple(row["descendants"])) if row["descendants"] else "",
        shlex.join(row["command"]),
    ]


@click.command()
@names_argument
@as_json_option
def reset(names: tuple[str, ...], as_json: bool) -> None:
    """Count automatic restarts from 0 again, for limits and back-offs too.

    \b
    Example:
      supctl reset all
    """
    with reached() as client:
        outcomes = client.reset(*names)
    show_outcomes(outcomes, as_json=as_json)
