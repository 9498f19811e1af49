"""Ray: an actor of this machine, without its dashboard."""

from __future__ import annotations

import tempfile
import time

import ray

from .stopwatch import PAYLOAD, Figures, rounds, tell, trips


class Echo:
    def echo(self, payload: bytes) -> bytes:
        return payload


def _measure(count: int) -> Figures:
    began_at = time.perf_counter()
    actor = ray.remote(num_cpus=0)(Echo).remote()
    ray.get(actor.echo.remote(PAYLOAD))
    start = time.perf_counter() - began_at
    figures = trips(lambda: ray.get(actor.echo.remote(PAYLOAD)), count)
    began_at = time.perf_counter()
    ray.get([actor.echo.remote(PAYLOAD) for _ in range(count)])
    return figures | {"pipelined": count / (time.perf_counter() - began_at), "start": start}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        ray.init(
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            _temp_dir=folder,
        )
        measured = _measure(rounds())
        ray.shutdown()
    tell(measured)
