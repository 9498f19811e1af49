"""Regular expressions for what programs print, which is bytes."""

from __future__ import annotations

import re
from typing import TypeAlias

from supctl.errors import InvalidConfig

Pattern: TypeAlias = str | bytes | re.Pattern[bytes]


def compiled(pattern: Pattern) -> re.Pattern[bytes]:
    """Return a pattern for bytes; ``^`` and ``$`` of one that comes as text match at every line.

    Raises:
        InvalidConfig: it is no regular expression, or one for text.
    """
    if isinstance(pattern, str):
        pattern = pattern.encode()
    if isinstance(pattern, bytes):
        try:
            return re.compile(pattern, re.MULTILINE)
        except re.error as error:
            raise InvalidConfig("pattern", pattern, f"a regular expression: {error}") from None
    if not isinstance(pattern, re.Pattern) or not isinstance(pattern.pattern, bytes):
        raise InvalidConfig("pattern", pattern, "a regular expression for bytes, or text of one")
    return pattern
