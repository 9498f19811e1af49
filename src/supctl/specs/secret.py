"""``Secret``: an environment variable whose text is in a file, and nowhere else."""

from __future__ import annotations

import os
from dataclasses import dataclass

from supctl.errors import InvalidConfig


@dataclass(frozen=True, slots=True)
class Secret:
    """A reference to the text of an environment variable.

    The file is read at each start of the program, by whoever starts it; one newline at its end
    is taken away. What is in it is never stored, logged or shown.

    Args:
        file: where it is, up to 64 KiB. A relative path begins in our working directory.

    Raises:
        InvalidConfig: it is no path.
    """

    file: str

    def __post_init__(self) -> None:
        path = self.file
        text = os.fspath(path) if isinstance(path, str | os.PathLike) else path
        if not isinstance(text, str) or not text or "\0" in text:
            raise InvalidConfig("file", path, "the path of a file, without NUL characters")
        object.__setattr__(self, "file", text)

    def __str__(self) -> str:
        return f"from {self.file}"
