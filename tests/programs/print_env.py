"""Print the whole environment, NUL after each entry, and exit 0."""

import os

os.write(1, b"".join(key + b"=" + value + b"\0" for key, value in os.environb.items()) + b"\n")
