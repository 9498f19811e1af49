"""What is to be known to follow the files of a project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from supctl.config.files_read import Files
from supctl.errors import InvalidConfig


@dataclass(frozen=True, slots=True)
class Followed:
    """The files of a project, and how they are read again.

    Args:
        files: as they were when the project became what it is.
        environ: of who has started it: what apps inherit from, and what files refer to.
        directory: that it was started in.
        by_option: whether somebody wants that whatever the file says (``--watch-config``).
    """

    files: Files
    environ: Mapping[str, str] = field(repr=False)
    directory: str
    by_option: bool = False

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """Return what a client has told.

        Raises:
            InvalidConfig: it is nothing of that kind.
        """
        try:
            made = cls(**told)
            texts = [made.directory, *(it for both in (made.files, made.environ) for it in both)]
            texts += [*made.files.values(), *made.environ.values()]
            is_right = isinstance(made.by_option, bool) and all(isinstance(it, str) for it in texts)
        except (TypeError, AttributeError):
            is_right = False
        if not is_right:
            wanted = "a map of files, environ, directory and by_option"
            raise InvalidConfig("followed", "something else", wanted)  # it may hold secrets
        return made
