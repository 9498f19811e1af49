"""A small HTTP server with a bug: ``/orders/0`` ends it. Usage: shop.py PORT"""

from __future__ import annotations

import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Shop(BaseHTTPRequestHandler):
    """Knows every order but number 0."""

    def do_GET(self) -> None:
        """Answer; the name is what http.server wants."""
        if self.path == "/orders/0":
            print("no such order", file=sys.stderr, flush=True)
            signal.raise_signal(signal.SIGSEGV)
        body = f"this is {self.path}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop)
    print(f"shop listens on port {server.server_port}", flush=True)
    server.serve_forever()
