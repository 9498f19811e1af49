"""The proof: what an app wrote is in the files, once, in order, whatever happens meanwhile."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from supctl.logs.archive import Archivist
from supctl.logs.capture import Capture
from supctl.logs.directory import LogDirectory
from supctl.specs import Log
from supctl.specs.log import Compress, LogMode
from tests.logs.numbered import files_of, verify

pytestmark = pytest.mark.usefixtures("nothing_left")


@contextmanager
def counting(
    capture: Capture, programs: Path, total: int, rate: int = 0, log: Log | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Have an app count to ``total`` into ``/app``'s log; at the end it has."""
    command = [sys.executable, "-SI", str(programs / "number_lines.py"), str(total), str(rate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as counter:
        assert counter.stdout is not None
        capture.attach("/app", "stdout", os.dup(counter.stdout.fileno()), log=log)
        counter.stdout.close()
        yield counter
        assert counter.wait(50) == 0


def wait_for(found: Callable[[], object]) -> None:
    while not found():
        time.sleep(0.001)


def test_a_thousand_rotations_under_load(directory: LogDirectory, programs: Path) -> None:
    path = directory.file_of("/app", "stdout")
    capture = Capture(directory, log=Log(max_size=4096, keep=None))
    with counting(capture, programs, 80_000):
        pass
    capture.close(10)
    assert verify(files_of(path), 80_000) > 1000
    assert capture.report("/app")[0].rotations >= 1000


def test_compressed_while_more_is_rotated(directory: LogDirectory, programs: Path) -> None:
    path = directory.file_of("/app", "stdout")
    capture = Capture(directory, log=Log(max_size=65536, keep=None, compress=Compress.GZIP))
    with counting(capture, programs, 50_000):
        wait_for(lambda: any(it.suffix == ".gz" for it in files_of(path)))
    capture.close(10)
    verify(files_of(path), 50_000)
    assert not list(directory.path.glob("*.part"))


def test_on_demand_under_load(directory: LogDirectory, programs: Path) -> None:
    path = directory.file_of("/app", "stdout")
    capture = Capture(directory, log=Log(keep=None))
    with counting(capture, programs, 40_000) as counter:
        while counter.poll() is None:
            capture.rotate()
            time.sleep(0.002)
    capture.close(10)
    assert verify(files_of(path), 40_000) > 10


def test_renamed_from_outside_under_load(directory: LogDirectory, programs: Path) -> None:
    path = directory.file_of("/app", "stdout")
    moved: list[Path] = []
    capture = Capture(directory, log=Log(max_size=None))
    with counting(capture, programs, 40_000, rate=40_000):
        for number in range(50):
            wait_for(path.exists)
            moved.append(path.rename(path.with_suffix(f".{number}")))
    capture.close(10)
    verify([*moved, *([path] if path.exists() else [])], 40_000)


def test_deleted_from_outside_under_load(directory: LogDirectory, programs: Path) -> None:
    path = directory.file_of("/app", "stdout")
    kept: list[Path] = []
    capture = Capture(directory, log=Log(max_size=None))
    with counting(capture, programs, 40_000, rate=40_000):
        for number in range(50):
            wait_for(path.exists)
            kept.append(path.with_suffix(f".{number}"))
            kept[-1].hardlink_to(path)  # so that we can see what was deleted
            path.unlink()
    capture.close(10)
    verify([*kept, *([path] if path.exists() else [])], 40_000)


def test_the_whole_directory_is_deleted(directory: LogDirectory, programs: Path) -> None:
    log = Log(file=str(directory.path / "below" / "here" / "app.log"), max_size=None)
    path = Path(str(log.file))
    capture = Capture(directory)
    with counting(capture, programs, 20_000, rate=20_000, log=log):
        wait_for(path.exists)
        shutil.rmtree(directory.path / "below")
        wait_for(path.exists)
    capture.close(10)
    lines = path.read_bytes().splitlines()
    assert lines[-1].startswith(b"%09d " % 19_999)
    assert [int(line[:9]) for line in lines] == list(range(int(lines[0][:9]), 20_000))


def test_a_disk_that_is_full_now_and_then(directory: LogDirectory, programs: Path) -> None:
    path = directory.file_of("/app", "stdout")
    told: list[int] = []
    capture = Capture(directory, on_problem=lambda _, number, lost: told.append(number))
    capture._usual = Log(max_size=None)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with counting(capture, programs, 30_000, rate=100_000):
            for size in (100_000, 400_000, 900_000):  # no file grows beyond that
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
                outbreaks = len(told)
                wait_for(lambda before=outbreaks: len(told) > before)  # type: ignore[misc]
                assert capture.trouble("/app") == "log cannot be written: File too large"
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
                wait_for(lambda before=outbreaks: len(told) > before + 1)  # type: ignore[misc]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    capture.close(10)
    verify([path], 30_000)
    assert [number == 0 for number in told] == [False, True] * 3


def size_of(files: list[Path]) -> int:
    """Return the bytes of those files that are still there."""
    size = 0
    for file in files:
        with suppress(FileNotFoundError):
            size += file.stat().st_size
    return size


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("we may not mount a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_small_disk_is_full(small_disk: Path, directory: LogDirectory, programs: Path) -> None:
    path = small_disk / "app.log"
    away: list[Path] = []
    told = threading.Event()
    log = Log(file=str(path), max_size=65536, keep=None)
    capture = Capture(directory, on_problem=lambda *_: told.set(), log=log)
    size = sum(11 + number * 7919 % 90 for number in range(20_000))
    with counting(capture, programs, 20_000):
        while size_of([*away, *files_of(path)]) < size:
            told.wait(0.1)
            full = files_of(path)[:-1]  # an operator makes room
            away += [Path(shutil.move(file, directory.path)) for file in full]
    capture.close(10)
    assert told.is_set()
    verify([*away, *files_of(path)], 20_000)


@pytest.mark.parametrize("mode", [LogMode.TIMESTAMPED, LogMode.JSON])
def test_lines_are_whole_in_other_modes(
    directory: LogDirectory, programs: Path, mode: LogMode
) -> None:
    path = directory.file_of("/app", "stdout")
    capture = Capture(directory, log=Log(mode, max_size=65536, keep=None))
    with counting(capture, programs, 40_000):
        pass
    capture.close(10)
    begin = 28 if mode is LogMode.TIMESTAMPED else None
    numbers = []
    for file in files_of(path):
        for line in file.read_bytes().splitlines():
            at = line.index(b'"text":"') + 8 if begin is None else begin
            numbers.append(int(line[at : at + 9]))
    assert numbers == list(range(40_000))
    assert len(files_of(path)) > 10


def test_compression_that_is_killed_half_way(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    originals = {}
    for number in range(3):
        file = path.with_name(f"app.log.20261121T16000{number}.000000Z")
        file.write_bytes(os.urandom(3_000_000))
        originals[file.name] = file.read_bytes()
    code = (
        "import sys, time; from pathlib import Path; from supctl.specs import Log\n"
        "from supctl.logs.archive import Archivist\n"
        "archivist = Archivist(); print('ready', flush=True)\n"
        "archivist.tend(Path(sys.argv[1]), Log(compress='gzip'))\n"
        "archivist.wait_idle(60); print('done', flush=True); time.sleep(60)\n"
    )
    for delay in range(12):
        command = [sys.executable, "-c", code, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(delay * 0.02)
            child.kill()
            if child.stdout.readline():
                break
        for file in files_of(path):
            if file.suffix == ".gz":
                assert subprocess.run(["gzip", "-t", str(file)], check=False).returncode == 0
    archivist = Archivist()
    archivist.tend(path, Log(compress=Compress.GZIP))
    assert archivist.wait_idle(30)
    for name, data in originals.items():
        packed = tmp_path / f"{name}.gz"
        assert (
            subprocess.run(["gzip", "-dc", packed], capture_output=True, check=True).stdout == data
        )
    assert len(list(tmp_path.iterdir())) == 3
