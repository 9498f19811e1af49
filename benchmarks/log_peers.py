"""How others store what an app writes; their files are rotated where they can do that."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from .actors.environment import NotToBeHad, python_with
from .peers import SUPERVISOR, Command, installed_environ, installed_pm2

APP: Final = """
import os, sys
block = (b"x" * 63 + b"\\n") * 1024
for _ in range(int(sys.argv[1]) // len(block)):
    left = block
    while left:
        left = left[os.write(1, left):]
"""

_SUPERVISORD: Final = """[supervisord]
nodaemon=true
logfile={folder}/supervisord.txt
pidfile={folder}/pid
[program:app]
command={python} -SI {folder}/app.py {size}
stdout_logfile={folder}/out.log
stdout_logfile_maxbytes=50MB
stdout_logfile_backups=1000
autorestart=false
startsecs=0
"""


class Run(NamedTuple):
    """One run: seconds, processor seconds of who stores, and bytes that were stored."""

    seconds: float
    cpu: float
    stored: int


Way: TypeAlias = Callable[[int, Path], Run]


def stored_by(command: list[str], size: int, files: Path) -> Run:
    """Let the app write into a program that stores what it reads; return how that went."""
    read, write = os.pipe()
    with subprocess.Popen(command, stdin=read) as store:
        os.close(read)
        began = time.monotonic()
        write_app(size, write)
        _, status, usage = os.wait4(store.pid, 0)
        seconds = time.monotonic() - began
        store.returncode = os.waitstatus_to_exitcode(status)
    return Run(seconds, usage.ru_utime + usage.ru_stime, size_of(files))


def write_app(size: int, out: int) -> None:
    """Run the app to its end; ``out`` is closed."""
    with subprocess.Popen([sys.executable, "-SIc", APP, str(size)], stdout=out) as app:
        os.close(out)
    if app.returncode:
        raise RuntimeError("what it wrote was not read to its end")


def size_of(files: Path) -> int:
    """Return the bytes of a file, or of all below a directory."""
    found = files.rglob("*") if files.is_dir() else [files]
    return sum(it.stat().st_size for it in found if it.is_file())


def by_cat(size: int, folder: Path) -> Run:
    """Store it as a shell does."""
    script = f'exec cat > "{folder}/cat"'
    return stored_by(["sh", "-c", script], size, folder / "cat")


def by_s6(size: int, folder: Path) -> Run:
    """Store it with s6-log, which rotates and must not delete. Raises NotToBeHad."""
    if shutil.which("s6-log") is None:
        raise NotToBeHad("there is no s6-log (Debian's package s6)")
    return stored_by(["s6-log", "n1000", "s50000000", str(folder)], size, folder)


def by_supervisord(size: int, folder: Path) -> Run:
    """Have supervisord run the app. Raises NotToBeHad."""
    python = python_with("supervisor", [SUPERVISOR], complete=False)
    (folder / "app.py").write_text(APP)
    config = folder / "supervisord.conf"
    config.write_text(_SUPERVISORD.format(folder=folder, python=sys.executable, size=size))
    began = time.monotonic()
    daemon = subprocess.Popen(
        [python, "-m", "supervisor.supervisord", "-c", str(config)], stdout=subprocess.DEVNULL
    )
    try:
        stored, seconds = _stored_in(folder, size, began)
    finally:
        daemon.terminate()
        _, _, usage = os.wait4(daemon.pid, 0)
        daemon.returncode = 0
    return Run(seconds, usage.ru_utime + usage.ru_stime, stored)


def by_pm2(size: int, folder: Path) -> Run:
    """Have PM2 run the app; it does not rotate. Raises NotToBeHad."""
    program = installed_pm2()
    environ = {**installed_environ(), "PM2_HOME": str(folder / "pm2")}
    (folder / "app.py").write_text(APP)
    app = {
        "name": "app",
        "script": sys.executable,
        "interpreter": "none",
        "args": ["-SI", str(folder / "app.py"), str(size)],
        "out_file": str(folder / "out.log"),
        "autorestart": False,
    }
    file = folder / "ecosystem.json"
    file.write_text(json.dumps({"apps": [app]}))
    began = time.monotonic()
    try:
        Command([program, "start", str(file)], environ).run()
        stored, seconds = _stored_in(folder, size, began)
        return Run(seconds, _cpu_of(int((folder / "pm2" / "pm2.pid").read_text())), stored)
    finally:
        Command([program, "kill"], environ).run()


def _cpu_of(pid: int) -> float:
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


def _stored_in(folder: Path, size: int, began: float, patience: float = 5.0) -> tuple[int, float]:
    """Wait until all is stored, or nothing comes any more; return how much, and seconds."""
    before, since = 0, time.monotonic()
    while before < size and (before == 0 or time.monotonic() < since + patience):
        with suppress(FileNotFoundError):  # it is being rotated
            now = sum(it.stat().st_size for it in folder.glob("out.log*"))
            if now != before:
                before, since = now, time.monotonic()
        time.sleep(0.005)
    return before, since - began


PEERS: Final[dict[str, Way]] = {"s6-log": by_s6, "supervisord": by_supervisord, "pm2": by_pm2}
