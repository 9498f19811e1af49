"""Say to the supervisor what the arguments are, one message each: ``notify.py READY=1 sleep:0.5``.

``sleep:SECONDS`` waits, ``child:MESSAGE`` has a child say it, ``stray:MESSAGE`` one that has left
session and parent, ``beat:SECONDS`` says ``WATCHDOG=1`` that often for ever. Then it lives on.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time

address = os.environ["NOTIFY_SOCKET"]
connection = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
connection.connect("\0" + address[1:] if address.startswith("@") else address)
is_for_us = os.environ.get("WATCHDOG_PID") == str(os.getpid())
print(f"watchdog {os.environ.get('WATCHDOG_USEC')} {is_for_us}", flush=True)


def say(message: str) -> None:
    connection.send(message.encode().decode("unicode_escape").encode("latin-1"))


def say_in_a_child(message: str, *, is_stray: bool) -> None:
    if os.fork() == 0:
        if is_stray:
            os.setsid()
            if os.fork():
                os._exit(0)
        say(message)
        signal.pause()


for word in sys.argv[1:]:
    kind, _, rest = word.partition(":")
    if kind == "sleep":
        time.sleep(float(rest))
    elif kind == "beat":
        while True:
            say("WATCHDOG=1")
            time.sleep(float(rest))
    elif kind in ("child", "stray"):
        say_in_a_child(rest, is_stray=kind == "stray")
    else:
        say(word)
signal.pause()
