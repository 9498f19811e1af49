"""Write N numbered lines (first argument), R a second (second argument; 0: as fast as can be).

Lines have different lengths, and the system is given them in pieces that end anywhere.
"""

import os
import sys
import time

PIECE = 1000

total, rate = int(sys.argv[1]), int(sys.argv[2])
began = time.monotonic()


def line(number: int) -> bytes:
    return b"%09d %s\n" % (number, b"x" * (number * 7919 % 90))


def write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data[:PIECE]) :]


batch = max(1, rate // 100) if rate else 500
for start in range(0, total, batch):
    write(b"".join(line(number) for number in range(start, min(start + batch, total))))
    if rate:
        time.sleep(max(0.0, began + (start + batch) / rate - time.monotonic()))
