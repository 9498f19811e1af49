"""``watch`` in files: true, paths, or a table."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from supctl.config import ConfigErrors, load
from supctl.specs import App, Sources


def watch_of(folder: Path, said: str) -> Sources | None:
    path = folder / "supctl.toml"
    path.write_text(f'[apps.a]\ncommand = "sleep 60"\nwatch = {said}\n')
    (app,) = load(path).root.children
    assert isinstance(app, App)
    return app.watch


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("false", None),
        ("true", Sources()),
        ('["src", "app.toml"]', Sources(["src", "app.toml"])),
        ('{ paths = "src", debounce = "1s" }', Sources(["src"], debounce=1.0)),
        (
            '{ ignore = ["*.log", "tmp/"], gitignore = false }',
            Sources(ignore=["*.log", "tmp/"], gitignore=False),
        ),
    ],
)
def test_what_it_means(tmp_path: Path, said: str, meant: Sources | None) -> None:
    assert watch_of(tmp_path, said) == meant


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("1", "apps.a.watch is 1; wanted true, a list of paths"),
        ("[]", "apps.a.watch is []; wanted at least one path"),
        ("{ path = 'src' }", "did you mean 'paths'?"),
        ("{ ignore = [1] }", 'apps.a.watch.ignore is [1]; wanted a list of texts, such as ["src"]'),
        ("{ ignore = ['!'] }", "apps.a.watch.ignore[0] is '!'; wanted a pattern as in .gitignore"),
        ("{ gitignore = 'yes' }", "apps.a.watch.gitignore is 'yes'; wanted true or false"),
        ("{ debounce = -1 }", "apps.a.watch.debounce is -1; wanted"),
    ],
)
def test_what_it_cannot_mean(tmp_path: Path, said: str, wanted: str) -> None:
    with pytest.raises(ConfigErrors) as raised:
        watch_of(tmp_path, said)
    assert wanted in str(raised.value)


def test_without_the_library_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pathspec", None)
    from supctl.watching import ignored

    ignored.compiled.cache_clear()
    with pytest.raises(ConfigErrors) as raised:
        watch_of(tmp_path, "true")
    assert "apps.a.watch needs a library that is not installed" in str(raised.value)
    assert "pip install 'supctl[watch]'" in str(raised.value)
