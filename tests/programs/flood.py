"""Write N lines (first argument) of numbered output, 100 bytes each, and exit 0."""

import os
import sys

BLOCK = 1000

total = int(sys.argv[1])
for start in range(0, total, BLOCK):
    lines = (b"%099d\n" % number for number in range(start, min(start + BLOCK, total)))
    data = memoryview(b"".join(lines))
    while data:
        data = data[os.write(1, data) :]
