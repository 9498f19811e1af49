"""What may happen to a daemon: bad input, hostile clients, a system without resources."""

from __future__ import annotations

import itertools
import json
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgpack
import psutil
import pytest
import trio

from supctl import App, Backoff, Supervisor, open_tree
from supctl.control.endpoint import connect
from supctl.errors import NoDaemon, SupctlError
from supctl.ipc import messages as m

from .conftest import NOBODY, Desk, desk_in, until

SLEEPER = "[apps.a]\ncommand = ['sleep', '1000']\n"

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")


def frame(message: list[Any]) -> bytes:
    payload: bytes = msgpack.packb(message)
    return struct.pack(">I", len(payload)) + payload


def hello(version: int = m.VERSION) -> bytes:
    return frame([m.HELLO, version, "test", os.getpid(), {}])


def call(number: int, method: str, **kwargs: Any) -> bytes:
    return frame([m.CALL, number, "daemon", method, [], kwargs, None, None])


def messages(stranger: socket.socket) -> Iterator[list[Any]]:
    """Yield what the daemon says until it hangs up."""
    rest = b""
    while data := stranger.recv(65536):
        rest += data
        while len(rest) >= 4 and len(rest) - 4 >= (length := struct.unpack_from(">I", rest)[0]):
            yield msgpack.unpackb(rest[4 : 4 + length], strict_map_key=False)
            rest = rest[4 + length :]


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk with a daemon and a program, which those share who do them no harm."""
    with desk_in(tmp_path_factory.mktemp("serving")) as desk:
        desk.run("start", desk.write(SLEEPER))
        yield desk


def daemon_of(desk: Desk) -> psutil.Process:
    with desk.client() as client:
        return psutil.Process(client.daemon["pid"])


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (struct.pack(">I", 17 * 2**20), "a frame of 17825792 bytes; wanted at most 16777216"),
        (b"GET / HTTP/1.1\r\n\r\n", "a frame of 1195725856 bytes"),
        (hello(99), "version 99 of the protocol from the peer; wanted version 1"),
        (call(1, "ping"), "wanted HELLO first"),
        (hello() + hello(), "wanted no second one"),
        (hello() + frame([77, 1]), "77"),
    ],
    ids=["too long", "another protocol", "another version", "no hello", "two of them", "no kind"],
)
def test_who_speaks_nonsense_is_told_why_it_is_hung_up_on(
    serving: Desk, said: bytes, answer: str
) -> None:
    with connect(serving.home.address, 10) as stranger:
        stranger.sendall(said)
        *_, last = messages(stranger)
    assert last[0] == m.BYE
    assert answer in last[1]
    assert serving.run("ping") == "pong\n"


def test_half_a_frame_and_then_nothing_is_not_waited_for(serving: Desk) -> None:
    with connect(serving.home.address, 20) as stranger:
        stranger.sendall(hello()[:7])
        *_, last = messages(stranger)  # the daemon hangs up by itself
    assert last[0] == m.HELLO  # its own, and no more
    assert serving.run("ping") == "pong\n"


def test_a_client_that_never_reads_is_hung_up_on_before_its_answers_fill_the_memory(
    desk: Desk,
) -> None:
    desk.run("daemon", "start")
    daemon = daemon_of(desk)
    with connect(desk.home.address, 20) as deaf, desk.client() as client:
        deaf.sendall(hello())
        with pytest.raises((BrokenPipeError, ConnectionResetError)):  # noqa: PT012
            for number in range(1, 10_000):
                deaf.sendall(call(number, "x" * 2**20))  # comes back in the error, twice or more
                assert daemon.memory_info().rss < 600 * 2**20
        assert client.ping() == "pong"
    until(lambda: daemon.num_fds() < 60)


def test_ten_thousand_connects_leave_nothing_behind(desk: Desk) -> None:
    desk.run("daemon", "start")
    daemon = daemon_of(desk)
    before = daemon.num_fds()
    for _ in range(10_000):
        connect(desk.home.address, 20).close()
    assert desk.run("ping") == "pong\n"
    until(lambda: daemon.num_fds() <= before)


@contextmanager
def descriptors(number: int) -> Iterator[None]:
    """Let this process have so many for a while."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(number, hard)), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_fifteen_hundred_at_once_are_all_served(desk: Desk) -> None:
    desk.run("daemon", "start")

    def served(stranger: socket.socket) -> None:
        with stranger:
            answers = messages(stranger)
            assert next(answers)[0] == m.HELLO
            assert next(answers) == [m.RESULT, 1, "pong"]

    with descriptors(4096), ExitStack() as stack:
        strangers = []
        for _ in range(1500):
            stranger = stack.enter_context(connect(desk.home.address, 30))
            stranger.sendall(hello() + call(1, "ping"))
            strangers.append(stranger)
        for stranger in strangers:
            served(stranger)
    assert desk.run("ping") == "pong\n"


def test_supervision_goes_on_while_clients_use_up_what_they_may(desk: Desk) -> None:
    desk.run("start", desk.write(SLEEPER))
    daemon = daemon_of(desk)
    before = desk.pid("a")
    # Of a fresh limit only accept() learns: the daemon has no descriptor left for anybody.
    full = daemon.rlimit(psutil.RLIMIT_NOFILE)
    with ExitStack() as stack:
        client = stack.enter_context(desk.client())
        daemon.rlimit(psutil.RLIMIT_NOFILE, (daemon.num_fds() + 4, full[1]))
        for _ in range(20):
            stack.enter_context(connect(desk.home.address, 30)).sendall(hello())
        assert client.ping() == "pong"
        used = daemon.cpu_times()
        time.sleep(0.5)
        spent = daemon.cpu_times()
        assert spent.user + spent.system - used.user - used.system < 0.25  # it does not spin
        os.kill(before, signal.SIGKILL)
        until(
            lambda: client.status("a")[0]["state"] != "running" or client.status("a")[0]["restarts"]
        )
        daemon.rlimit(psutil.RLIMIT_NOFILE, full)
        until(lambda: client.status("a")[0]["state"] == "running")
    assert desk.pid("a") != before


# The socket.


def replace_by_a_file(path: Path) -> None:
    other = path.with_name("other")
    other.write_text("")
    other.replace(path)


def replace_by_a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path.with_name("other")))
    path.with_name("other").replace(path)


@pytest.mark.parametrize(
    "harm",
    [
        Path.unlink,
        replace_by_a_file,
        replace_by_a_socket,
        lambda path: path.rename(path.with_name("moved")),
        lambda path: shutil.rmtree(path.parent, ignore_errors=True),
    ],
    ids=["deleted", "a file", "another socket", "moved", "with its directory"],
)
def test_a_socket_that_is_taken_away_is_bound_again(
    desk: Desk, harm: Callable[[Path], object]
) -> None:
    desk.run("daemon", "start")
    with desk.client() as client:
        for _ in range(3):
            harm(desk.home.socket)
            until(desk.home.socket.is_socket)
            assert desk.run("ping") == "pong\n"
        assert client.ping() == "pong"  # conversations are not harmed
    assert desk.home.log.read_text().count("is bound again") >= 3
    assert oct(desk.home.socket.stat().st_mode)[-3:] == "600"


def test_commands_wait_for_a_socket_that_is_bound_again(desk: Desk) -> None:
    desk.run("daemon", "start")
    for _ in range(30):
        desk.home.socket.unlink()
        with desk.client() as client:
            assert client.ping() == "pong"


def test_a_hangup_signal_has_the_socket_looked_for(desk: Desk) -> None:
    desk.run("daemon", "start")
    daemon = daemon_of(desk)
    daemon.send_signal(signal.SIGHUP)
    assert desk.run("ping") == "pong\n"
    desk.home.run.rename(desk.home.run.with_name("moved"))  # of which the kernel says nothing
    assert f"kill -HUP {daemon.pid}" in desk.run("ping", status=1)
    assert f"the daemon of pid {daemon.pid} has it" in desk.run("daemon", "start", status=1)
    daemon.send_signal(signal.SIGHUP)
    until(desk.home.socket.is_socket)
    assert desk.run("ping") == "pong\n"


# Files.


def test_a_full_disk_fails_the_command_before_anything_is_started(desk: Desk) -> None:
    desk.run("start", desk.write(SLEEPER), "--name", "one")
    held = desk.home.desired.read_text()
    new = desk.home.desired.with_suffix(".new")
    new.symlink_to("/dev/full")
    said = desk.run("start", "shop.toml", "--name", "two", status=2)
    assert "No space left on device" in said
    assert "nothing was changed" in said
    assert "No space left" in desk.run("stop", "one/a", status=2)
    assert desk.states() == {"/one": "running", "/one/a": "running"}
    assert desk.home.desired.read_text() == held
    new.unlink()
    assert desk.run("start", "shop.toml", "--name", "two") == "two added\n"
    assert desk.run("stop", "one/a") == "one/a stopped (exit status 143)\n"


def test_a_half_written_state_file_is_told_and_left_as_it_is(desk: Desk) -> None:
    desk.run("start", desk.write(SLEEPER))
    desk.run("kill", "--yes")
    half = desk.home.desired.read_bytes()[:-20]
    desk.home.desired.write_bytes(half)
    assert "no JSON" in desk.run("daemon", "start", status=1)
    assert desk.home.desired.read_bytes() == half


def test_what_a_killed_daemon_has_half_written_is_not_read(desk: Desk) -> None:
    desk.run("start", desk.write(SLEEPER))
    desk.run("kill", "--yes")
    desk.home.desired.with_suffix(".new").write_text('{"version": 1, "proj')
    desk.run("daemon", "start")
    until(lambda: desk.states().get("/shop/a") == "running")
    assert desk.run("stop", "a") == "shop/a stopped (exit status 143)\n"


def test_a_lock_file_that_names_a_stranger_harms_neither(desk: Desk) -> None:
    desk.home.make()
    with subprocess.Popen(["sleep", "1000"]) as stranger:
        desk.home.lock.write_text(json.dumps({"pid": stranger.pid}))
        with pytest.raises(NoDaemon, match="starts one"):
            desk.client()
        desk.run("start", desk.write(SLEEPER))
        desk.run("kill", "--yes")
        assert stranger.poll() is None
        stranger.kill()


# Other users.


@as_root
def test_other_users_do_not_get_as_far_as_the_socket(desk: Desk) -> None:
    desk.run("daemon", "start")
    status, said = desk.run_as(NOBODY, NOBODY, "status")
    assert status == 1
    assert "you may not speak with /proc/self/cwd/run/control.sock; wanted its own user" in said


@as_root
def test_other_users_are_refused_even_if_somebody_opens_the_way(desk: Desk) -> None:
    desk.run("daemon", "start")
    desk.home.run.chmod(0o755)
    desk.home.socket.chmod(0o666)
    for words in (["status"], ["kill", "--yes"], ["ping"]):
        status, said = desk.run_as(NOBODY, NOBODY, *words)
        assert status == 1
        assert "nobody may not ask for" in said
    with desk.client() as client:
        assert client.ping() == "pong"
    desk.home.run.chmod(0o700)


@as_root
def test_a_home_that_cannot_be_written_is_told(desk: Desk) -> None:
    desk.base.mkdir()
    status, said = desk.run_as(NOBODY, NOBODY, "daemon", "start")
    assert status == 2
    assert "/proc/self/cwd/state: Permission denied; wanted a directory of ours" in said


# Versions and clocks.


def test_a_daemon_of_another_version_is_told_by_the_command(desk: Desk) -> None:
    desk.home.make()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(desk.home.socket))
        listening.listen()

        def be_another() -> None:
            with listening.accept()[0] as taken:
                taken.sendall(hello(99))
                while taken.recv(65536):
                    pass

        other = threading.Thread(target=be_another)
        other.start()
        said = desk.run("status", status=1)
        other.join()
        desk.home.socket.unlink()
    assert "version 99 of the protocol from the daemon" in said
    assert "restart the daemon with this supctl" in said


def test_a_client_of_another_version_is_told_and_noted(desk: Desk) -> None:
    desk.run("daemon", "start")
    with connect(desk.home.address, 10) as stranger:
        stranger.sendall(hello(99))
        *_, last = messages(stranger)
    assert "use the same supctl at both ends" in last[1]
    until(lambda: "version 99 of the protocol" in desk.home.log.read_text())


async def test_a_clock_that_is_set_back_and_forth_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hours = itertools.cycle([3600.0, -3600.0])
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + next(hours))
    crashing = App("a", ["false"], backoff=Backoff(initial=0.05, maximum=0.1))
    root = Supervisor("root", [crashing], max_restarts=None)
    async with open_tree(root, log_directory=tmp_path) as tree:
        with trio.fail_after(20):
            while (status := tree["/a"].status).restarts < 5:
                assert status.due_in is None or 0 <= status.due_in <= 0.1
                assert status.uptime is None or 0 <= status.uptime < 20
                await trio.sleep(0.01)
        tree.stop()


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("status", {"names": 5}),
        ("status", {"names": [5]}),
        ("status", {"names": ["["]}),
        ("stop", {"names": []}),
        ("stop", {"names": ["all"], "timeout": "soon"}),
        ("signal", {"names": ["a"], "number": "HUP"}),
        ("signal", {"names": ["a"], "number": 99_999}),
        ("restart", {"names": ["a"], "rolling": "yes"}),
        ("add", {"project": "../x", "tree": {}}),
        ("add", {"project": "x", "tree": 5}),
        ("add", {"project": 5, "tree": {"apps": {}}}),
        ("add", {"project": "x", "tree": {"apps": {"a": {"command": 5}}}}),
        ("describe", {"name": None}),
        ("ping", {"x": 1}),
    ],
)
def test_arguments_of_the_wrong_kind_harm_nobody(
    serving: Desk, method: str, arguments: dict[str, Any]
) -> None:
    with serving.client() as client:
        before = client.describe("a")["pid"]
        with pytest.raises((SupctlError, TypeError)):
            client._line.call(method, arguments, 20)
        assert client.describe("a")["pid"] == before
    held = json.loads(serving.home.desired.read_text())
    assert list(held["projects"]) == ["shop"]
    assert held["stopped"] == []
