"""Store standard input, as the log of ``/app``, by captures that are killed one after the other.

Arguments: directory, mode, ``max_size``, seconds that a capture lives at most, how many are
killed at most. When the input has ended, or so many were killed, one more stores what is left.
Says how many were killed.
"""

import os
import random
import select
import signal
import sys
import time

from supctl.logs.capture import Capture
from supctl.logs.directory import LogDirectory
from supctl.specs import Log
from supctl.specs.log import LogMode

directory, mode, max_size, longest, most = sys.argv[1:]
log = Log(LogMode(mode), max_size=int(max_size) or None, keep=None)


def store(patience: float) -> None:
    with LogDirectory(directory) as held:
        capture = Capture(held, log=log)
        capture.attach("/app", "stdout", os.dup(0))
        capture.close(patience)


def in_child(patience: float) -> int:
    pid = os.fork()
    if not pid:
        store(patience)
        os._exit(0)
    return pid


poll = select.poll()
poll.register(0, 0)  # tells of its end only
killed = 0
while killed < int(most) and not poll.poll(0):
    pid = in_child(3600.0)
    time.sleep(random.uniform(0.0, float(longest)))
    os.kill(pid, signal.SIGKILL)
    killed += os.WIFSIGNALED(os.waitpid(pid, 0)[1])
os.waitpid(in_child(3600.0), 0)
print(killed)
