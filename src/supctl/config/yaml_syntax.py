"""YAML -> tables, by the words of YAML 1.2: only ``true`` and ``false`` are truth values.

``no``, ``on`` and ``2024-01-01`` are text. The library is loaded with the first file that needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .mistakes import ConfigErrors, Mistake
from .syntax import decode

if TYPE_CHECKING:
    import yaml

_MENDS: Final = (
    ("mapping values are not allowed", "a blank after the colon of a key, and quotes around text"),
    ("found character '\\t'", "indent with blanks"),
    ("found character that cannot start", "indent with blanks, and quote text that begins like it"),
    ("found unexpected end of stream", "close the quote"),
    ("found undefined alias", "write &name before the value that *name repeats"),
    ("did not find expected key", "is the indentation the same as in the line before?"),
    ("expected <block end>", "is the indentation the same as in the line before?"),
    ("could not find expected ':'", "write key: value"),
    ("control characters are not allowed", "write it as an escape such as \\x07 in double quotes"),
)


def parse_yaml(content: bytes, file: str) -> dict[str, Any]:
    """Return the tables that ``content`` holds; a byte order mark is passed over.

    Keys are text as they are written, whatever a value of that form would be. Anchors, aliases and
    merge keys (``<<``) are resolved: what they repeat is the same object at every place.

    Raises:
        ConfigErrors: it is no UTF-8, does not parse, is no table, holds a key twice in one table,
            more than one document, or more than it should; or the library is not installed.
    """
    return parse_yaml_text(decode(content, file), file)


def parse_yaml_text(text: str, file: str) -> dict[str, Any]:
    """Return the tables of a YAML text, as :func:`parse_yaml`."""
    try:
        import yaml

        from .yaml_building import Builder, position
    except ImportError:
        seen, wanted = "is YAML, for which a library is missing", "the extra supctl[yaml]"
        mend = "pip install 'supctl[yaml]', or write the same as supctl.toml"
        raise ConfigErrors([Mistake("", seen, wanted, mend, file)]) from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        tables = Builder(file, yaml.parse(text, Loader=loader)).document()
    except yaml.YAMLError as error:
        raise _mistake(error, file, position(getattr(error, "problem_mark", None))) from None
    except ValueError:  # Python reads no whole number of more than 4,300 digits
        seen = "holds a number of thousands of digits"
        raise ConfigErrors([Mistake("", seen, "smaller numbers", file=file)]) from None
    if not isinstance(tables, dict):
        kind = "a list" if isinstance(tables, list) else "a single value"
        wanted = "a table, such as one that begins with apps:"
        raise ConfigErrors([Mistake("", f"holds {kind}", wanted, file=file)])
    return tables


def _mistake(error: yaml.YAMLError, file: str, at: tuple[int | None, int | None]) -> ConfigErrors:
    message = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    mend = next((mend for start, mend in _MENDS if message.startswith(start)), "")
    return ConfigErrors([Mistake("", f"does not parse: {message}", "YAML", mend, file, *at)])
