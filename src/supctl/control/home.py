"""Where the daemon of a user lives: its directories and the files in them."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from supctl.errors import InvalidConfig, StorageFailed

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "SUPCTL_HOME"


class Home:
    """The directories of one daemon. There may be one daemon for each home.

    A command that only asks needs no more than :attr:`address`; what finds the rest, and makes
    paths of it, is loaded for those who need that.

    Args:
        base: that all lies in; empty for the user's own directories for each kind of file.
        runtime: the directory for what is gone after a reboot; empty if there is none.

    Attributes:
        run: the socket. Mode 0700, or 0710 where a group is let in.
        state: what is kept: what should run, the audit, the daemon's lock. Mode 0700.
        logs: output of apps, and what the daemon itself says.
        config: what people write: ``daemon.toml``. Need not be there.
    """

    def __init__(self, base: str, runtime: str) -> None:
        self._base, self._runtime = base, runtime

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> Home:
        """Return the home that the environment names.

        That is all of ``SUPCTL_HOME``, if it is set; else ``$XDG_RUNTIME_DIR/supctl`` and the
        user's own directories for state, logs and configuration.

        Raises:
            InvalidConfig: ``SUPCTL_HOME`` is not an absolute path.
        """
        base = environ.get(VARIABLE)
        if base is not None and not os.path.isabs(base):  # noqa: PTH117 - pathlib is for later
            raise InvalidConfig(VARIABLE, base, "an absolute path")
        return cls(base or "", environ.get("XDG_RUNTIME_DIR", ""))

    @property
    def address(self) -> str:
        """The path of the control socket, as text."""
        return os.path.join(self._run, "control.sock")

    @property
    def _run(self) -> str:
        if self._base:
            return os.path.join(self._base, "run")
        if self._runtime:
            return os.path.join(self._runtime, "supctl")
        # platformdirs would fall back on a shared directory; ours is nobody else's.
        return str(self.state / "run")

    @cached_property
    def run(self) -> Path:
        return _path(self._run)

    @cached_property
    def state(self) -> Path:
        return self._place("state")

    @cached_property
    def logs(self) -> Path:
        return self._place("logs")

    @cached_property
    def config(self) -> Path:
        return self._place("")

    def _place(self, kind: str) -> Path:
        if self._base:
            return _path(os.path.join(self._base, kind))
        from platformdirs import PlatformDirs

        own = PlatformDirs("supctl", appauthor=False)
        return {"state": own.user_state_path, "logs": own.user_log_path}.get(
            kind, own.user_config_path
        )

    @property
    def socket(self) -> Path:
        """The control socket."""
        return _path(self.address)

    @property
    def lock(self) -> Path:
        """Held by the daemon as long as it lives; tells its pid.

        Not among what a reboot or a log-out sweeps away: without it a second one could begin.
        """
        return self.state / "daemon.lock"

    @property
    def start_lock(self) -> Path:
        """Held by who starts the daemon until that answers."""
        return self.run / "start.lock"

    @property
    def settings(self) -> Path:
        """Who else may speak with the daemon."""
        return self.config / "daemon.toml"

    @property
    def log(self) -> Path:
        """What the daemon itself says."""
        return self.logs / "daemon.log"

    @property
    def desired(self) -> Path:
        """What should run."""
        return self.state / "desired.json"

    @property
    def histories(self) -> Path:
        """Restarts so far."""
        return self.state / "histories.json"

    @property
    def outputs(self) -> Path:
        """Where output of programs goes."""
        return self.state / "outputs.json"

    @property
    def crash(self) -> Path:
        """What the last daemon that has crashed said then."""
        return self.state / "crash.txt"

    @property
    def code(self) -> Path:
        """The directory of the code that is run."""
        return self.state / "code"

    @property
    def origins(self) -> Path:
        """How programs are known again that nobody holds any more."""
        return self.state / "origins.json"

    @property
    def journal(self) -> Path:
        """The directory of what has happened to everything."""
        return self.state / "journal"

    @property
    def audit(self) -> Path:
        """Who has changed what."""
        return self.state / "audit.log"

    def make(self) -> None:
        """Make the directories that are missing, and look whether ours are ours.

        Raises:
            StorageFailed: one cannot be made, belongs to somebody else, or is open to others.
        """
        for path in (self.state, self.run, self.logs):
            try:
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
                found = path.stat()
            except OSError as error:
                wanted = f"a directory of ours (or {VARIABLE} naming another)"
                raise StorageFailed(str(path), error.errno or 0, wanted) from None
            open_to_others = found.st_mode & (0o067 if path == self.run else 0o077)
            if path != self.logs and (found.st_uid != os.geteuid() or open_to_others):
                mode = stat.S_IMODE(found.st_mode)
                raise InvalidConfig(
                    str(path), f"uid {found.st_uid}, mode {mode:o}", "ours alone, mode 700"
                )


def _path(text: str) -> Path:
    from pathlib import Path

    return Path(text)
