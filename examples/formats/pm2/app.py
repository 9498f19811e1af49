"""Stands for a program of yours: it says what it was told, and waits for the signal to stop."""

import argparse
import os
import signal

parser = argparse.ArgumentParser()
parser.add_argument("--name", required=True)
parser.add_argument("--port", type=int)
told = parser.parse_args()
print(f"{told.name} is up in {os.environ.get('NODE_ENV', 'no')} mode, port {told.port}", flush=True)
signal.sigwait({signal.SIGTERM, signal.SIGINT})
print(f"{told.name} is going", flush=True)
