"""The examples of actors run as a new user would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples" / "actors"


def run(*command: str) -> str:
    """Return what a program prints that ends well and has nothing to complain of."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", *command],
        cwd=EXAMPLES.parents[1],
        env=os.environ | {"PYTEST_ADDOPTS": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stderr == ""
    return ended.stdout


def test_words_are_counted(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for n in range(40):
        (tmp_path / "below" / f"{n}.txt").write_text("many fish, many more fish; a whale\n")
    (tmp_path / "picture.png").write_bytes(bytes(range(256)))
    told = run("examples/actors/word_count.py", str(tmp_path))
    assert "240 words in 40 files" in told
    assert re.findall(r"(\d+)  (\w+)$", told, re.M) == [
        ("80", "many"),
        ("80", "fish"),
        ("40", "more"),
        ("40", "whale"),
    ]
    read = [int(count) for count in re.findall(r"process \d+ has read (\d+)", told)]
    assert sum(read) == 40


def test_the_room_hears_who_dies_and_who_is_back() -> None:
    told = run("examples/actors/chat.py").splitlines()
    plain = Counter(re.sub(r", from process \d+", "", line) for line in told)
    assert plain["* bob comes in"] == plain["bob: hello!"] == plain["ann: welcome, bob"] == 2
    assert plain["* ann comes in"] == plain["ann: hello!"] == 1
    assert "* bob is gone: crashed (killed by SIGKILL)" in told
    pids = set(re.findall(r"(?:room|ann|bob): running, pid (\d+)", "\n".join(told)))
    assert len(pids) == 4  # bob has had two
    assert told[-1].endswith("1 restart")


def test_one_word_says_where_the_counter_lives() -> None:
    told = run("examples/actors/counter.py")
    here, task, process = re.findall(r"process (\d+)", told)
    assert here == task != process
    assert told.count("down: 5 4 3 2 1") == 2
    assert told.count("ValueError: it only counts up; and it lives on, at 5") == 2


@pytest.mark.parametrize("where", ["examples/actors", "examples/actors/test_counter.py"])
def test_the_test_of_the_counter_passes_for_both(where: str) -> None:
    assert "2 passed" in run("-m", "pytest", "-q", "-p", "no:cacheprovider", where)
