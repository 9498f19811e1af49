"""What becomes of output: what can be said, and what contradicts itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from supctl import App, Log
from supctl.errors import InvalidConfig
from supctl.specs.log import Compress, Every, LogMode, LogTarget, WhenFull, has_zstd


def test_words_become_members() -> None:
    log = Log("json", "file", every="daily", compress="gzip", when_full="drop")  # type: ignore[arg-type]
    assert (log.mode, log.to, log.every) == (LogMode.JSON, LogTarget.FILE, Every.DAILY)
    assert (log.compress, log.when_full) == (Compress.GZIP, WhenFull.DROP)


def test_a_log_is_a_value() -> None:
    assert Log() == Log()
    assert hash(Log(keep=3)) == hash(Log(keep=3))
    assert App("a", ["ls"], log=Log(keep=3)) != App("a", ["ls"])


def test_paths_may_be_objects() -> None:
    assert Log(file=Path("/var/log/a")).file == "/var/log/a"  # type: ignore[arg-type]


NOT_KEPT = "nothing where keep is 0 and no rotated file is kept"
NO_FILE = "nothing here, as mode is none and no file is written"


def test_an_app_wants_a_log() -> None:
    with pytest.raises(InvalidConfig, match="wanted a Log"):
        App("a", ["ls"], log={"keep": 3})  # type: ignore[arg-type]


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"mode": "loud"}, "mode", "one of raw, timestamped, json, none"),
    ({"mode": None}, "mode", "one of raw, timestamped, json, none"),
    ({"to": "mars"}, "to", "one of file, stdout, stderr, syslog, journald"),
    ({"every": "minute"}, "every", "one of hourly, daily"),
    ({"compress": "zip"}, "compress", "one of gzip, zstd"),
    ({"when_full": "burn"}, "when_full", "one of block, spill, drop"),
    ({"file": ""}, "file", "the path of a file, without NUL characters"),
    ({"file": "/var/log/"}, "file", "the path of a file, without NUL characters"),
    ({"error_file": "a\0b"}, "error_file", "the path of a file, without NUL characters"),
    ({"together": 1}, "together", "true or false"),
    ({"error_file": "/e", "together": True}, "error_file", "none beside together"),
    ({"max_size": 4095}, "max_size", "4096 or more"),
    ({"max_size": 5e6}, "max_size", "a whole number, 4096 or more"),
    ({"keep": -1}, "keep", "0 or more"),
    ({"keep_for": 0}, "keep_for", "more than 0 seconds"),
    ({"keep_size": 0}, "keep_size", "1 or more"),
    ({"every": "daily", "at": "24:00"}, "at", 'a time of day such as "03:30"'),
    ({"at": "03:30"}, "at", "every = daily beside it"),
    ({"every": "hourly", "at": "03:30"}, "at", "every = daily beside it"),
    ({"buffer": 5000}, "buffer", "no buffer where when_full is block"),
    ({"buffer": 1, "when_full": "drop"}, "buffer", "4096 or more"),
    (
        {"max_size": 8192, "keep_size": 8191},
        "keep_size",
        "at least max_size (8192), or no rotated file could be kept",
    ),
    ({"keep": 0, "keep_for": 9.0}, "keep_for", NOT_KEPT),
    ({"keep": 0, "compress": "gzip"}, "compress", NOT_KEPT),
    ({"to": "syslog", "keep": 3}, "keep", "nothing here, as to is syslog and no file is written"),
    ({"mode": "none", "file": "/a"}, "file", NO_FILE),
    ({"mode": "none", "to": "stdout"}, "to", "nothing where mode is none"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "field", "wanted"), WRONG, ids=lambda it: str(it)[:40])
def test_what_cannot_be_meant_is_refused(said: dict[str, Any], field: str, wanted: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        Log(**said)
    assert (caught.value.field, caught.value.wanted) == (field, wanted)


@pytest.mark.skipif(has_zstd(), reason="this Python has zstd")
def test_zstd_is_refused_where_there_is_none() -> None:
    with pytest.raises(InvalidConfig, match="gzip is always there"):
        Log(compress=Compress.ZSTD)
