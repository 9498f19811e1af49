"""A worker of the shop: prints a heartbeat every half second."""

import itertools
import time

for beat in itertools.count(1):
    print(f"heartbeat {beat}")
    time.sleep(0.5)
