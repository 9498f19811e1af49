"""JavaScript files that hold settings: read as they stand where they are plain, else evaluated."""

from .literal import NotLiteral, literal

__all__ = ["NotLiteral", "literal"]
