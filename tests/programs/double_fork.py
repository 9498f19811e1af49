"""Fork a descendant, print its pid, and exit 0 while it lives on.

Words: ``escape`` (fork twice and call setsid), ``deaf`` (it ignores SIGTERM), ``stay`` (the
parent lives on too), ``quiet`` (it closes its standard descriptors, as daemons do),
``unmarked`` (it changes its limit of locks, by which the reaper knows its own).
"""

import os
import resource
import signal
import sys

words = set(sys.argv[1:])


def live_on() -> None:
    while True:
        signal.pause()


told, tell = os.pipe()
if os.fork() == 0:
    if "escape" in words:
        os.setsid()
        if os.fork() > 0:
            os._exit(0)
    if "deaf" in words:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "unmarked" in words:
        resource.setrlimit(10, (1000, resource.getrlimit(10)[1]))  # RLIMIT_LOCKS has no name
    if "quiet" in words:
        os.closerange(0, 3)
    os.write(tell, b"%d\n" % os.getpid())  # only now: whoever reads it may rely on all above
    live_on()
if "escape" in words:
    os.wait()
os.write(1, os.read(told, 100))
if "stay" in words:
    live_on()
