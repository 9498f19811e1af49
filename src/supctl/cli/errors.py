"""How an error of ours reaches the person at the terminal: sentences and an exit status."""

from __future__ import annotations

from typing import Final

import click

from supctl.errors import AlreadyRunning, InvalidConfig, StorageFailed, SupctlError

BAD_INPUT: Final = 2
"""Exit status for what the caller must mend; also click's own for a wrong option."""

FAILED: Final = 1
"""Exit status for what went wrong although the input was right."""

# By code, not by type: a file's errors have the code of a wrong value, and their type
# lives in a package that most commands need not load.
_BAD_INPUT_CODES: Final = {InvalidConfig.code, StorageFailed.code, AlreadyRunning.code}


def exit_status(error: SupctlError) -> int:
    """Return 2 where the input must be mended, else 1."""
    return BAD_INPUT if error.code in _BAD_INPUT_CODES else FAILED


def report(error: SupctlError) -> None:
    """Write an error to stderr: one line, beginning with our name, for each mistake it holds."""
    for sentence in str(error).splitlines():
        click.echo(f"supctl: {sentence}", err=True)
