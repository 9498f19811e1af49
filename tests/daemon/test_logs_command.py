"""``supctl logs``, as an operator meets it."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

import pytest

from .conftest import Desk, desk_in, until

TALK = '''
[apps.talk]
command = ["sh", "-c", """
seq 1 30; echo oops >&2; while :; do read -r line < gate && echo $line; done"""]

[apps.quiet]
command = ["sleep", "1000"]
'''

SHOP = r'''
[apps.stamped]
command = ["sh", "-c", "echo one; echo two >&2; exec sleep 1000"]
log = { mode = "timestamped" }

[apps.objects]
command = ["sh", "-c", """
echo plain; echo '{"level":"info"}'; printf '\\377\n'; exec sleep 1000"""]
log = { mode = "json" }

[apps.twins]
command = ["sh", "-c", "echo hello; echo no >&2; exec sleep 1000"]
instances = 2
log = { mode = "timestamped", file = "twins.log", together = true }

[apps.flush]
command = ["sh", "-c", "printf 'red \\033[31mtext\\033[2J'; exec sleep 1000"]

[apps.none]
command = ["sleep", "1000"]
log = { mode = "none" }
'''

COUNT = """
import sys, time
for number in range(0, 10**9, 10):
    sys.stdout.write("".join(f"{number + more}\\n" for more in range(10)))
    sys.stdout.flush()
    time.sleep(0.002)
"""

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


@pytest.fixture
def talking(desk: Desk) -> Desk:
    """A desk where a program has written thirty-one lines, and writes what comes by ``gate``."""

    os.mkfifo(desk.directory / "gate")
    desk.run("start", desk.write(TALK))
    until(lambda: "oops" in desk.run("logs", "talk"))
    return desk


def say(desk: Desk, line: str) -> None:
    (desk.directory / "gate").write_text(f"{line}\n")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk where programs keep their logs in all kinds of ways."""
    with desk_in(tmp_path_factory.mktemp("shop")) as desk:
        desk.run("start", desk.write(SHOP))
        until(lambda: len(desk.run("logs", "--json").splitlines()) == 10)
        yield desk


def test_the_last_lines_of_one_and_of_several(talking: Desk) -> None:
    assert talking.run("logs", "talk", "-n", "2") == "29\n30\noops\n"
    assert talking.run("logs", "talk", "-n", "1", "--stream", "out") == "30\n"
    assert talking.run("logs", "-n", "1") == "shop/talk  | 30\nshop/talk  ! oops\n"
    assert talking.run("logs", "-n", "1", "--no-prefix") == "30\noops\n"
    assert talking.run("logs", "talk", "--grep", "^.$|op", "-n", "3") == "7\n8\n9\noops\n"
    assert talking.run("logs", "talk", "--all", "--stream", "out") == "".join(
        f"{number}\n" for number in range(1, 31)
    )
    assert talking.run("logs", "quiet") == ""
    (told,) = map(json.loads, talking.run("logs", "--stream", "err", "--json").splitlines())
    assert re.fullmatch(STAMP, told.pop("time"))
    assert told == {"app": "/shop/talk", "stream": "stderr", "text": "oops"}
    assert "there are /shop/talk" in talking.run("logs", "talkk", status=1)


def test_following_shows_what_was_and_what_comes(talking: Desk) -> None:
    with talking.popen("logs", "-f", "-n", "1", "--stream", "out") as command:
        assert command.stdout is not None
        assert command.stdout.readline() == "shop/talk  | 30\n"
        say(talking, "more")
        assert command.stdout.readline() == "shop/talk  | more\n"
        talking.run("logs", "rotate")
        say(talking, "and more")
        assert command.stdout.readline() == "shop/talk  | and more\n"
        say(talking, "and more")
        assert command.stdout.readline() == "shop/talk  | and more\n"
        command.send_signal(signal.SIGINT)
        assert command.wait() == 130
        assert command.stderr is not None
        assert command.stderr.read() == ""
    rotated = list((talking.home.logs / "shop").glob("talk.out.log.*"))
    assert len(rotated) == 1
    assert talking.run("logs", "talk", "-n", "3", "--stream", "out") == "more\n" + 2 * "and more\n"


def test_programs_follow_too(talking: Desk) -> None:
    with talking.client() as client:
        items = client.lines("talk", streams=["stdout"])
        assert next(items) == {"event": "following"}
        say(talking, "more")
        assert next(items)["line"] == "more"
        items.close()  # type: ignore[attr-defined]
        assert client.ping() == "pong"


def test_who_follows_sees_instances_that_come_and_a_daemon_that_comes_back(desk: Desk) -> None:
    command = 'command = ["sh", "-c", "echo I am here; exec sleep 1000"]'
    desk.run("start", desk.write(f"[apps.api]\n{command}\ninstances = 2\n"))
    until(lambda: len(desk.run("logs").splitlines()) == 2)
    with desk.popen("logs", "shop", "-f") as following:
        assert following.stdout is not None
        lines = [f"shop/api:{number} | I am here\n" for number in (1, 2, 3)]
        assert sorted(following.stdout.readline() for _ in range(2)) == lines[:2]
        desk.run("scale", "api", "3")
        assert following.stdout.readline() == lines[2]
        desk.run("daemon", "stop")
        desk.run("daemon", "start")
        assert sorted(following.stdout.readline() for _ in range(3)) == lines
        following.send_signal(signal.SIGINT)
        following.wait()


@pytest.mark.parametrize("mode", ["raw", "timestamped", "json"])
def test_every_line_is_shown_once_over_rotations_and_the_death_of_the_daemon(
    desk: Desk, mode: str
) -> None:
    (desk.directory / "count.py").write_text(COUNT)
    log = f'{{ mode = "{mode}", max_size = "8K", keep = "unlimited", compress = "gzip" }}'
    command = f'["{sys.executable}", "count.py"]'
    desk.run("start", desk.write(f"[apps.count]\ncommand = {command}\nlog = {log}\n"))
    with desk.popen("logs", "count", "-f", "--all", "--no-prefix") as following:
        assert following.stdout is not None
        numbers = (int(line) for line in following.stdout if "[interrupted]" not in line)
        seen = [*islice(numbers, 3_000)]
        os.kill(desk.json("daemon", "status")["pid"], signal.SIGKILL)
        seen += islice(numbers, 3_000)
        desk.run("logs", "rotate")
        seen += islice(numbers, 3_000)
        following.terminate()
    if mode != "raw":  # where lines are told apart, one that is written just then may come twice
        seen = [*dict.fromkeys(seen)]
    assert seen == [*range(len(seen))]
    assert len(seen) > 8_000
    assert len(list((desk.home.logs / "shop").glob("count.out.log.*"))) > 2


def test_nothing_needs_a_daemon_but_rotation(talking: Desk) -> None:
    talking.run("kill", "--yes")
    assert talking.run("logs", "talk", "-n", "1") == "30\noops\n"
    assert "there are /shop/talk" in talking.run("logs", "talkk", status=1)
    assert "no daemon" in talking.run("logs", "rotate", status=1)
    told = talking.run("logs", "flush", "talk")
    assert "talk.out.log: 81 B in 1 file removed" in told
    assert talking.run("logs", "talk") == ""
    talking.home.outputs.unlink()
    assert "no daemon" in talking.run("logs", status=1)


def test_flush_empties_files_that_were_rotated_and_those_that_are_written(talking: Desk) -> None:
    talking.run("logs", "rotate", "talk")
    say(talking, "more")
    until(lambda: "more" in talking.run("logs", "talk"))
    out, err = json.loads(talking.run("logs", "flush", "talk", "--json"))
    path = talking.home.logs / "shop" / "talk.out.log"
    assert out == {"path": str(path), "files": 2, "size": 86}
    assert (err["files"], err["size"]) == (1, 5)
    assert talking.run("logs", "talk") == ""
    say(talking, "again")
    until(lambda: talking.run("logs", "talk"))
    assert path.read_bytes() == b"again\n"


def test_times_and_names_are_shown_where_the_file_tells_them(shop: Desk) -> None:
    out, err = shop.run("logs", "stamped").splitlines()
    assert re.fullmatch(STAMP + " one", out)
    assert re.fullmatch(STAMP + " two", err)
    assert shop.run("logs", "stamped", "--no-prefix") == "one\ntwo\n"
    path = shop.home.logs / "shop" / "stamped.out.log"
    assert shop.run("logs", "stamped", "--raw", "--stream", "out") == path.read_text()
    lines = shop.run("logs", "twins", "-n", "10").splitlines()
    shown = sorted(re.sub(STAMP + " ", "", line) for line in lines)
    assert shown == [
        "shop/twins:1 ! no", "shop/twins:1 | hello",
        "shop/twins:2 ! no", "shop/twins:2 | hello",
    ]  # fmt: skip
    assert re.fullmatch(STAMP + " hello\n", shop.run("logs", "twins:2", "--stream", "out"))
    times = [line[15:42] for line in lines]
    assert times == sorted(times)


def test_json_is_what_the_json_mode_stores(shop: Desk) -> None:
    plain, merged, odd = map(json.loads, shop.run("logs", "objects", "--json").splitlines())
    assert (plain["app"], plain["stream"], plain["text"]) == ("/shop/objects", "stdout", "plain")
    assert merged["level"] == "info"
    assert odd["base64"] == "/w=="
    with shop.popen("logs", "objects", "--no-prefix", "-n", "2", "--grep", "a|i") as command:
        assert command.communicate()[0] == 'plain\n{"level":"info"}\n'
    twin = json.loads(shop.run("logs", "twins:1", "--stream", "err", "--json"))
    assert re.fullmatch(STAMP, twin.pop("time"))
    assert twin == {"app": "/shop/twins", "instance": 1, "stream": "stderr", "text": "no"}


def test_an_app_called_as_a_word_of_the_command_can_be_read(shop: Desk) -> None:
    for words in (["--", "flush"], ["/shop/flush"], ["-n", "1", "flush"]):
        assert shop.run("logs", *words) == "red \x1b[31mtext\x1b[2J\n"


def test_where_no_file_is_written_that_is_told(shop: Desk) -> None:
    told = shop.run("logs", "none")
    assert told == 'supctl: the output of shop/none is stored nowhere (mode = "none")\n'


def test_what_no_file_holds_can_be_followed_nevertheless(desk: Desk) -> None:
    command = 'command = ["sh", "-c", "while :; do echo tick; sleep 0.1; done"]'
    desk.run("start", desk.write(f'[apps.a]\n{command}\nlog = {{ mode = "none" }}\n'))
    with desk.popen("logs", "a", "-f", "--json") as following:
        assert following.stdout is not None
        told = json.loads(following.stdout.readline())
        assert re.fullmatch(STAMP, told.pop("time"))
        assert told == {"app": "/shop/a", "stream": "stdout", "text": "tick"}
        following.send_signal(signal.SIGINT)
        assert following.wait() == 130


def test_times_limit_what_is_shown(shop: Desk) -> None:
    assert shop.run("logs", "stamped", "--until", "1h") == ""
    assert len(shop.run("logs", "stamped", "--since", "1h", "--until", "0s").splitlines()) == 2
    assert len(shop.run("logs", "stamped", "--since", "2026-01-01").splitlines()) == 2
    assert shop.run("logs", "stamped", "--since", "2999-01-01T12:00Z") == ""
    first, second = shop.run("logs", "stamped").splitlines()
    assert shop.run("logs", "stamped", "--since", second[:27]).splitlines() == [second]
    assert shop.run("logs", "stamped", "--until", first[:27]).splitlines() == [first]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--grep", "("], "'(' is no regular expression: missing ), unterminated subpattern"),
        (["--since", "tea time"], "'tea time' is no time; wanted a duration before now such as"),
        (["--since", "1m", "--until", "2m"], "--until is before --since"),
        (["-n", "-1"], "-1 is not in the range x>=0"),
        (["--stream", "stdin"], "'stdin' is not one of 'out', 'err', 'both'"),
        (["--raw", "--json"], "--json, --raw and --no-prefix exclude each other"),
        (["-f", "--until", "1m"], "--until would end what -f follows"),
        (["--all", "-n", "3"], "--all is all lines and -n some"),
        (["flush"], "Missing argument 'NAME...'"),
        (["flush", "twins:1"], "wanted all whose output is in"),
    ],
)
def test_what_cannot_be_meant_is_refused(shop: Desk, words: list[str], told: str) -> None:
    assert told in shop.run("logs", *words, status=2)


@pytest.mark.parametrize("words", ["--all", "-f"])
def test_a_pipe_that_nobody_reads_any_more_ends_it_quietly(shop: Desk, words: str) -> None:
    assert shop.shell(f"supctl logs {words} stamped --no-prefix | head -1") == "one\n"


def on_terminal(desk: Desk, *words: str, **environ: str) -> str:
    """Return what a command shows on a terminal."""
    ours, theirs = pty.openpty()
    env = {name: it for name, it in desk.environ.items() if name != "NO_COLOR"} | environ
    with subprocess.Popen(
        [sys.executable, "-m", "supctl", *words], env=env, stdout=theirs, stdin=subprocess.DEVNULL
    ):
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # EIO: the command has ended
            while data := os.read(ours, 4096):
                shown += data
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


def test_a_terminal_gets_colours_and_nothing_that_moves_its_cursor(shop: Desk) -> None:
    assert on_terminal(shop, "logs", "/shop/flush") == "red \x1b[31mtext\x1b[0m\n"
    names = on_terminal(shop, "logs", "twins", "--stream", "err").splitlines()
    assert [line[:24] for line in names] == [
        "\x1b[36mshop/twins:1 ! \x1b[0m", "\x1b[33mshop/twins:2 ! \x1b[0m"
    ]  # fmt: skip
    assert "\x1b" not in on_terminal(shop, "logs", "twins", NO_COLOR="1")
