"""What tests/backends/test_pythons.py runs in processes of their own."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading


def echo(read_fd: int, write_fd: int) -> None:
    """Send back what comes, until the other end is gone."""
    while data := os.read(read_fd, 65536):
        os.write(write_fd, data)


def tell(read_fd: int, write_fd: int) -> None:
    """Tell what a program finds when it begins."""
    facts = [
        os.getpid() == os.getsid(0),
        sorted(filter(_is_open, map(int, os.listdir("/proc/self/fd")))),
        signal.getsignal(signal.SIGINT) is signal.default_int_handler,
        signal.pthread_sigmask(signal.SIG_BLOCK, []) == set(),
        threading.active_count(),
        random.random(),
        read_fd,
        write_fd,
    ]
    os.write(write_fd, repr(facts).encode())


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:  # it was that of the directory
        return False
    return True


def crash(read_fd: int, write_fd: int) -> None:
    """End badly, after words on both outputs."""
    print("to stdout")
    raise ValueError("no luck")


def leave(read_fd: int, write_fd: int) -> None:
    """End with a status of its own."""
    sys.exit(7)


def beget(read_fd: int, write_fd: int) -> None:
    """Leave a process behind that has nothing to do with us any more."""
    child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    os.write(write_fd, str(child.pid).encode())
    os.read(read_fd, 1)


def name_of_main(read_fd: int, write_fd: int) -> None:
    """Tell what the program's script has set."""
    main = sys.modules["__main__"]
    os.write(write_fd, f"{main.__name__} {main.ANSWER}".encode())


def wait_for_eof(read_fd: int, write_fd: int, socket_fd: int) -> None:
    """End when nobody can say anything any more."""
    while os.read(read_fd, 65536):
        pass


def echo_over_socket(read_fd: int, write_fd: int, socket_fd: int) -> None:
    """As :func:`echo`, to a descriptor that is handed over."""
    with socket.socket(fileno=socket_fd) as handed:
        _, (target,), _, _ = socket.recv_fds(handed, 8, 1)
    while data := os.read(read_fd, 65536):
        os.write(target, data)
