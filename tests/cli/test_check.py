"""``supctl check`` and the command around it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from supctl.cli.errors import exit_status
from supctl.cli.main import main
from supctl.errors import (
    AlreadyRunning,
    GaveUp,
    InvalidConfig,
    StorageFailed,
    SupctlError,
)

Supctl = Callable[..., Result]

TREE = """
[supervisor]
strategy = "rest_for_one"

[apps.db]
command = ["sleep", "1000"]
stop = { signal = "INT", grace = "30s" }

[apps.web]
strategy = "one_for_all"
max_restarts = 3

[apps.web.apps.api]
command = "sleep 60"
cwd = "/"
backoff = { initial = "500ms", maximum = "5s", jitter = "none" }
give_up_after = 10
limits = { memory = "512M", cpu = 0.5, pids = 100 }
instances = 4

[apps.web.apps.mailer]
actor = "shop.workers:Mailer"
restart = "on-failure"

[apps.once]
command = "sh -c 'sleep 1'"
restart = "never"
ready = { delay = "2s" }
health = { http = 8080, path = "/up", interval = "10s" }
"""

SHOWN = """\
supctl.toml (TOML)
root: rest_for_one  [any number of restarts]
├─ db: sleep 1000  [restart always, stop by SIGINT, grace 30 s]
├─ web: one_for_all  [fails after more than 3 restarts within 5 s]
│  ├─ api x4: sleep 60  [restart always, back-off 500 ms to 5 s, x2, jitter none, \
gives up after 10 restarts, memory 512.0 MiB, cpu 0.5, pids 100, in /]
│  └─ mailer: actor shop.workers:Mailer  [restart on-failure]
└─ once: sh -c 'sleep 1'  [restart never, ready when it has run for 2 s, \
healthy while http://127.0.0.1:8080/up answers (every 10 s)]
ok: 3 apps, 1 worker, 2 supervisors
"""


@pytest.fixture
def supctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Supctl:
    """Calls the command in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(main, words)


def test_check_shows_the_tree(supctl: Supctl, tmp_path: Path) -> None:
    (tmp_path / "supctl.toml").write_text(TREE)
    result = supctl("check")
    shown = SHOWN.replace("root:", f"{tmp_path.name}:")  # a tree is called as its directory
    assert (result.stdout, result.stderr, result.exit_code) == (shown, "", 0)


POLICIES = """
[supervisor]
start_failures = "escalate"
stop = { force = "1s" }

[apps.web]
command = ["sleep", "60"]
restart = "unless-stopped"
max_restarts = 3
within = "1m"
exhausted = "keep_trying"
min_uptime = "2s"
stop_exit_codes = [0, 3]
essential = true
"""

POLICIES_SHOWN = """\
supctl.toml (TOML)
root: one_for_one  [any number of restarts, all start or none, stop by SIGTERM, grace 10 s, \
force 1 s]
└─ web: sleep 60  [restart unless-stopped, at most 3 restarts within 60 s, \
then keeps trying, fails if it ends within 2 s, essential, stays ended by code 0, 3, \
stop by SIGTERM, grace 10 s, force 1 s]
ok: 1 app, 1 supervisor
"""


def test_check_shows_policies(supctl: Supctl, tmp_path: Path) -> None:
    (tmp_path / "supctl.toml").write_text(POLICIES)
    shown = POLICIES_SHOWN.replace("root:", f"{tmp_path.name}:")
    assert supctl("check").stdout == shown


def test_check_lays_files_over_each_other_and_a_profile_over_all(
    supctl: Supctl, tmp_path: Path
) -> None:
    (tmp_path / "a.toml").write_text("[apps.web]\ncommand = 'sleep 1'\n")
    over = "[apps.web]\nrestart = 'never'\n[profiles.p.apps.web]\ncommand = 'sleep 2'\n"
    (tmp_path / "b.toml").write_text(over)
    assert "web: sleep 1  [restart never]" in supctl("check", "a.toml", "b.toml").stdout
    chosen = supctl("check", "a.toml", "b.toml", "--profile", "p").stdout
    assert "web: sleep 2  [restart never]" in chosen
    assert supctl("check", "a.toml", "--profile", "p").exit_code == 2


def test_check_shows_notes(supctl: Supctl, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("[apps.a]\ncommand = 'sleep 1 | cat'\n")
    assert "\nnote: apps.a.command holds '|', which reaches the" in supctl("check", "f").stdout


def test_check_says_every_mistake_and_exits_2(supctl: Supctl, tmp_path: Path) -> None:
    (tmp_path / "supctl.toml").write_text("[apps.a]\ncommand = ''\nrestart = 'alwyas'\n")
    result = supctl("check", "supctl.toml")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "supctl: supctl.toml: apps.a.command is ''; wanted a program and its arguments, "
        'such as ["sleep", "60"] or "sleep 60"',
        "supctl: supctl.toml: apps.a.restart is 'alwyas'; wanted one of always, on-failure, "
        "never, unless-stopped (did you mean 'always'?)",
    ]


def test_check_without_a_file(supctl: Supctl) -> None:
    result = supctl("check")
    assert result.exit_code == 2
    assert result.stderr.startswith("supctl: the current directory holds no file for supctl;")


def test_an_unknown_command_is_met_with_a_suggestion(supctl: Supctl) -> None:
    result = supctl("chek")
    assert result.exit_code == 2
    assert "no command is called 'chek' (did you mean 'check'?)" in result.stderr


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidConfig("memory", "x", "a size"), 2),
        (StorageFailed("/logs", 13, "a directory"), 2),
        (AlreadyRunning("/logs"), 2),
        (GaveUp("/", "/a", "crashed", 1, 5.0), 1),
    ],
)
def test_errors_become_sentences_and_an_exit_status(
    monkeypatch: pytest.MonkeyPatch, error: SupctlError, status: int
) -> None:
    @click.command()
    def check() -> None:
        raise error

    monkeypatch.setattr("supctl.cli.check.check", check)
    result = CliRunner().invoke(main, ["check"])
    assert (result.stderr, result.exit_code) == (f"supctl: {error}\n", status)
    assert exit_status(error) == status


def test_an_error_of_no_known_kind_is_no_bad_input() -> None:
    assert exit_status(SupctlError("?")) == 1


def modules_of(*words: str) -> tuple[str, set[str]]:
    """Return the output of ``supctl`` and the modules that were imported for it."""
    command = [sys.executable, "-X", "importtime", "-m", "supctl", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout, {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


@pytest.mark.parametrize("words", [("--help",), ("--version",)])
def test_help_and_version_load_nothing_heavy(words: tuple[str, ...]) -> None:
    stdout, modules = modules_of(*words)
    assert stdout
    assert "click" in modules
    assert not modules & {"trio", "rich", "msgspec", "msgpack", "supctl.specs", "supctl.config"}


def test_check_loads_no_trio(tmp_path: Path) -> None:
    path = tmp_path / "supctl.toml"
    path.write_text(TREE)
    stdout, modules = modules_of("check", str(path))
    assert "ok: 3 apps" in stdout
    assert "supctl.config.loading" in modules
    assert not modules & {"trio", "rich"}


def test_help_names_every_command(supctl: Supctl) -> None:
    result = supctl("--help")
    assert all(f"\n  {name} " in result.stdout for name in ("run", "up", "check"))
