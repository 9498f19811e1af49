"""Stands for a program of yours: it says what it was told, and waits for the signal to stop."""

import argparse
import os
import signal

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int)
told = parser.parse_args()
name = os.environ["npm_package_name"]  # noqa: SIM112 - npm calls it so
print(f"{name} is up, port {told.port}")
signal.sigwait({signal.SIGTERM, signal.SIGINT})
print(f"{name} is going")
