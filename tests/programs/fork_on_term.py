"""On SIGTERM fork a descendant that escapes and is deaf to it, print its pid and exit 0."""

import os
import signal
import sys


def multiply(number: int, frame: object) -> None:
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.setsid()
        if os.fork() > 0:
            os._exit(0)
        print(os.getpid(), flush=True)
        while True:
            signal.pause()
    os.wait()
    sys.exit(0)


signal.signal(signal.SIGTERM, multiply)
print("ready", flush=True)
while True:
    signal.pause()
