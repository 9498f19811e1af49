"""Output: found whenever it was printed, however much came before and however it was cut."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supctl import App, Log
from supctl.errors import InvalidConfig
from supctl.logs.directory import LogDirectory
from supctl.specs.log import LogMode
from supctl.specs.pattern import compiled
from supctl.testing import Supervised, WaitFailed, WaitTimedOut
from supctl.testing.output import WINDOW, Outputs, Search

MakeApp = Callable[..., App]


class Feed:
    """The output of one app, as a capture would bring it."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "a.out.log"
        self._path.write_bytes(b"")  # an example of a property leaves it behind
        self.outputs = Outputs(LogDirectory(directory), lambda: None)
        self.stream = self.outputs.stream("/a", "stdout")

    def begin(self, life: int) -> None:
        self.stream.attached(life)

    def hear(self, data: bytes) -> None:
        with self._path.open("ab") as file:
            file.write(data)
        self.outputs.hear("/a", "stdout", data)

    def search(self, pattern: str, life: int = 1) -> Search:
        return Search(self.stream, compiled(pattern), life)


def look(search: Search) -> re.Match[bytes] | None:
    """Look at all that has come; stop at a whole match, as a wait does."""
    while search.has_more:
        search.advance()
        if search.match is not None and not search.is_open:
            break
    return search.match


@given(cuts=st.lists(st.integers(0, 40), max_size=8), before=st.integers(0, 20))
def test_pattern_is_found_once_it_is_whole_wherever_it_is_cut(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], before: int
) -> None:
    feed = Feed(tmp_path_factory.mktemp("feed"))
    feed.begin(1)
    text = b"x" * before + b"\nlistening on port 8080\n"
    search = feed.search(r"^listening on port (\d+)")
    places = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    for begin, end in pairwise(places):
        feed.hear(text[begin:end])
        match = look(search)
        if match is not None and not search.is_open:
            break
    assert match is not None
    assert match[1] == b"8080"


def test_match_at_the_end_of_a_line_begun_is_open_until_more_comes(tmp_path: Path) -> None:
    feed = Feed(tmp_path)
    feed.begin(1)
    search = feed.search(r"port (\d+)")
    feed.hear(b"port 80")
    assert look(search)
    assert search.is_open
    feed.hear(b"80")
    feed.hear(b"\n")
    match = look(search)
    assert match
    assert (match[1], search.is_open) == (b"8080", False)


def test_match_at_the_end_is_whole_when_the_output_has_ended(tmp_path: Path) -> None:
    feed = Feed(tmp_path)
    feed.begin(1)
    feed.hear(b"bye")
    feed.hear(b"")
    search = feed.search("bye")
    assert look(search)
    assert not search.is_open


def test_output_belongs_to_the_life_that_printed_it(tmp_path: Path) -> None:
    feed = Feed(tmp_path)
    feed.begin(1)
    feed.hear(b"first\n")
    feed.begin(2)  # the second life has begun; the last bytes of the first are still to come
    second = feed.search("first|second", life=2)
    assert look(second) is None
    assert not second.is_ended
    feed.hear(b"")
    feed.hear(b"second\n")
    match = look(second)
    assert match
    assert match[0] == b"second"
    first = look(feed.search("first|second", life=1))
    assert first
    assert first[0] == b"first"


def test_life_without_pipes_has_ended_output(tmp_path: Path) -> None:
    feed = Feed(tmp_path)
    feed.begin(1)
    feed.hear(b"first\n")
    quiet = feed.search("first", life=2)
    assert (look(quiet), quiet.is_ended) == (None, True)


def test_start_of_text_is_the_start_of_the_life_only(tmp_path: Path) -> None:
    feed = Feed(tmp_path)
    feed.begin(1)
    feed.hear(b"x" * 3 * WINDOW)
    search = Search(feed.stream, re.compile(rb"\Ax+y|\by"), 1)
    assert look(search) is None
    feed.hear(b"y\n")
    assert look(search) is None  # neither does it begin there, nor is it a word of its own


def test_longest_match_that_is_sure_to_be_found(tmp_path: Path) -> None:
    feed = Feed(tmp_path)
    feed.begin(1)
    feed.hear(b"." * 999)
    search = feed.search("<x*>")
    for piece in (b"<" + b"x" * (WINDOW - 2), b">\n"):
        feed.hear(piece)
        match = look(search)
    assert match
    assert len(match[0]) == WINDOW


@pytest.mark.parametrize("pattern", ["(", 3, re.compile("text")])
def test_what_is_no_pattern_is_refused(pattern: object) -> None:
    with pytest.raises(InvalidConfig, match=r"pattern is .*; wanted a regular expression"):
        compiled(pattern)  # type: ignore[arg-type]


# Real programs.

FIVE_MEGABYTES = "import sys; [sys.stdout.write('x' * 1023 + '\\n') for _ in range(5 * 1024)]\n"


@pytest.mark.parametrize("banner_first", [True, False])
async def test_banner_before_or_after_five_megabytes(
    supervised: Supervised, python: MakeApp, banner_first: bool
) -> None:
    banner, done = "print('ready on 8080')\n", "print('done', file=sys.stderr)\n"
    code = banner + FIVE_MEGABYTES if banner_first else FIVE_MEGABYTES + banner
    tree = await supervised(python("a", code + done + "import time; time.sleep(1000)"))
    begun = time.monotonic()
    if banner_first:
        await tree["a"].wait_output("^done$", timeout=10)
    match = await tree["a"].wait_output(r"^ready on (\d+)$", timeout=10)
    assert match[1] == b"8080"
    assert time.monotonic() - begun < 5


async def test_endless_partial_line_does_not_outlast_the_time_out(
    supervised: Supervised, python: MakeApp
) -> None:
    tree = await supervised(python("a", "while True: print('x' * 4096, end='')"))
    begun = time.monotonic()
    with pytest.raises(WaitTimedOut, match=r"/a does not print b'banner': not within 0\.5 s"):
        await tree["a"].wait_output("banner", timeout=0.5)
    assert time.monotonic() - begun < 3


async def test_prompt_without_line_end_is_found(supervised: Supervised, python: MakeApp) -> None:
    tree = await supervised(python("a", "import time; print('>>> ', end=''); time.sleep(1000)"))
    assert await tree["a"].wait_output(">>> $")


async def test_output_is_bytes(supervised: Supervised, python: MakeApp) -> None:
    code = r"import os, time; os.write(1, b'\xff\x00\xfe ready'); time.sleep(1000)"
    tree = await supervised(python("a", code))
    assert (await tree["a"].wait_output(rb"\xfe (\w+)"))[1] == b"ready"
    assert tree["a"].output == "\\xff\0\\xfe ready"


async def test_last_words_of_a_program_that_ends_are_found(
    supervised: Supervised, python: MakeApp
) -> None:
    tree = await supervised(python("a", "print('bye', end='')", restart="temporary"))
    assert await tree["a"].wait_output("bye")


async def test_program_that_ends_without_printing_it_fails_the_wait_at_once(
    supervised: Supervised, python: MakeApp
) -> None:
    code = "print('sorry'); raise SystemExit(3)"
    tree = await supervised(python("a", code, restart="temporary"))
    begun = time.monotonic()
    with pytest.raises(WaitFailed) as caught:
        await tree["a"].wait_output("welcome", timeout=30)
    assert not isinstance(caught.value, WaitTimedOut)
    assert time.monotonic() - begun < 5
    for told in ("/a does not print b'welcome'", "exited with code 3", "exited", "| sorry"):
        assert told in str(caught.value)


async def test_program_that_closes_its_output_fails_the_wait_at_once(
    supervised: Supervised, python: MakeApp
) -> None:
    tree = await supervised(python("a", "import os, time; os.closerange(0, 3); time.sleep(1000)"))
    with pytest.raises(WaitFailed, match="it has closed its output"):
        await tree["a"].wait_output("anything", timeout=30)


async def test_stranger_that_holds_the_pipe_does_not_hold_the_wait(
    supervised: Supervised, python: MakeApp
) -> None:
    code = """
        import os, sys, time
        if os.fork() == 0:
            time.sleep(1000)  # of the app; ended with it, but a moment later
        print("parent ends")
        os._exit(3)
    """
    tree = await supervised(python("a", code, restart="temporary"))
    with pytest.raises(WaitFailed, match="exited with code 3"):
        await tree["a"].wait_output("never", timeout=30)


async def test_what_an_app_says_of_its_logs_is_left_aside(
    supervised: Supervised, python: MakeApp, tmp_path: Path
) -> None:
    log = Log(LogMode.JSON, file=str(tmp_path / "elsewhere"))
    code = "import time; print('here it is', flush=True); time.sleep(1000)"
    tree = await supervised(python("a", code, log=log))
    assert await tree["a"].wait_output("^here it is$")
    assert not (tmp_path / "elsewhere").exists()
