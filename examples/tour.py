"""A tour of 12 seconds: the shop starts, one of its programs crashes and returns, all stops.

Run by ``make demo``. What you see above is what happens, below it the tree as it is.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import trio
from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.table import Table

from supctl import Tree, open_tree
from supctl.cli.narrate import past, sentence
from supctl.cli.words import seconds
from supctl.config import load
from supctl.events import SupervisorReport
from supctl.supervision.status import ChildStatus

SECONDS = 12.0
COLOURS = {"running": "green", "backoff": "yellow", "failed": "red", "exited": "dim"}


async def tour(console: Console) -> None:
    loaded = load(Path(__file__).with_name("shop.toml"))
    with tempfile.TemporaryDirectory(prefix="supctl-tour-") as logs:
        async with open_tree(loaded.root, log_directory=logs, wait_up=False) as tree:
            with Live(console=console, auto_refresh=False, transient=False) as live:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(tell, tree, console)
                    nursery.start_soon(draw, tree, live)
                    await trio.sleep(SECONDS)
                    console.print("[bold]supctl: the tour is over, everything is asked to stop")
                    tree.stop()
                    await tree.wait()
                    nursery.cancel_scope.cancel()
                live.update(picture(tree), refresh=True)
        console.print()
        show_output(console, Path(logs))


async def tell(tree: Tree, console: Console) -> None:
    """Print every event as a sentence."""
    with tree.subscribe() as events:
        async for event in events:
            if isinstance(event, SupervisorReport):
                continue  # it tells again what has been told
            console.print(
                f"[dim]{event.at - tree.latest_events[0].at:5.1f} s[/]  {sentence(event)}"
            )


async def draw(tree: Tree, live: Live) -> None:
    """Draw the tree, ten times a second."""
    while True:
        live.update(picture(tree), refresh=True)
        await trio.sleep(0.1)


def picture(tree: Tree) -> Panel:
    """Return the tree as it is now."""
    table = Table(box=None, pad_edge=False, expand=True)
    for column in ("name", "state", "pid", "up", "restarts", "ended last"):
        table.add_column(column, no_wrap=True)
    for row in tree.status():
        table.add_row(*cells(row))
    return Panel(table, title=tree.name, border_style="blue")


def cells(row: ChildStatus) -> list[str]:
    """Return one line of the tree."""
    state = row.state
    if row.due_in is not None:
        state += f", again in {seconds(row.due_in)}"
    return [
        "  " * row.depth + row.address.rsplit("/", 1)[-1],
        f"[{COLOURS.get(row.state, 'white')}]{state}[/]",
        str(row.pid or "-"),
        "-" if row.uptime is None else seconds(row.uptime),
        str(row.restarts),
        "-" if row.reason is None else past(row.reason),
    ]


def show_output(console: Console, logs: Path) -> None:
    """Print the last line that each program wrote."""
    for path in sorted(logs.rglob("*.log")):
        lines = path.read_text(errors="replace").splitlines()
        if lines:
            name = str(path.relative_to(logs)).removesuffix(".log")
            console.print(f"[dim]{name}, {len(lines)} lines, last:[/] {lines[-1]}", highlight=False)


if __name__ == "__main__":
    trio.run(tour, Console())
