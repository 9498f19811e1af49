"""What the daemon's commands show of logs."""

from __future__ import annotations

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
