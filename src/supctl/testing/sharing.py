"""Apps that all processes of a test session share: the fixture ``supervised_shared``."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeAlias

from supctl.errors import InvalidConfig
from supctl.specs import App, Http, Output, Tcp

from .app import DEFAULT_TIMEOUT
from .conditions import Condition
from .errors import SharedAppLost
from .places import lock_file, path_of
from .wire import app_as_dict, decode, encode, probe_as_dict

MakeApp: TypeAlias = Callable[[int], App]
MakeCondition: TypeAlias = Callable[[int], Condition]

_PATIENCE: Final = 15.0
"""Seconds in which a keeper answers, besides what it was asked to wait for; also its end, with
an app that needs all of its usual grace."""

_LONGEST_PATH: Final = 100
"""Bytes; the path of a unix socket may have 108 on Linux, 104 elsewhere."""


class SharedApp:
    """One process's way to an app that a keeper runs for many.

    Attributes:
        name: what it is shared as.
        port: reserved for it as by :class:`FreePort`, the same for all who share it.
    """

    def __init__(self, place: Path) -> None:
        self.name = place.name
        self._place = place
        self._keeper: subprocess.Popen[bytes] | None = None
        self._connection = self._connect() or self._start_keeper()
        self._reader = self._connection.makefile("rb")
        try:
            hello = self._read(_PATIENCE)
        except SharedAppLost:
            self.close()
            raise
        self.port: int = hello["port"]
        self.runs: bool = hello["runs"]

    @property
    def address(self) -> str:
        """Its address in the keeper's tree."""
        return str(self._ask("status")["address"])

    @property
    def pid(self) -> int:
        """The pid of its main process; 0 if it has none now."""
        return int(self._ask("status")["pid"])

    @property
    def state(self) -> str:
        """Its state: ``running``, ``backoff``, ..."""
        return str(self._ask("status")["state"])

    @property
    def restarts(self) -> int:
        """How many times it has been started again."""
        return int(self._ask("status")["restarts"])

    @property
    def output(self) -> str:
        """The last lines it has printed, 30 of each stream at the most."""
        return str(self._ask("status")["output"])

    def wait_ready(self, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Return when it is ready (again), as it was asked to be at its start.

        Raises:
            SharedAppLost: it is not, within ``timeout`` seconds; with its state and last lines.
        """
        self._ask("ready", timeout, timeout=timeout)

    def start(self, app: App, ready: Condition | None, timeout: float) -> None:
        """Have the keeper start it. For :class:`SharedApps`."""
        told = {"app": app_as_dict(app), "ready": probe_as_dict(ready), "timeout": timeout}
        self._ask("start", timeout, **told)

    def story(self) -> dict[str, str]:
        """Return, by address, what is to be told of it."""
        try:
            status = self._ask("status")
        except SharedAppLost as error:
            return {f"/{self.name}": str(error)}
        return {status["address"]: status["story"]}

    def close(self) -> None:
        """Leave it to the others. Who was the last returns when nothing of it lives."""
        stays = False
        with suppress(OSError, SharedAppLost):
            self._connection.shutdown(socket.SHUT_WR)
            while not stays:
                stays = "stays" in self._read(_PATIENCE)
        self._reader.close()
        self._connection.close()
        if self._keeper is not None and stays:
            self._keeper.returncode = 0  # it lives on, for others; nobody is to warn of that
        elif self._keeper is not None:
            self._keeper.wait(_PATIENCE)

    def _connect(self) -> socket.socket | None:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(path_of(self._place, "sock")))
        except OSError:  # none yet, or one that was killed
            connection.close()
            return None
        return connection

    def _start_keeper(self) -> socket.socket:
        path_of(self._place, "sock").unlink(missing_ok=True)
        ours, theirs = socket.socketpair()
        with theirs, open(path_of(self._place, "err"), "wb") as errors:
            self._keeper = subprocess.Popen(
                [sys.executable, "-m", "supctl.testing.keeper", str(self._place)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,  # a terminal's Ctrl-C is for us
            )
        return ours

    def _ask(self, what: str, patience: float = 0.0, **more: Any) -> dict[str, Any]:
        try:
            self._connection.sendall(encode({"ask": what, **more}))
        except OSError:
            raise self._lost() from None
        answer = self._read(patience + _PATIENCE)
        if "error" in answer:
            raise SharedAppLost(self.name, answer["error"])
        return answer

    def _read(self, patience: float) -> dict[str, Any]:
        try:
            self._connection.settimeout(patience)
            line = self._reader.readline()
        except OSError:
            line = b""
        if not line:
            raise self._lost()
        return decode(line)

    def _lost(self) -> SharedAppLost:
        errors = path_of(self._place, "err").read_text(errors="replace").strip()
        last = f" ({errors.splitlines()[-1]})" if errors else ""
        return SharedAppLost(self.name, f"its keeper is gone, and the app with it{last}")


class SharedApps:
    """The apps that this process shares with others: the fixture ``supervised_shared``.

    Args:
        directory: the same for all who share; made if it is not there.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._apps: dict[str, SharedApp] = {}

    def __call__(
        self,
        name: str,
        make: MakeApp,
        *,
        ready: MakeCondition | None = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> SharedApp:
        """Return the app that is shared as ``name``; who comes first starts it.

        It is stopped when the last process that has it ends its session, or dies.

        Args:
            name: letters, digits, ``_ -``.
            make: makes the app for a port that is reserved for it. Called by the first only.
            ready: makes the condition for that port, such as :class:`Tcp` or :class:`Http`.
            timeout: seconds until it must be ready.

        Raises:
            SharedAppLost: it did not start, or was not ready in time.
            InvalidConfig: naming the argument.
        """
        if not isinstance(name, str) or not re.fullmatch(r"[\w-]+", name, re.ASCII):
            raise InvalidConfig("supervised_shared(name)", name, "letters, digits, _ and -")
        if not callable(make):
            raise InvalidConfig("make", make, "a function of the port that returns an App")
        if name not in self._apps:
            self._apps[name] = self._join(name, make, ready, timeout)
        return self._apps[name]

    def _join(
        self, name: str, make: MakeApp, ready: MakeCondition | None, timeout: float
    ) -> SharedApp:
        self._directory.mkdir(mode=0o700, exist_ok=True)
        place = self._directory / name
        if len(os.fsencode(place)) > _LONGEST_PATH:
            wanted = f"a path of at most {_LONGEST_PATH} bytes; use a shorter --basetemp"
            raise InvalidConfig("supervised_shared(name)", str(place), wanted)
        with lock_file(place) as lock:
            app = SharedApp(place)
            try:
                if not app.runs:
                    app.start(*_checked(make(app.port), ready and ready(app.port)), timeout)
            except BaseException:
                lock.close()  # the keeper needs it to end
                app.close()
                raise
        return app

    def story(self) -> dict[str, str]:
        """Return, by address, what is to be told of the apps."""
        stories = [app.story() for app in self._apps.values()]
        return {address: text for story in stories for address, text in story.items()}

    def close(self) -> None:
        """Leave all apps, the latest first."""
        for app in reversed(self._apps.values()):
            app.close()
        self._apps.clear()


def _checked(app: App, ready: Condition | None) -> tuple[App, Condition | None]:
    if not isinstance(app, App) or app.instances != 1:
        raise InvalidConfig("make(port)", app, "an App of one instance")
    if ready is not None and not isinstance(ready, Tcp | Http | Output):
        raise InvalidConfig("ready(port)", ready, "Tcp, Http or Output")
    return app, ready
