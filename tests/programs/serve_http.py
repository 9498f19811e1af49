"""Serve HTTP on a port, as a file says: ``serve_http.py PORT FILE [SECONDS]``.

It listens after so many seconds. While the file holds ``sick`` the answer is 503; while it holds
``hang``, there is none.
"""

from __future__ import annotations

import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT, MOOD = int(sys.argv[1]), Path(sys.argv[2])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        mood = MOOD.read_text() if MOOD.exists() else ""
        if mood == "hang":
            time.sleep(1000)
        self.send_response(503 if mood == "sick" else 200)
        self.end_headers()
        self.wfile.write(b"all is well")

    def log_message(self, *args: object) -> None:
        pass


time.sleep(float(sys.argv[3]) if len(sys.argv) > 3 else 0)
server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
server.daemon_threads = True
print(f"listening on {PORT}", flush=True)
server.serve_forever()
