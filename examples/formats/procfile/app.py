"""Stands for a program of yours: it says what it was told, and waits for the signal to stop."""

import argparse
import os
import signal

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int)
parser.add_argument("--name", default="web")
told = parser.parse_args()
print(f"{told.name} is up, PORT is {os.environ['PORT']}")
signal.sigwait({signal.SIGTERM, signal.SIGINT})
print(f"{told.name} is going")
