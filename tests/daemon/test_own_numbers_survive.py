"""Instances keep their numbers and ports: scaled up and down, and when the daemon is lost."""

from __future__ import annotations

import psutil

from .conftest import Desk, until

FILE = """
[apps.api]
command = ["sleep", "100{instance}"]
env = { N = "{index}" }
instances = 2
port = 65530
"""


def own(desk: Desk) -> dict[str, tuple[str, str, str]]:
    """Return what each instance was started with."""
    found = {}
    for row in desk.json("status"):
        if row["pid"]:
            process = psutil.Process(row["pid"])
            env = process.environ()
            found[row["address"]] = (process.cmdline()[1], env["N"], env["PORT"])
    return found


def of(*numbers: int) -> dict[str, tuple[str, str, str]]:
    return {f"/shop/api:{it}": (f"100{it}", str(it - 1), str(65529 + it)) for it in numbers}


def test_they_stay_what_they_are(desk: Desk) -> None:
    desk.run("start", desk.write(FILE))
    assert own(desk) == of(1, 2)
    first = desk.pid("api:2")
    desk.run("scale", "api", "+2")
    psutil.Process(desk.json("daemon", "status")["pid"]).kill()
    until(lambda: own(desk) == of(1, 2, 3, 4))
    desk.run("restart", "api:3")
    said = desk.run("scale", "api", "7", status=2)
    assert "instances is 7; wanted 6 at the most, as their ports begin at 65530" in said
    desk.run("scale", "api", "3")
    assert own(desk) == of(1, 2, 3)
    assert desk.pid("api:2") == first
    assert desk.json("env", "api:3")["PORT"] == "65532"
