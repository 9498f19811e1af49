"""Stands for a program of yours: it says who it is, and waits for the signal to stop."""

import argparse
import os
import signal
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--name", default="somebody")
name = parser.parse_args().name
print(f"{name} is up: {os.environ.get('GREETING', 'no greeting')}")
number = signal.sigwait({signal.SIGTERM, signal.SIGINT})
print(f"{name} has been asked to stop by {signal.Signals(number).name}", file=sys.stderr)
