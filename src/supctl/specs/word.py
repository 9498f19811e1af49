"""Enumerations whose members users write as words."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from supctl.errors import InvalidConfig


class Word(StrEnum):
    """An enumeration whose words users write; a wrong word is an :class:`InvalidConfig`."""

    @classmethod
    def of(cls, field: str, value: str) -> Self:
        """Return the member spelled ``value``.

        Raises:
            InvalidConfig: naming ``field`` and the words there are.
        """
        try:
            return cls(value)
        except ValueError:
            raise InvalidConfig(field, value, "one of " + ", ".join(cls)) from None
