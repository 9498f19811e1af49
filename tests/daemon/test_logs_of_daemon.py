"""What the daemon's commands show of logs."""

from __future__ import annotations

from pathlib import Path

import pytest

from supctl.logs.reading.table import read_table

from .conftest import Desk, until

SHOP = """
[log]
mode = "timestamped"

[apps.well]
command = ["sh", "-c", "echo one; echo two; echo oops >&2; exec sleep 1000"]

[apps.full]
command = ["sh", "-c", "echo hello; exec sleep 1000"]
log = { file = "/dev/full" }

[apps.careful]
command = ["sleep", "1000"]
log = { file = "/dev/null/no", required = true }
"""

PLACES = """
[apps.file]
command = ["sleep", "1000"]
log = { mode = "json" }
tags = ["web"]

[apps.one]
command = ["sleep", "1000"]
instances = 2
log = { merged = true, together = true }

[apps.none]
command = ["sleep", "1000"]
log = { mode = "none" }

[apps.else]
command = ["sleep", "1000"]
log = { to = "syslog" }

[apps.group]
tags = ["group"]
[apps.group.apps.last]
command = ["sleep", "1000"]
tags = ["web"]
"""


def test_logs_are_shown(desk: Desk) -> None:
    why = desk.run("start", desk.write(SHOP), status=1)
    assert "/dev/null/no: Not a directory; wanted a log that can be written, without which" in why
    with desk.client() as client:
        until(lambda: client.status("full")[0]["log"])
        until(lambda: client.describe("well")["logs"][1]["bytes"])
        rows = {row["address"]: row for row in client.status()}
    assert rows["/shop/full"]["log"] == "log cannot be written: No space left on device"
    assert rows["/shop/well"]["log"] == ""
    assert "log cannot be written: No space left on device" in desk.run("status", "full")
    out, err = desk.json("describe", "well")["logs"]
    assert (out["stream"], out["bytes"], out["lines"], out["state"]) == ("stdout", 8, 2, "ok")
    assert (err["stream"], err["lines"]) == ("stderr", 1)
    assert out["path"] == str(desk.home.logs / "shop/well.out.log")
    assert "8 B in 2 lines" in desk.run("describe", "well")
    assert "failing: No space left on device" in desk.run("describe", "full")
    events = desk.run("events", "full")
    assert "output cannot be stored (No space left on device), nothing is lost" in events


def test_where_output_goes_is_told_and_noted(desk: Desk) -> None:
    desk.run("start", desk.write(PLACES))
    with desk.client() as client:
        rows = client.outputs()
        assert client.outputs("shop/file") == rows[:2]
        known = {row["address"]: row for row in rows if row["stream"] == "stderr"}
        logs = f"{desk.home.logs}/shop"
        assert {address: (row["to"], row["path"], row["mode"], row["is_shared"])
                for address, row in known.items()} == {
            "/shop/file": ("file", f"{logs}/file.err.log", "json", False),
            "/shop/one:1": ("file", f"{logs}/one.all.log", "raw", True),
            "/shop/one:2": ("file", f"{logs}/one.all.log", "raw", True),
            "/shop/none": ("nowhere", "", "raw", False),
            "/shop/else": ("syslog", "", "raw", False),
            "/shop/group/last": ("file", f"{logs}/group/last.err.log", "raw", False),
        }  # fmt: skip
        assert known["/shop/file"]["tags"] == ["web"]
        assert known["/shop/group/last"]["tags"] == ["web", "group"]
        assert desk.run("logs", "@group") == ""
        until(lambda: read_table(desk.home.outputs) == rows)
        client.delete("shop")
        until(lambda: read_table(desk.home.outputs) == [])


@pytest.mark.parametrize("held", [None, b"", b"{", b"[]", b'{"version": 0, "outputs": []}'])
def test_a_table_that_is_none_is_no_matter(tmp_path: Path, held: bytes | None) -> None:
    if held is not None:
        (tmp_path / "outputs.json").write_bytes(held)
    assert read_table(tmp_path / "outputs.json") == []
