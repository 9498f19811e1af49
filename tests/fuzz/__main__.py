"""``python -m tests.fuzz``: feed the connection with bytes that a fuzzer makes up.

With atheris the fuzzer sees which lines its bytes reach, and looks for others. Without it
(there are none for some versions of Python) hypothesis goes on for as long.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings


def main() -> None:
    """Fuzz for so many seconds. What was found is an uncaught error, or a file of the bytes."""
    parser = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    seconds = parser.parse_args().seconds
    try:
        import atheris
    except ImportError:
        print("atheris is not there; hypothesis fuzzes instead", flush=True)
        with_hypothesis(seconds)
    else:
        with_atheris(atheris, seconds)


def with_atheris(atheris: Any, seconds: int) -> None:
    """Fuzz with coverage. Never returns; exit status 0 means that nothing was found."""
    with atheris.instrument_imports(include=["supctl.ipc"], enable_loader_override=False):
        from tests.fuzz.examples import FRAMES
        from tests.fuzz.target import HELLO, converse, decode

    def one_input(data: bytes) -> None:
        if not data:
            return
        size, rest = data[0] or 256, data[1:]
        if size % 2:
            decode(rest)
        else:
            stream = HELLO * (size % 4 == 0) + rest
            converse(stream[at : at + size] for at in range(0, len(stream), size))

    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        for index, frame in enumerate([b"".join(FRAMES[1:]), *FRAMES]):
            Path(folder, str(index)).write_bytes(b"\x10" + frame)
        limits = ["-rss_limit_mb=1024", "-timeout=10", "-max_len=4096"]
        atheris.Setup(
            [sys.argv[0], f"-max_total_time={seconds}", *limits, "-print_final_stats=1", folder],
            one_input,
        )
        atheris.Fuzz()


def with_hypothesis(seconds: int) -> None:
    """Run the tests of the ordinary suite, again and again."""
    from tests.ipc import test_fuzz

    health = list(HealthCheck)
    longer = settings(max_examples=500, database=None, suppress_health_check=health)
    tests = [
        longer(test_fuzz.test_the_decoder_takes_or_refuses_any_bytes),
        longer(test_fuzz.test_a_connection_ends_with_a_reason_whatever_comes),
    ]
    end_at, rounds = time.monotonic() + seconds, 0
    while time.monotonic() < end_at:
        for test in tests:
            test()
        rounds += 1
    print(f"{rounds * 1000:,} examples, nothing found")


if __name__ == "__main__":
    main()
