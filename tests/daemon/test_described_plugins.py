"""What plugins change, told by the commands: those of supctl, and of an installed package."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest

from .conftest import Desk, until

PACKAGE = '''
import time

from supctl.config.plugins import with_env


class Region:
    """Tells every app where it runs."""

    name, priority = "region", 5

    def is_applicable(self, spec):
        return "REGION" not in spec.env

    def enhance(self, spec):
        return with_env(spec, {"REGION": "eu-1"})


class Raising(Region):
    name = "raising"

    def enhance(self, spec):
        raise RuntimeError("out of order")


class Hanging(Region):
    name = "hanging"

    def enhance(self, spec):
        time.sleep(1000)


class Nonsense(Region):
    name = "nonsense"

    def enhance(self, spec):
        return {"env": {"REGION": "nowhere"}}
'''

SHOP = """
[apps.web.apps.api]
command = "sleep 1000"
instances = 2
[apps.plain]
command = "sleep 1000"
plugins = false
"""


def install(site: Path, *plugins: str) -> None:
    """Put what pip would install in a directory."""
    information = site / "supctl_region-1.0.dist-info"
    information.mkdir(parents=True)
    (site / "supctl_region.py").write_text(PACKAGE)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: x\nVersion: 1.0\n")
    announced = "".join(f"{it.lower()} = supctl_region:{it}\n" for it in plugins)
    (information / "entry_points.txt").write_text(f"[supctl.config_plugins]\n{announced}")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory in which commands find packages."""
    path = os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    return tmp_path / "site"


def plugins_of(desk: Desk, address: str) -> list[str]:
    told: list[str] = desk.json("describe", address)["plugins"]
    return told


def planned(desk: Desk) -> dict[str, list[str]]:
    """Return the keys that differ, by address."""
    rows = json.loads(desk.run("plan", "shop", "--json").splitlines()[0])  # the rest is notes
    return {row["address"]: row["keys"] for row in rows if row["will"]}


def test_describe_tells_which_plugin_changed_what(desk: Desk, site: Path) -> None:
    install(site, "Region")
    desk.write(SHOP)
    desk.write("TOKEN=s3cret\n", ".env")
    said = desk.run("start", "shop.toml")
    assert "plugin 'region' changes web.api: sets REGION\n" in said
    told = ["region: sets REGION", "dotenv: sets TOKEN"]
    assert plugins_of(desk, "api:2") == told
    assert plugins_of(desk, "plain") == plugins_of(desk, "shop/web") == []
    shown = desk.run("describe", "api:2")
    assert "  plugin     region: sets REGION\n  plugin     dotenv: sets TOKEN\n" in shown
    assert "s3cret" not in said + shown
    assert desk.json("env", "api:1", "--show")["TOKEN"] == "s3cret"


def test_what_plugins_changed_outlives_the_daemon_and_other_changes(desk: Desk, site: Path) -> None:
    install(site, "Region")
    desk.write(SHOP)
    desk.run("start", "shop.toml")
    with desk.client() as client:
        lost = client.daemon["pid"]
    os.kill(lost, signal.SIGKILL)
    until(lambda: desk.json("daemon", "status")["pid"] != lost)
    desk.run("scale", "api", "3")
    assert plugins_of(desk, "api:3") == ["region: sets REGION"]


def test_only_what_plugins_change_is_a_difference(desk: Desk, site: Path) -> None:
    desk.write(SHOP.replace("plugins = false", "env = { REGION = 'eu-1' }"))
    desk.run("start", "shop.toml")
    install(site, "Region")
    assert planned(desk) == {f"/shop/web/api:{number}": ["env.REGION"] for number in (1, 2)}
    assert re.search(r"env\.REGION.*\n +plugin region: sets REGION\n", desk.run("plan", "shop"))
    desk.run("apply", "shop")
    assert (planned(desk), plugins_of(desk, "api:1")) == ({}, ["region: sets REGION"])
    (site / "supctl_region.py").write_text(PACKAGE.replace('"region"', '"place"'))
    assert planned(desk) == {}
    desk.run("apply", "shop")
    assert plugins_of(desk, "api:1") == ["place: sets REGION"]


def test_plugins_that_fail_are_told_once_and_passed_over(desk: Desk, site: Path) -> None:
    install(site, "Raising", "Hanging", "Nonsense", "Region", "Missing")
    desk.write(SHOP)
    said = desk.run("start", "shop.toml").splitlines()
    assert [it.partition(" passed over")[2] for it in said if "passed over" in it] == [
        ": module 'supctl_region' has no attribute 'Missing'",
        ": it took more than 5 s",
        " for web.api: enhance is {'env': {'REGION': 'nowhere'}}; "
        "wanted an App, such as with_env returns",
        " for web.api: RuntimeError: out of order",
    ]
    assert plugins_of(desk, "api:1") == ["region: sets REGION"]


def test_a_script_finds_the_tools_of_its_directory(desk: Desk) -> None:
    (desk.directory / ".venv" / "bin").mkdir(parents=True)
    desk.write("", ".venv/pyvenv.cfg")
    desk.write("sleep 1000\n", "work.sh")
    desk.run("start", "work", "--script", "work.sh")
    assert plugins_of(desk, "work/work")[0].startswith("venv: PATH begins with ")
