"""The keeper: a process that runs one app for all processes of a test session.

It counts connections. The kernel closes those of a worker that dies, however it dies; when the
last one is gone the app is stopped and the keeper ends. If the keeper dies, its reaper ends the
app. Messages are lines of JSON, a question and an answer.

Run as ``python -m supctl.testing.keeper PLACE``; the first connection is its standard
input, so that it cannot outlive a starter that is killed before it has connected.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import trio

from supctl.errors import InvalidState, SupctlError

from .app import SupervisedApp
from .conditions import Condition
from .places import lock_file, path_of
from .ports import FreePort
from .shelf import Shelf
from .tree import Supervised
from .wire import LIMIT, app_from_dict, decode, encode, probe_from_dict


class Keeper:
    """One shared app and the processes that use it.

    Args:
        place: path of its files, without their suffix: its socket, its lock, its output.
        port: reserved for the app.
    """

    def __init__(self, place: Path, port: int) -> None:
        self._place, self._port = place, port
        self._users = 0
        self._app: SupervisedApp | None = None
        self._ready: Condition | None = None

    async def run(self, first: socket.socket) -> None:
        """Serve ``first`` and others, until the last has gone and nothing of the app lives."""
        path, logs = path_of(self._place, "sock"), path_of(self._place, "logs")
        with ExitStack() as self._at_end, trio.socket.socket(socket.AF_UNIX) as listener:
            self._at_end.callback(shutil.rmtree, logs, ignore_errors=True)
            await listener.bind(str(path))
            listener.listen(128)
            async with trio.open_nursery() as self._nursery:
                self._supervised = Supervised(self._nursery, Shelf(lambda: logs))
                self._admit(trio.socket.from_stdlib_socket(first))
                while True:
                    self._admit((await listener.accept())[0])

    def _admit(self, user: trio.socket.SocketType) -> None:
        self._users += 1
        self._nursery.start_soon(self._attend, user)

    async def _attend(self, user: trio.socket.SocketType) -> None:
        """Answer one user until it goes, or dies."""
        rest = b""
        with suppress(OSError):
            await _send(user, {"port": self._port, "runs": self._app is not None})
            while len(rest) < LIMIT and (data := await user.recv(LIMIT)):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    await _send(user, await self._answer(decode(line)))
        self._users -= 1
        if not await self._end_if_unused(user):
            with suppress(OSError):
                await _send(user, {"stays": True})
            user.close()

    async def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        try:
            match question:
                case {"ask": "start", "app": app, "ready": ready, "timeout": timeout}:
                    await self._start(app, probe_from_dict(ready), timeout)
                case {"ask": "ready", "timeout": timeout} if self._app is not None:
                    await self._app.wait_ready(self._ready, timeout=timeout)
            return self._status()
        except SupctlError as error:
            return {"error": str(error)}

    async def _start(self, app: dict[str, Any], ready: Condition | None, timeout: float) -> None:
        try:
            tree = await self._supervised(app_from_dict(app))
            (started,) = tree.apps()
            await started.wait_ready(ready, timeout=timeout)
        except SupctlError:
            # Who comes next is not to find an app that is not there. The starter has the lock.
            path_of(self._place, "sock").unlink()
            raise
        self._app, self._ready = started, ready

    def _status(self) -> dict[str, Any]:
        app = self._app
        if app is None:
            raise InvalidState(self._place.name, "not started", "a process that runs")
        told = {"address": app.address, "state": app.state, "pid": app.pid}
        return told | {"restarts": app.restarts, "output": app.output, "story": app.story()}

    async def _end_if_unused(self, last: trio.socket.SocketType) -> bool:
        """End all of it if nobody uses it. ``last`` is closed when nothing lives any more.

        Who connects has the lock until it is counted: nobody is turned away at the door.
        """
        if self._users:
            return False
        with trio.CancelScope(shield=True):
            lock = await trio.to_thread.run_sync(lock_file, self._place)
        with lock:
            if self._users:
                return False
            path_of(self._place, "sock").unlink(missing_ok=True)
        self._at_end.callback(last.close)
        self._nursery.cancel_scope.cancel()
        return True


async def _send(user: trio.socket.SocketType, message: dict[str, Any]) -> None:
    data = memoryview(encode(message))
    while data:
        data = data[await user.send(data) :]


def main() -> None:
    """Run a keeper: its place in ``sys.argv``, its first user at standard input."""
    first = socket.socket(fileno=os.dup(0))
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    with FreePort() as port:
        trio.run(Keeper(Path(sys.argv[1]), port.number).run, first)


if __name__ == "__main__":
    main()
