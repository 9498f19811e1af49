"""The commands of others that tell how all is: supervisorctl and PM2, each with its own daemon."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from platformdirs import user_cache_path

from .actors.environment import NotToBeHad, python_with
from .probe import Probe

SUPERVISOR: Final = "supervisor==4.3.0"
_PM2: Final = "pm2@7.0.4"

_PATIENCE: Final = 300.0
"""Seconds until all programs of a peer run."""

_SUPERVISORD: Final = """
[unix_http_server]
file = {folder}/socket
[supervisord]
nodaemon = true
logfile = {folder}/supervisord.log
pidfile = {folder}/supervisord.pid
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl = unix://{folder}/socket
[program:app]
command = {program}
process_name = app%(process_num)d
numprocs = {count}
startsecs = 0
stdout_logfile = NONE
stderr_logfile = NONE
"""


@dataclass(frozen=True, slots=True)
class Command:
    """What is run, and with which environment."""

    words: list[str]
    environ: dict[str, str]

    def run(self) -> None:
        """Run it."""
        subprocess.run(
            self.words,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )


@contextmanager
def supervisorctl(probe: Probe, folder: Path, count: int) -> Iterator[Command]:
    """Have a supervisord keep ``count`` programs; give what asks it. Raises NotToBeHad."""
    python = python_with("supervisor", [SUPERVISOR], complete=False)
    file = folder / "supervisord.conf"
    told = {"folder": folder, "program": probe.program, "count": count}
    file.write_text(_SUPERVISORD.format(**told))
    daemon = subprocess.Popen(
        [python, "-m", "supervisor.supervisord", "-c", str(file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        probe.take(count, _PATIENCE)
        words = [python, "-m", "supervisor.supervisorctl", "-c", str(file), "status"]
        yield Command(words, installed_environ())
    finally:
        daemon.terminate()
        daemon.wait()


@contextmanager
def pm2(probe: Probe, folder: Path, count: int) -> Iterator[Command]:
    """Have a PM2 keep ``count`` programs; give what asks it. Raises NotToBeHad."""
    program = installed_pm2()
    environ = {**os.environ, "PM2_HOME": str(folder / "pm2")}
    apps = [
        {"name": f"app{number}", "script": str(probe.program), "interpreter": "none"}
        for number in range(count)
    ]
    file = folder / "ecosystem.json"
    file.write_text(json.dumps({"apps": apps}))
    try:
        Command([program, "start", str(file)], environ).run()
        probe.take(count, _PATIENCE)
        yield Command([program, "jlist"], environ)
    finally:
        Command([program, "kill"], environ).run()


Peer: TypeAlias = Callable[[Probe, Path, int], AbstractContextManager[Command]]

PEERS: Final[dict[str, Peer]] = {"supervisorctl status": supervisorctl, "pm2 jlist": pm2}
"""By what is compared."""


def installed_environ() -> dict[str, str]:
    """Return our environment, in which what was imported once is not compiled again.

    What is installed is compiled already; without this, only the dependencies would be.
    """
    return {it: value for it, value in os.environ.items() if it != "PYTHONDONTWRITEBYTECODE"}


def installed_pm2() -> str:
    """Return the path of PM2, installed for the occasion. Raises NotToBeHad."""
    npm = shutil.which("npm")
    if npm is None:
        raise NotToBeHad("there is no npm to install it")
    folder = user_cache_path("supctl") / "benchmarks" / _PM2
    program = folder / "node_modules" / ".bin" / "pm2"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        words = [npm, "install", "--silent", "--prefix", str(folder), _PM2]
        if subprocess.run(words, capture_output=True, check=False).returncode:
            raise NotToBeHad("npm cannot install it")
    return str(program)
