"""Works on the files of a directory, oldest first, and crashes on one that is empty.

A job that was begun is never begun again: it is moved away first. Usage: worker.py DIRECTORY
"""

from __future__ import annotations

import sys
import time
from pathlib import Path


def work(job: Path) -> None:
    """Do one job."""
    begun = job.rename(job.with_suffix(".begun"))
    if not (text := begun.read_text()):
        raise ValueError(f"{job.name} is empty")
    begun.rename(job.with_suffix(".done"))
    print(f"{job.stem}: {text.strip()}", flush=True)


if __name__ == "__main__":
    jobs = Path(sys.argv[1])
    print("worker is up", flush=True)
    while True:
        for job in sorted(jobs.glob("*.job")):
            work(job)
        time.sleep(0.01)
