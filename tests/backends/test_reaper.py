"""The reaper by itself: what it makes of garbage, of a lost daemon, and what it imports."""

from __future__ import annotations

import array
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import supctl
from supctl.backends.reaper import marks
from supctl.backends.reaper.protocol import VERSION, Kept, Launch, Terms, decode, encode
from supctl.errors import ProtocolError
from supctl.ipc.framing import FrameReader, frame

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the reaper needs Linux here")

PROGRAM = (
    "import sys; sys.path.append(sys.argv.pop(1));"
    "from supctl.backends.reaper.main import main; main()"
)


class Reaper:
    """A reaper process, spoken with by hand."""

    def __init__(self) -> None:
        self.link, theirs = socket.socketpair()
        self.link.settimeout(10)
        with theirs:
            root = str(Path(supctl.__file__).parents[1])
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", PROGRAM, root, str(theirs.fileno()), "256"],
                pass_fds=[theirs.fileno()],
                stderr=subprocess.PIPE,
            )
        self._frames = FrameReader()
        self._told: list[list[Any]] = []
        self.descriptors: list[int] = []

    def send(self, *message: Any) -> None:
        self.link.sendall(encode(message))

    def hear(self, word: str) -> list[Any]:
        """Wait for a message that begins with ``word``; drop those before it."""
        while True:
            while self._told:
                message = self._told.pop(0)
                if message[0] == word:
                    return message
            data, ancillary, _, _ = self.link.recvmsg(65536, socket.CMSG_SPACE(64))
            assert data, self.errors()
            for _, _, raw in ancillary:
                self.descriptors += array.array("i", raw[: len(raw) - len(raw) % 4])
            self._told += map(decode, self._frames.feed(data))

    def errors(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()

    def leave(self) -> int:
        """Close the link; return the reaper's exit status."""
        self.link.close()
        return self.process.wait(20)

    def close(self) -> None:
        status = self.leave()
        errors = self.errors()
        assert self.process.stderr is not None
        self.process.stderr.close()
        for fd in self.descriptors:
            os.close(fd)
        assert (status, errors) == (0, "")


@pytest.fixture
def reaper() -> Iterator[Reaper]:
    reaper = Reaper()
    assert reaper.hear("hello") == ["hello", VERSION, reaper.process.pid, 256]
    yield reaper
    reaper.close()


MARKS = marks.new_marks(random.getrandbits(32))


def launch(*command: str, **fields: Any) -> dict[str, Any]:
    env = {"PATH": os.defpath}
    return Launch(list(command), env, next(MARKS), **fields).as_dict()


def test_it_imports_the_standard_library_and_its_own_modules_only() -> None:
    root = str(Path(supctl.__file__).parents[1])
    code = (
        "import sys; sys.path.append(sys.argv[1]); import supctl.backends.reaper.main;"
        "print(*(n for n in sys.modules if n.split('.')[0] not in sys.stdlib_module_names))"
    )
    command = [sys.executable, "-I", "-S", "-c", code, root]
    names = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert names - {"__main__"} == {
        *("supctl", "supctl._version", "supctl.ipc", "supctl.ipc.framing"),
        *("supctl.errors", "supctl.errors.base", "supctl.errors.ipc"),
        *("supctl.backends", "supctl.backends.reaper"),
        *(f"supctl.backends.reaper.{n}" for n in ("births", "foreign", "foreign_ends", "legacy")),
        *(f"supctl.backends.reaper.{n}" for n in ("main", "marks", "launch", "protocol")),
        *(f"supctl.backends.reaper.{n}" for n in ("orphans", "program", "reaper", "rebirth")),
        *(f"supctl.backends.reaper.{n}" for n in ("runs", "cgroups", "line", "succession")),
    }


def test_what_is_left_of_anothers_run_is_seen_to_its_end(reaper: Reaper) -> None:
    mark = next(MARKS)
    script = "read x; sleep 1000 & echo $!; exec sleep 1000"
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(["sh", "-c", script], start_new_session=True, **pipes) as main:
        assert main.stdin is not None
        assert main.stdout is not None
        marks.put(main.pid, mark)
        main.stdin.write(b"\n")
        main.stdin.close()
        orphan = int(main.stdout.readline())
        terms = asdict(Terms(mark, signal.SIGTERM, 10.0, None, "/a 1"))
        pidfd = os.pidfd_open(main.pid)
        message = encode(["take", 1, asdict(Kept(main.pid, terms, 0.0)), ["pidfd"]])
        socket.send_fds(reaper.link, [message], [pidfd])
        os.close(pidfd)
        main.kill()
    assert reaper.hear("left") == ["left", 1, [orphan]]
    os.kill(orphan, signal.SIGKILL)  # it is nobody's child whom the reaper knows
    assert reaper.hear("gone") == ["gone", 1]


def still_serves(reaper: Reaper, number: int) -> bool:
    """Return whether a reaper starts a program and tells its end."""
    reaper.send("spawn", number, launch("true", stdout=False, stderr=False))
    return bool(reaper.hear("exited")[2]["code"] == 0)


@pytest.mark.parametrize(
    "message",
    [
        [1, 2, 3],
        [],
        {"spawn": 1},
        "spawn",
        None,
        ["spawn"],
        ["spawn", "one", {}],
        ["signal", 1, 999],
        ["signal", 1, -15],
        ["kill", None],
        ["note", {"key": 1}, []],
        ["note", {}, ["one"]],
        ["dance", 1],
        ["upgrade", {"version": "2", "daemon": ["a"], "reaper": ["b"]}, 1],
    ],
)
def test_a_message_that_makes_no_sense_is_refused(reaper: Reaper, message: Any) -> None:
    reaper.link.sendall(frame(json.dumps(message).encode()))
    assert reaper.hear("refused")[1]
    assert still_serves(reaper, 1)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"command": "ls", "env": {}, "mark": 1},
        {"command": [], "env": {}, "mark": 1},
        {"command": ["ls"], "env": [], "mark": 1},
        {"command": ["ls"], "env": {"A": 1}, "mark": 1},
        {"command": ["ls"], "env": {}, "mark": "x"},
        {"command": ["ls"], "env": {}, "mark": 1, "colour": "red"},
        {"command": ["true"], "env": {"A=B": "c"}, "mark": 1},
        {"command": ["tr\0ue"], "env": {}, "mark": 1},
        {"command": ["/bin/true"], "env": {}, "mark": 1, "stdin": True},
        {"command": ["/bin/true"], "env": {}, "mark": 1, "umask": "x"},
        {"command": ["/bin/true"], "env": {}, "mark": 1, "cwd": 7.5},
        {"command": ["/bin/true"], "env": {}, "mark": 1, "rlimits": {"nofile": [5]}},
        {"command": ["/bin/true"], "env": {}, "mark": 1, "nice": "much"},
        {"command": ["/bin/true"], "env": {}, "mark": 1, "user": [1]},
    ],
)
def test_a_launch_that_makes_no_sense_fails_and_harms_nothing(
    reaper: Reaper, told: dict[str, Any]
) -> None:
    reaper.send("spawn", 7, told)
    assert reaper.hear("failed")[1] == 7
    assert still_serves(reaper, 8)


@hypothesis_settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payload=st.binary(max_size=200))
def test_any_frame_of_garbage_is_refused(reaper: Reaper, payload: bytes) -> None:
    reaper.link.sendall(frame(payload))
    assert reaper.hear("refused")[1]


def test_a_stream_that_has_lost_its_frames_is_the_loss_of_the_daemon() -> None:
    reaper = Reaper()
    reaper.send("spawn", 1, launch("sleep", "600", stdout=False, stderr=False))
    pid = reaper.hear("started")[2]
    reaper.link.sendall(b"\xff" * 100)
    assert "a frame of 4294967295 bytes" in reaper.hear("refused")[1]
    assert reaper.process.wait(20) == 0
    assert marks.mark_of(pid) is None
    reaper.close()


def test_losing_the_daemon_asks_first_and_kills_after_the_grace(programs: Path) -> None:
    reaper = Reaper()
    deaf = [sys.executable, "-S", "-I", str(programs / "ignore_term.py")]
    reaper.send("spawn", 1, launch(*deaf, grace=0.2))
    pid = reaper.hear("started")[2]
    assert os.read(wait_readable(reaper.descriptors[1]), 100) == b"ready\n"
    reaper.close()
    assert marks.mark_of(pid) is None


def test_losing_the_daemon_asks_as_was_told_last() -> None:
    """It would not end of what it was to be asked by first, for ten minutes."""
    reaper = Reaper()
    text = "trap '' TERM; trap exit INT; echo ready; while :; do sleep 0.05; done"
    reaper.send("spawn", 1, launch("sh", "-c", text, grace=600))
    reaper.send("terms", 1, signal.SIGINT, 60)
    pid = reaper.hear("started")[2]
    assert os.read(wait_readable(reaper.descriptors[1]), 100) == b"ready\n"
    reaper.close()
    assert marks.mark_of(pid) is None


def wait_readable(fd: int) -> int:
    os.set_blocking(fd, True)
    return fd


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_no_signal_but_sigkill_ends_it(reaper: Reaper, number: signal.Signals) -> None:
    reaper.process.send_signal(number)
    assert still_serves(reaper, 1)


def test_programs_start_with_the_descriptor_limit_we_came_with(reaper: Reaper) -> None:
    reaper.send("spawn", 1, launch("sh", "-c", "ulimit -n", stderr=False))
    reaper.hear("started")
    assert os.read(wait_readable(reaper.descriptors[1]), 100) == b"256\n"
    reaper.hear("gone")


def test_nothing_is_held_after_many_runs(reaper: Reaper) -> None:
    assert still_serves(reaper, 1)
    reaper.hear("gone")
    folder = Path(f"/proc/{reaper.process.pid}/fd")
    before = len(list(folder.iterdir()))
    for number in range(2, 302):
        reaper.send("spawn", number, launch("/no/such/program" if number % 3 else "true"))
        if number % 3 == 0:
            reaper.hear("gone")
        else:
            reaper.hear("failed")
    assert len(list(folder.iterdir())) == before


@given(st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.text())))
def test_a_launch_is_rebuilt_or_refused(told: dict[str, Any]) -> None:
    try:
        Launch.of(told)
    except ProtocolError:
        return
    raise AssertionError(f"{told} has no command")


def test_a_launch_comes_back_as_it_went() -> None:
    sent = Launch(["a", "\udcff"], {"K": "v"}, 5, cwd="/", nice=3, rlimits={"core": [0, 0]})
    assert Launch.of(json.loads(json.dumps(sent.as_dict()))) == sent


def test_our_children_are_told_until_they_are_reaped() -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    before = marks.own_children()
    child.wait()
    after = marks.own_children()
    if before is None or after is None:
        pytest.skip("this kernel does not tell children")
    assert child.pid in before - after
