"""``concurrent.futures``: calls to a pool of one process, and a map with a larger one."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor

from .stopwatch import CHUNKS, ITEMS, MEMBERS, PAYLOAD, Figures, rounds, tell, trips


def _echo(payload: bytes) -> bytes:
    return payload


def _one(value: int) -> int:
    return value


def _maps() -> Figures:
    """Return the seconds of a map of tiny calls, by chunk; the processes are there before."""
    figures = {}
    with ProcessPoolExecutor(MEMBERS) as pool:
        for chunk in (*CHUNKS[:1], *CHUNKS):  # the first is to warm up
            began_at = time.perf_counter()
            assert list(pool.map(_one, ITEMS, chunksize=chunk)) == [*ITEMS]
            figures[f"map by {chunk}"] = time.perf_counter() - began_at
    return figures


def _main() -> None:
    with ProcessPoolExecutor(1) as pool:
        figures = trips(lambda: pool.submit(_echo, PAYLOAD).result(), rounds())
        began_at = time.perf_counter()
        asked = [pool.submit(_echo, PAYLOAD) for _ in range(rounds() * 2)]
        for future in asked:
            future.result()
        figures["pipelined"] = len(asked) / (time.perf_counter() - began_at)
    tell(figures | _maps())


if __name__ == "__main__":
    _main()
