"""On SIGTERM fork a descendant that escapes and is deaf to it, print its pid and exit 0."""

import os
import signal

# Waited for, not handled: a handler runs between two bytecodes of Python, and a signal that
# comes just before pause(2) would be waited for in vain.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
print("ready", flush=True)
signal.sigwait({signal.SIGTERM})
if os.fork() == 0:
    os.setsid()
    if os.fork() > 0:
        os._exit(0)
    print(os.getpid(), flush=True)
    while True:  # deaf: it inherits that SIGTERM is blocked
        signal.pause()
os.wait()
