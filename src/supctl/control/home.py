"""Where the daemon of a user lives: its directories and the files in them."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from supctl.errors import InvalidConfig, StorageFailed

VARIABLE = "SUPCTL_HOME"


@dataclass(frozen=True)
class Home:
    """The directories of one daemon. There may be one daemon for each home.

    Args:
        run: what is gone after a reboot: the socket. Mode 0700, or 0710 where a group is let in.
        state: what is kept: what should run, the audit, the daemon's lock. Mode 0700.
        logs: output of apps, and what the daemon itself says.
        config: what people write: ``daemon.toml``. Need not be there.
    """

    run: Path
    state: Path
    logs: Path
    config: Path

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> Home:
        """Return the home that the environment names.

        That is all of ``SUPCTL_HOME``, if it is set; else ``$XDG_RUNTIME_DIR/supctl`` and the
        user's own directories for state and logs.

        Raises:
            InvalidConfig: ``SUPCTL_HOME`` is not an absolute path.
        """
        if (given := environ.get(VARIABLE)) is not None:
            base = Path(given)
            if not base.is_absolute():
                raise InvalidConfig(VARIABLE, given, "an absolute path")
            return cls(base / "run", base / "state", base / "logs", base)
        import platformdirs

        state = Path(platformdirs.user_state_dir("supctl", appauthor=False))
        logs = Path(platformdirs.user_log_dir("supctl", appauthor=False))
        runtime = environ.get("XDG_RUNTIME_DIR")
        # platformdirs would fall back on a shared directory; ours is nobody else's.
        run = Path(runtime) / "supctl" if runtime else state / "run"
        return cls(run, state, logs, Path(platformdirs.user_config_dir("supctl", appauthor=False)))

    @property
    def socket(self) -> Path:
        """The control socket."""
        return self.run / "control.sock"

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
