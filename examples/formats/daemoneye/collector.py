#!/usr/bin/env python3
"""Stands for a collector: it says what it was told, and waits for the signal to stop."""

import argparse
import os
import signal

parser = argparse.ArgumentParser()
parser.add_argument("--every", type=int, default=30)
every = parser.parse_args().every
print(f"collecting every {every} s, level {os.environ.get('LEVEL', 'info')}", flush=True)
signal.sigwait({signal.SIGTERM, signal.SIGINT})
print("the last ones are written")
