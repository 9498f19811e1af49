"""``supctl doctor``: what it looks at, and what it says of what is missing."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path

import pytest
from click.testing import CliRunner

from supctl.backends import checkup
from supctl.backends.checkup import Verdict
from supctl.cli.main import main


def examined(status: int = 0) -> dict[str, dict[str, str]]:
    done = CliRunner().invoke(main, ["doctor", "--json"])
    assert done.exit_code == status, done.output
    return {finding["what"]: finding for finding in json.loads(done.output)}


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    monkeypatch.setenv("SUPCTL_HOME", str(tmp_path / "home"))
    return tmp_path


def test_all_that_is_needed_is_here_where_tests_run() -> None:
    found = examined()
    assert {"pidfd", "subreaper", "cgroups", "namespaces", "descriptors", "daemon"} <= found.keys()
    assert all(it["mend"] for it in found.values() if it["verdict"] != "good")
    assert not any(it["mend"] for it in found.values() if it["verdict"] == "good")
    assert "none runs" in found["daemon"]["seen"]


def test_people_see_a_line_for_each() -> None:
    lines = CliRunner().invoke(main, ["doctor"]).output.splitlines()
    assert any(line.startswith("ok      pidfd") for line in lines)
    assert max(map(len, lines)) < 200


def test_what_cannot_be_done_without_makes_it_fail(home: Path) -> None:
    (home / "home").write_text("")  # no directory
    found = examined(status=1)
    assert found["state"]["verdict"] == "bad"
    assert "SUPCTL_HOME" in found["state"]["mend"]


def test_a_home_that_is_no_path_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPCTL_HOME", "not/absolute")
    assert "an absolute path" in examined(status=1)["SUPCTL_HOME"]["seen"]


def test_a_runtime_directory_of_somebody_else_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    found = checkup._runtime_directory()
    assert found.verdict is Verdict.BAD
    assert "another user's" in found.mend


@pytest.mark.parametrize(
    ("hard", "verdict"), [(50, Verdict.BAD), (1024, Verdict.LIMITED), (65536, Verdict.GOOD)]
)
def test_descriptors_are_counted_in_programs(
    monkeypatch: pytest.MonkeyPatch, hard: int, verdict: Verdict
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (hard, hard))
    assert checkup._descriptors().verdict is verdict


def test_a_kernel_without_pidfd_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    found = examined(status=1)["pidfd"]
    assert found["seen"] == "no: Function not implemented"
    assert "Linux 5.3" in found["mend"]
