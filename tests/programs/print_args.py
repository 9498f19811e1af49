"""Print the arguments as bytes, NUL after each, and exit 0."""

import os
import sys

os.write(1, b"".join(os.fsencode(word) + b"\0" for word in sys.argv[1:]) + b"\n")
