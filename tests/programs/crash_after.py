"""Print ``ready``, wait some seconds (first argument), exit with a code (second) or abort."""

import os
import sys
import time

print("ready", flush=True)
time.sleep(float(sys.argv[1]))
if len(sys.argv) > 2:
    sys.exit(int(sys.argv[2]))
os.abort()
