"""The program that all contestants run, and the socket where its starts are told.

It sends its pid and the monotonic clock as its first act, then waits for a signal. It is
static and tiny, so that the limit is one: no loader, no libraries.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

_SOURCE = r"""
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int main(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long record[2] = {getpid(), now.tv_sec * 1000000000L + now.tv_nsec};
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strcpy(to.sun_path, SOCKET);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sendto(fd, record, sizeof record, 0, (struct sockaddr *)&to, sizeof to);
    close(fd);
    for (;;) pause();
}
"""


@dataclass(frozen=True, slots=True)
class Start:
    """One start of the program: who, and when its first instruction ran (monotonic ns)."""

    pid: int
    at_ns: int


class Probe:
    """The compiled program and the receiver of its records."""

    def __init__(self, folder: Path) -> None:
        path = folder / "starts"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.bind(str(path))
        self.program = folder / "probe"
        _compile(self.program, path)
        self._starts: list[Start] = []
        self._arrived = threading.Condition()
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self) -> None:
        while True:
            data = self._socket.recv(64)
            if len(data) != 16:
                return
            pid, at = (int.from_bytes(data[i : i + 8], "little") for i in (0, 8))
            with self._arrived:
                self._starts.append(Start(pid, at))
                self._arrived.notify_all()

    def take(self, count: int, patience: float = 60.0) -> list[Start]:
        """Return the next ``count`` starts; raises TimeoutError if they do not come."""
        deadline = time.monotonic() + patience
        with self._arrived:
            while len(self._starts) < count:
                if not self._arrived.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"{len(self._starts)} of {count} programs started")
            taken, self._starts = self._starts[:count], self._starts[count:]
            return taken

    def close(self) -> None:
        """End the receiver."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()


def _compile(program: Path, path: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("benchmarks need a C compiler: apt-get install gcc libc6-dev")
    define = f'-DSOCKET="{path}"'
    source = _SOURCE.encode()
    for flags in (["-static"], []):
        command = [compiler, "-O2", *flags, define, "-x", "c", "-", "-o", os.fspath(program)]
        if subprocess.run(command, input=source, capture_output=True, check=False).returncode == 0:
            return
    raise SystemExit(f"{compiler} does not compile; is libc6-dev installed?")
