"""``supctl check``: show what a file says, or everything that is wrong with it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from supctl.config import load
from supctl.config.values import restart_word
from supctl.exits import signal_name
from supctl.specs import (
    App,
    AutoShutdown,
    Backoff,
    ChildSpec,
    Exhausted,
    Restart,
    Start,
    StartFailures,
    Stop,
    Supervisor,
    Worker,
)
from supctl.specs.dependencies import Condition

from .loading import profile_option
from .words import counted, seconds, size

_EXHAUSTED: Final = {
    Exhausted.KEEP_TRYING: "keeps trying",
    Exhausted.SHUT_DOWN: "shuts down the tree",
}

_AFTER: Final = {
    Condition.UP: "",
    Condition.COMPLETED: "success of ",
    Condition.ENDED: "the end of ",
}


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@profile_option
def check(files: tuple[Path, ...], profile: str | None) -> None:
    """Show what FILE says, as a tree; or every mistake in it, with its place and its mend.

    FILE is a supctl.toml, the same as YAML or JSON, or the file of another tool. A directory
    stands for the likeliest of them in it, and so does the current directory if FILE is left out.
    A second FILE overrides the first, and so on. Nothing is started.

    The exit status is 0 if the file can be used and 2 if not.
    """
    first, *over = files or (None,)
    loaded = load(first, over=over, profile=profile or "")
    files_read = " + ".join(map(str, (loaded.source, *over)))
    asked = f", profile {profile}" if profile else ""
    click.echo(f"{click.style(files_read, bold=True)} ({loaded.format}){asked}")
    click.echo("\n".join(tree_lines(loaded.root, str(loaded.source.absolute().parent))))
    for note in loaded.advice:
        click.echo(f"{click.style('note:', fg='yellow')} {note}")
    click.echo(f"{click.style('ok:', fg='green')} {summary(loaded.root)}")


def summary(root: Supervisor) -> str:
    """Return how many there are of each kind: ``"5 apps, 1 supervisor"``; the root counts."""
    nodes = list(_nodes(root))
    kinds = (("app", App), ("worker", Worker), ("supervisor", Supervisor))
    numbers = [(sum(isinstance(node, kind) for node in nodes), noun) for noun, kind in kinds]
    return ", ".join(counted(number, noun) for number, noun in numbers if number)


def tree_lines(root: Supervisor, home: str) -> Iterator[str]:
    """Yield the tree, a line for every node; ``home`` is the directory that goes without saying."""
    yield _line(root, home)
    yield from _below(root, home, "")


def _nodes(node: ChildSpec) -> Iterator[ChildSpec]:
    yield node
    for child in node.children if isinstance(node, Supervisor) else ():
        yield from _nodes(child)


def _below(supervisor: Supervisor, home: str, indent: str) -> Iterator[str]:
    for child in supervisor.children:
        last = child is supervisor.children[-1]
        yield f"{indent}{'└─ ' if last else '├─ '}{_line(child, home)}"
        if isinstance(child, Supervisor):
            yield from _below(child, home, indent + ("   " if last else "│  "))


def _line(node: ChildSpec, home: str) -> str:
    match node:
        case App():
            name, what, facts = node.name, shlex.join(node.command), _app_facts(node, home)
            name += f" x{node.instances}" if node.instances > 1 else ""
        case Worker():
            name, what, facts = node.name, f"actor {node.actor}", _child_facts(node, Backoff())
        case Supervisor():
            name, what, facts = node.name, str(node.strategy), _supervisor_facts(node)
    told = click.style(", ".join(facts), dim=True)
    return f"{click.style(name, fg='cyan')}: {what}" + (f"  [{told}]" if facts else "")


def _child_facts(node: App | Worker, usual: Backoff) -> list[str]:
    facts = [_restart(node)]
    if node.backoff != usual and node.restart is not Restart.TEMPORARY:
        facts.append(_backoff(node.backoff))
    if node.give_up_after is not None:
        facts.append(f"gives up after {counted(node.give_up_after, 'restart')}")
    if node.max_restarts is not None:
        times = counted(node.max_restarts, "restart")
        facts.append(f"at most {times} within {seconds(node.within)}")
    if node.exhausted is not Exhausted.STOP:
        facts.append(f"then {_EXHAUSTED[node.exhausted]}")
    if node.min_uptime:
        facts.append(f"fails if it ends within {seconds(node.min_uptime)}")
    return facts + _ties(node)


def _restart(node: ChildSpec) -> str:
    return f"restart {restart_word(node)}"


def _ties(node: ChildSpec) -> list[str]:
    """Return what ties a child to its siblings, its supervisor, and its like."""
    after = [_AFTER[condition] + name for name, condition in node.depends_on.items()]
    after = [f"after {', '.join(after)}"] if after else []
    weight = {"significant": node.significant, "essential": node.essential}
    tags = [f"tags {', '.join(node.tags)}"] if node.tags else []
    return [*after, *(word for word, has in weight.items() if has), *tags]


def _backoff(backoff: Backoff) -> str:
    if not backoff.maximum:
        return "no back-off"
    span = f"{seconds(backoff.initial)} to {seconds(backoff.maximum)}"
    return f"back-off {span}, x{backoff.factor:g}, jitter {backoff.jitter}"


def _app_facts(app: App, home: str) -> list[str]:
    facts = _child_facts(app, Backoff())
    if app.port is not None:
        last = app.port + app.instances - 1
        facts.append(f"port {app.port}" if app.instances == 1 else f"ports {app.port} to {last}")
    facts += [str(asked) for asked in (app.ready, app.health, app.watch) if asked is not None]
    if app.stop_exit_codes:
        codes = ", ".join(map(str, app.stop_exit_codes))
        facts.append(f"stays ended by code {codes}")
    if app.stop != Stop():
        facts += _stop_facts(app.stop)
    limits = app.limits
    if limits.memory is not None:
        facts.append(f"memory {size(limits.memory)}")
    if limits.cpu is not None:
        facts.append(f"cpu {limits.cpu:g}")
    if limits.pids is not None:
        facts.append(f"pids {limits.pids}")
    if app.user is not None:
        facts.append(f"user {app.user}")
    facts += [f"{name} {secret}" for name, secret in app.secrets.items()]
    if app.cwd not in (None, home):
        facts.append(f"in {app.cwd}")
    return facts


def _stop_facts(stop: Stop) -> list[str]:
    facts = [f"stop by {signal_name(stop.signal)}, grace {seconds(stop.grace)}"]
    return facts if stop.force == Stop().force else [*facts, f"force {seconds(stop.force)}"]


def _supervisor_facts(node: Supervisor) -> list[str]:
    facts = [] if _restart(node) == "restart always" else [_restart(node)]
    intensity = node.intensity
    if intensity.max_restarts is None:
        facts.append("any number of restarts")
    else:
        times = counted(intensity.max_restarts, "restart")
        facts.append(f"fails after more than {times} within {seconds(intensity.within)}")
    if node.start is Start.CONCURRENT:
        facts.append("all at once")
    if node.start_failures is StartFailures.ESCALATE:
        facts.append("all start or none")
    if node.stop is not None:
        facts += _stop_facts(node.stop)
    if node.exhausted is not Exhausted.STOP:
        facts.append(f"if it fails for good {_EXHAUSTED[node.exhausted]}")
    if node.auto_shutdown is not AutoShutdown.NEVER:
        facts.append(f"ends with {node.auto_shutdown.replace('_', ' ')}")
    if (rate := node.start_rate) is not None:
        facts.append(f"{counted(rate.starts, 'restart')} in {seconds(rate.within)} at the most")
    return facts + _ties(node)
