"""The figures of real programs: supctl, a bare loop and runit, in one run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from . import figures
from .contestant import Contestant, Driver
from .limit import Limit
from .ours import Ours
from .probe import Probe
from .runit import Runit

Row = dict[str, float]


class Bench:
    """All figures by row and contestant, in seconds, bytes or counts."""

    def __init__(self, probe: Probe, folder: Path, quick: bool) -> None:
        self._probe, self._folder = probe, folder
        self._many = 100 if quick else 1000
        self._idle = 5.0 if quick else 20.0
        self.rows: dict[str, Row] = {}
        self._runs = 0

    def note(self, row: str, who: str, value: float) -> None:
        """Keep a figure."""
        self.rows.setdefault(row, {})[who] = value

    @contextmanager
    def running(self, kind: Callable[[Probe, Path], Contestant]) -> Iterator[Contestant]:
        """Give a contestant a folder of its own."""
        self._runs += 1
        folder = self._folder / f"run{self._runs}"
        folder.mkdir()
        yield kind(self._probe, folder)

    def measure(self, kind: Callable[[Probe, Path], Contestant]) -> None:
        """Take all figures of one contestant."""
        many = self._many
        with self.running(kind) as few:
            few.up(10)
            time.sleep(1.2)
            self.note("restart, 10 apps", few.name, figures.restart(few, 10))
            if isinstance(few, Ours):
                self.note("memory, 10 apps", few.name, figures.memory(few))
            few.end()
        with self.running(kind) as crowd:
            name = crowd.name
            self.note(f"{many} apps up", name, crowd.up(many))
            time.sleep(2.0)
            if isinstance(crowd, Ours):
                self.note(f"wake-ups in {self._idle:g} s, idle", name,
                          figures.wakeups(crowd, self._idle))  # fmt: skip
                self.note(f"memory, {many} apps", name, figures.memory(crowd))
            self.note(f"restart, {many} apps", name, figures.restart(crowd, 40))
            self.note(f"{many // 5} killed at once", name, figures.burst(crowd, many // 5))
            time.sleep(1.2)
            self.note(f"{many} apps stopped", name, crowd.end())

    def spawn(self, kind: Callable[[Probe, Path], Driver], first: str) -> None:
        """Take the figure of single spawns, without a tree."""
        self._runs += 1
        folder = self._folder / f"run{self._runs}"
        folder.mkdir()
        driver = kind(self._probe, folder)
        driver.begin_with(first)
        self._probe.take(1)
        self.note("spawn", driver.name, figures.spawn(driver, 100))
        driver.end()


def table(rows: dict[str, Row], names: list[str]) -> Table:
    """Return the figures as a table, each with its ratio to the limit."""
    drawn = Table(title="medians; ratios are to the bare loop of the same run")
    drawn.add_column("figure")
    for name in names:
        drawn.add_column(name, justify="right")
        if name != Limit.name:
            drawn.add_column("ratio", justify="right", style="bold")
    for figure, row in rows.items():
        cells = [figure]
        for name in names:
            cells.append(_value(figure, row[name]) if name in row else "-")
            if name != Limit.name:
                known = name in row and Limit.name in row
                cells.append(f"{row[name] / row[Limit.name]:.2f}" if known else "-")
        drawn.add_row(*cells)
    return drawn


def _value(figure: str, value: float) -> str:
    if figure.startswith("memory"):
        return f"{value / 2**20:.1f} MiB"
    if figure.startswith("wake-ups"):
        return f"{value:.0f}"
    return f"{value * 1000:.2f} ms"


def run(console: Console, *, quick: bool) -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        probe = Probe(Path(folder))
        bench = Bench(probe, Path(folder), quick)
        bench.spawn(Limit, "up 1")
        bench.spawn(Ours, "backend")
        kinds: list[type[Contestant]] = [Limit, Ours]
        if Runit.is_there():
            kinds.append(Runit)
        for kind in kinds:
            console.print(f"[dim]measuring {kind.name} ...")
            bench.measure(kind)
        probe.close()
    console.print(table(bench.rows, [kind.name for kind in kinds]))
    if not Runit.is_there():
        console.print("runit is not installed: apt-get install runit")
