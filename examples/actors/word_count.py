"""Counts the words of all texts below a directory, on all processors.

    python examples/actors/word_count.py [DIRECTORY]

Any function at the top of a module can be the work of a pool. Should a process die of one of the
files, the pool replaces it; and as counting twice does no harm, the file is tried again.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections import Counter
from pathlib import Path

import trio

import supctl

SUFFIXES = {".md", ".py", ".rst", ".toml", ".txt"}


@supctl.idempotent
def count_words(path: str) -> tuple[int, dict[str, int]]:
    """Return who has counted, and how often each word is in a file."""
    text = Path(path).read_text(errors="replace")
    return os.getpid(), dict(Counter(re.findall(r"[a-z]{4,}", text.lower())))


async def main(directory: Path) -> None:
    found = await trio.to_thread.run_sync(lambda: sorted(directory.rglob("*")))
    texts = [str(path) for path in found if path.suffix in SUFFIXES and path.is_file()]
    words: Counter[str] = Counter()
    files: Counter[int] = Counter()
    async with supctl.open_tree(supctl.Pool("words", count_words)) as tree:
        print(tree.picture())
        began_at = time.perf_counter()
        async for pid, counted in tree.pool("/").imap(count_words, texts, chunk=4, ordered=False):
            files[pid] += 1
            words.update(counted)
        took = time.perf_counter() - began_at
    print(f"\n{words.total():,} words in {len(texts):,} files, in {took:.2f} s")
    for pid, count in sorted(files.items()):
        print(f"  process {pid} has read {count:,} of them")
    print()
    for word, count in words.most_common(10):
        print(f"{count:7,}  {word}")


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2])
