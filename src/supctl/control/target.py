"""The control protocol's name for the daemon."""

from typing import Final

TARGET: Final = "daemon"
