"""The live oracle: the supervisor of a real Erlang/OTP plays a scenario and tells its trace.

It is ``../shared/otp/oracle.escript``, kept up in one Erlang machine by ``serve.escript``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Final, Self

HERE: Final = Path(__file__).resolve().parent
SHARED: Final = HERE.parents[2] / "shared" / "otp"
"""Where scenarios, traces and the oracle are: beside the project, not in it."""
_PACKAGE: Final = "erlang-base"


class OracleMissing(Exception):
    """There is no oracle on this machine; the text says what to do about it."""


class OracleFailed(Exception):
    """The oracle could not play a scenario; the text holds the scenario and what it said.

    Never a finding about supctl: the scenario is not valid, or the oracle has a limit here.
    """


class Unreliable(Exception):
    """The oracle's virtual time was disturbed, many times over, by a machine too busy."""


def install_erlang() -> None:
    """Install Erlang with apt-get, unless it is there.

    Raises:
        OracleMissing: if it is not there and cannot be installed.
    """
    if shutil.which("escript"):
        return
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if missing := [tool for tool in (*as_root[:1], "apt-get") if not shutil.which(tool)]:
        raise OracleMissing(
            f"there is no Erlang (escript), and no {missing[0]} to install it with; "
            f"install Erlang/OTP 25 (Debian: {_PACKAGE}) and try again"
        )
    print(f"installing {_PACKAGE} with apt-get ...", flush=True)
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", _PACKAGE]):
        command = [*as_root, "apt-get", "-qq", *arguments]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
            raise OracleMissing(
                f"`{' '.join(command)}` failed ({said}); install {_PACKAGE} by hand and try again"
            )
    if not shutil.which("escript"):
        raise OracleMissing(f"{_PACKAGE} is installed, but there is no escript in PATH")


class Oracle:
    """Plays scenarios one after the other; leaving the ``with`` block ends its Erlang machine."""

    def __init__(self) -> None:
        """Start the machine; its first answer takes about 0.7 s, those after it milliseconds.

        Raises:
            OracleMissing: if ``../shared/otp`` is not there, or no Erlang.
        """
        script = SHARED / "oracle.escript"
        if not script.is_file():
            raise OracleMissing(
                "there is no ../shared/otp/oracle.escript beside the project; "
                "it comes with the project's shared material, not with its repository"
            )
        if not shutil.which("escript"):
            raise OracleMissing(f"there is no Erlang (escript); install {_PACKAGE} and try again")
        self._machine = subprocess.Popen(
            ["escript", HERE / "serve.escript", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="latin-1",
        )

    def trace_of(self, scenario: str) -> str:
        """Return the trace of one scenario, both as text that ends with the line ``end``.

        Raises:
            OracleFailed: if it cannot play the scenario.
            Unreliable: if a second of real time ended inside an action, eight times in a row.
        """
        assert self._machine.stdin is not None
        assert self._machine.stdout is not None
        self._machine.stdin.write(scenario)
        self._machine.stdin.flush()
        lines = []
        for line in self._machine.stdout:
            lines.append(line)
            if line == "end\n":
                break
        trouble = [line.removeprefix("!! ").strip() for line in lines if line.startswith("!!")]
        if "virtual time unreliable" in trouble:
            raise Unreliable
        if trouble or not lines:
            why = trouble[0] if trouble else "it has ended; see above for its last words"
            raise OracleFailed(f"{scenario}the oracle cannot play this: {why}")
        return "".join(lines)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._machine.kill()  # it holds nothing that could be lost
        self._machine.communicate()
