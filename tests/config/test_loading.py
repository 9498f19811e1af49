from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import pytest

from supctl.config import ConfigErrors, Mistake, find_file, load

GOOD = "[apps.a]\ncommand = 'sleep 1'\n"


def test_the_first_known_name_of_a_directory_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Procfile").write_text("")
    assert find_file(tmp_path) == tmp_path / "Procfile"
    (tmp_path / "supctl.toml").write_text(GOOD)
    assert find_file(tmp_path) == tmp_path / "supctl.toml"
    monkeypatch.chdir(tmp_path)
    assert load().source.name == "supctl.toml"


def test_a_directory_without_a_file_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as caught:
        load(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} holds no file for supctl; wanted supctl.toml, or the file of another tool "
        '(ecosystem.config.js, Procfile, ...) ("supctl init" writes one)'
    )


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as caught:
        load(tmp_path / "x.toml")
    assert str(caught.value) == (
        f"{tmp_path}/x.toml: no such file or directory; wanted a file that can be read "
        "(check its name)"
    )


def test_a_file_without_end_is_refused() -> None:
    with pytest.raises(ConfigErrors, match="/dev/zero: is larger than"):
        load("/dev/zero")


def test_the_error_holds_its_mistakes_and_can_be_copied(tmp_path: Path) -> None:
    path = tmp_path / "supctl.toml"
    path.write_text("[apps.a]\nrestart = always\n")
    with pytest.raises(ConfigErrors) as caught:
        load(path)
    error = caught.value
    assert (error.code, error.mistakes) == (
        "invalid_config",
        (
            Mistake(
                place="",
                seen="does not parse: invalid value",
                wanted="TOML",
                mend='put text in quotes: restart = "always"',
                file=str(path),
                line=2,
                column=11,
            ),
        ),
    )
    assert copy.copy(error).mistakes == error.mistakes


def test_config_needs_no_trio() -> None:
    script = "import sys, supctl.config; print({'trio', 'rich', 'click'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "set()\n"
