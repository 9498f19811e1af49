"""Stands for a program of yours: it says what it was told, and waits for the signal to stop."""

import argparse
import signal

parser = argparse.ArgumentParser()
parser.add_argument("--name", required=True)
told = parser.parse_args()
print(f"{told.name} is up")
signal.sigwait({signal.SIGTERM, signal.SIGINT})
print(f"{told.name} is going")
