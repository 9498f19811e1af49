"""``python -m tests.daemon.serving``: a server answers while its daemon is killed and upgraded.

nginx under supctl; requests come over connections that stay and over new ones.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from supctl.control.client import Client
from supctl.control.reaching import reach
from supctl.daemon.code import PACKAGE
from tests.daemon.conftest import Desk, desk_in, until

CONFIG = """
daemon off;
pid {place}/nginx.pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    keepalive_requests 1000000000;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 200 "well\\n"; }}
    }}
}}
"""

APP = """
[apps.nginx]
command = ["nginx", "-c", "{place}/nginx.conf"]
ready = {{ tcp = {port} }}
"""

_SETTLED = 0.3
"""Seconds between two losses, in which requests come as well."""


@dataclass
class Found:
    """What the requests have shown.

    Args:
        answered: how many were.
        failed: how those failed that were not.
        longest: seconds that one took.
    """

    answered: int = 0
    failed: list[str] = field(default_factory=list)
    longest: float = 0.0


def go(desk: Desk, kills: int) -> Found:
    """Kill the daemon so many times, the reaper, and upgrade; return what requests have met."""
    port = _free_port()
    (desk.directory / "nginx.conf").write_text(CONFIG.format(place=desk.directory, port=port))
    desk.run("start", desk.write(APP.format(place=desk.directory, port=port)))
    found = Found()
    with Client(reach(desk.home), partial(reach, desk.home)) as client:
        before = client.status("nginx")[0]["pid"]
        kept, new = partial(_over_one_connection, port), partial(_over_new_connections, port)
        with _asked(kept, found), _asked(new, found):
            for _ in range(kills):
                os.kill(client.about()["pid"], signal.SIGKILL)
                client.ping()
                time.sleep(_SETTLED)
            reaper = client.about()["reaper"]
            os.kill(reaper, signal.SIGKILL)
            until(lambda: client.about()["reaper"] != reaper)
            time.sleep(_SETTLED)
            client.upgrade(python=sys.executable, package=str(PACKAGE))
            time.sleep(_SETTLED)
        assert client.status("nginx")[0]["pid"] == before
    return found


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _over_one_connection(port: int, found: Found, is_over: threading.Event) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    while not is_over.is_set():
        _ask(connection, found)
    connection.close()


def _over_new_connections(port: int, found: Found, is_over: threading.Event) -> None:
    while not is_over.wait(0.002):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        _ask(connection, found)
        connection.close()


def _ask(connection: http.client.HTTPConnection, found: Found) -> None:
    began_at = time.monotonic()
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        if (answer.status, answer.read()) != (200, b"well\n"):
            found.failed.append(str(answer.status))
    except (OSError, http.client.HTTPException) as error:
        found.failed.append(repr(error))
        connection.close()
    else:
        found.answered += 1
    found.longest = max(found.longest, time.monotonic() - began_at)


@contextmanager
def _asked(ask: Callable[[Found, threading.Event], None], found: Found) -> Iterator[None]:
    """Have somebody ask all the time, in a thread."""
    is_over = threading.Event()
    thread = threading.Thread(target=ask, args=(found, is_over))
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def main() -> None:
    """Kill the daemon as often as the argument says."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as place, desk_in(Path(place)) as desk:
        found = go(desk, kills)
    print(
        f"daemon killed {kills} times, reaper once, upgraded once: {found.answered} requests "
        f"answered, the longest within {found.longest * 1000:.1f} ms; {len(found.failed)} failed"
    )
    sys.exit(1 if found.failed else 0)


if __name__ == "__main__":
    main()
