"""Secrets are read when a program starts; nothing but that gets to know them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from supctl import App, Exec, Secret, Supervisor, open_tree
from supctl.actors.app.actor import process_spec
from supctl.actors.inheritance import fingerprint
from supctl.actors.secrets import revealed
from supctl.backends.base import ProcessSpec
from supctl.errors import InvalidConfig, SpawnFailed, StartFailed


def spec(file: Path | str) -> ProcessSpec:
    return ProcessSpec(("serve",), {"A": "b"}, secrets={"TOKEN": str(file)})


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"abc", "abc"),
        (b"abc\n", "abc"),
        (b"abc\n\n", "abc\n"),
        (b"\n", ""),
        (b"", ""),
        (b"\xff\xc3\xa9", os.fsdecode(b"\xff\xc3\xa9")),
        (b"x" * 65536, "x" * 65536),
    ],
)
async def test_one_newline_at_the_end_is_taken_away(
    tmp_path: Path, content: bytes, text: str
) -> None:
    (tmp_path / "token").write_bytes(content)
    found = await revealed(spec(tmp_path / "token"))
    assert (found.env, found.secrets) == ({"A": "b", "TOKEN": text}, {})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "does not exist; create it, or correct env.TOKEN"),
        (b"sec\0ret", "holds a NUL character, which no variable can have; mend the file"),
        (b"x" * 65537, "holds more than 64 KiB; mend the file"),
    ],
)
async def test_what_cannot_be_a_secret(tmp_path: Path, content: bytes | None, why: str) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SpawnFailed) as caught:
        await revealed(spec(file))
    told = f"the secret TOKEN is to come from {file}, which {why}"
    assert str(caught.value) == f"cannot start 'serve': {told}"


async def test_what_is_no_file_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, why in ((tmp_path / "pipe", "is no regular file"), (tmp_path, "Is a directory")):
        with pytest.raises(SpawnFailed, match=why):
            await revealed(spec(path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_what_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "token").touch(0)
    with pytest.raises(SpawnFailed, match="cannot be read: Permission denied"):
        await revealed(spec(tmp_path / "token"))


@pytest.mark.parametrize("path", ["", "a\0b", 5])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(InvalidConfig, match="file is"):
        Secret(path)


def test_a_print_tells_where_a_secret_is_and_nothing_of_it(tmp_path: Path) -> None:
    file = tmp_path / "token"
    app = App("a", ["a"], env={"TOKEN": Secret(str(file))})
    before = fingerprint(process_spec(app))
    file.write_text("another")
    assert fingerprint(process_spec(app)) == before
    assert fingerprint(process_spec(App("a", ["a"], env={"TOKEN": Secret("/b")}))) != before
    assert fingerprint(process_spec(App("a", ["a"], env={}))) != before


async def test_a_program_and_its_probes_have_it(tmp_path: Path) -> None:
    (tmp_path / "token-1").write_text("sesame\n")
    tells = "import os, time; print(os.environ['TOKEN'], flush=True); time.sleep(1000)"
    app = App(
        "a",
        [sys.executable, "-c", tells],
        env={"TOKEN": Secret(str(tmp_path / "token-{instance}")), "PATH": os.environ["PATH"]},
        ready=Exec(["sh", "-c", "test $TOKEN = sesame"]),
    )
    async with open_tree(Supervisor("r", [app]), log_directory=tmp_path / "logs") as tree:
        async for line in tree["a"].follow(last=1):
            assert str(line) == "sesame"
            break
        (tmp_path / "token-1").write_text("changed\n")
        with pytest.raises(StartFailed):
            await tree["a"].restart()


async def test_without_it_the_start_fails(tmp_path: Path) -> None:
    app = App("a", ["true"], env={"TOKEN": Secret(str(tmp_path / "none"))})
    with pytest.raises(StartFailed, match=r"the secret TOKEN is to come from .*none, which does"):
        async with open_tree(Supervisor("r", [app])):
            raise AssertionError
