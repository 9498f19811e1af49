"""``concurrent.futures``: a pool of one process."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor

from .stopwatch import PAYLOAD, rounds, tell, trips


def _echo(payload: bytes) -> bytes:
    return payload


def _main() -> None:
    with ProcessPoolExecutor(1) as pool:
        figures = trips(lambda: pool.submit(_echo, PAYLOAD).result(), rounds())
        began_at = time.perf_counter()
        asked = [pool.submit(_echo, PAYLOAD) for _ in range(rounds() * 2)]
        for future in asked:
            future.result()
        figures["pipelined"] = len(asked) / (time.perf_counter() - began_at)
    tell(figures)


if __name__ == "__main__":
    _main()
