"""Take memory, 1 MiB at a time, up to N MiB (first argument); print ``full`` and live on."""

import signal
import sys

hoard = [b"\xff" * (1 << 20) for _ in range(int(sys.argv[1]))]
print("full", flush=True)
while True:
    signal.pause()
