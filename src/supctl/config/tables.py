"""A file of our own format -> tables, whichever syntax it is written in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .syntax import YAML_SUFFIXES, is_json, parse
from .yaml_syntax import parse_yaml


def read_tables(path: Path, content: bytes) -> tuple[dict[str, Any], str]:
    """Return what a file of our own format holds, and what it is written in, for people.

    Raises:
        ConfigErrors: as for :func:`~.syntax.parse` and :func:`~.yaml_syntax.parse_yaml`.
    """
    if path.suffix in YAML_SUFFIXES:
        return parse_yaml(content, str(path)), "YAML"
    as_json = is_json(path, content)
    return parse(content, str(path), as_json=as_json), "JSON" if as_json else "TOML"
