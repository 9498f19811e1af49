from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from supctl.config import LoadedTree, load
from supctl.config.plugins import ConfigurationPlugin, fitting, register, unregister, with_env
from supctl.errors import InvalidConfig
from supctl.specs import App

ENVIRON = {"PATH": "/usr/bin:/bin", "HOME": "/nowhere"}


class Greeting:
    """Sets one variable, for every app."""

    def __init__(self, name: str = "greeting", priority: int = 0, value: str = "hello") -> None:
        self.name, self.priority, self.value = name, priority, value

    def is_applicable(self, spec: App) -> bool:
        return True

    def enhance(self, spec: App) -> App:
        return with_env(spec, {"GREETING": self.value})


@pytest.fixture
def registered() -> Iterator[list[ConfigurationPlugin]]:
    """Yield a list of plugins that are to be unregistered."""
    plugins: list[ConfigurationPlugin] = []
    yield plugins
    for plugin in plugins:
        unregister(plugin.name)


def loaded(directory: Path, text: str = "", app: str = "") -> LoadedTree:
    file = directory / "supctl.toml"
    file.write_text(text or f"[apps.a]\ncommand = 'sleep 1'\n{app}")
    return load(file, ENVIRON)


def app_of(tree: LoadedTree) -> App:
    child = tree.root.children[0]
    assert isinstance(child, App)
    return child


def env_of(tree: LoadedTree) -> dict[str, str]:
    return app_of(tree).environment({})


def add(registered: list[ConfigurationPlugin], *plugins: ConfigurationPlugin) -> None:
    for plugin in plugins:
        register(plugin)
        registered.append(plugin)


def test_a_registered_plugin_changes_apps_at_any_depth_and_says_what(
    tmp_path: Path, registered: list[ConfigurationPlugin]
) -> None:
    add(registered, Greeting())
    tree = loaded(tmp_path, "[apps.web.apps.api]\ncommand = 'sleep 1'\n")
    assert [str(it) for it in tree.enhancements] == [
        "plugin 'greeting' changes web.api: sets GREETING"
    ]
    assert "GREETING" not in str(tree.document)


def test_the_last_priority_has_the_last_word_and_ties_go_by_name(
    tmp_path: Path, registered: list[ConfigurationPlugin]
) -> None:
    add(registered, Greeting("z", 1, "z"), Greeting("b", 2, "b"), Greeting("a", 2, "a"))
    tree = loaded(tmp_path)
    assert [it.plugin for it in tree.enhancements] == ["z", "a", "b"]
    assert env_of(tree)["GREETING"] == "b"


@pytest.mark.parametrize("text", ["plugins = false", "[defaults]\nplugins = false"])
def test_an_app_and_a_file_can_do_without(
    tmp_path: Path, registered: list[ConfigurationPlugin], text: str
) -> None:
    add(registered, Greeting())
    tree = loaded(tmp_path, app=text)
    assert (tree.enhancements, "GREETING" in env_of(tree)) == ((), False)


def test_profiles_and_files_over_it_decide_as_well(
    tmp_path: Path, registered: list[ConfigurationPlugin]
) -> None:
    add(registered, Greeting())
    file, over = tmp_path / "supctl.toml", tmp_path / "over.toml"
    file.write_text("[apps.a]\ncommand = 'sleep 1'\n[profiles.bare.apps.a]\nplugins = false\n")
    over.write_text("[apps.a]\nplugins = false\n")
    assert [it.plugin for it in load(file, ENVIRON).enhancements] == ["greeting"]
    assert load(file, ENVIRON, profile="bare").enhancements == ()
    assert load(file, ENVIRON, over=[over]).enhancements == ()


def test_an_app_can_want_plugins_where_the_file_does_without(
    tmp_path: Path, registered: list[ConfigurationPlugin]
) -> None:
    add(registered, Greeting())
    tree = loaded(tmp_path, app="plugins = true\n[defaults]\nplugins = false")
    assert env_of(tree)["GREETING"] == "hello"


@pytest.mark.parametrize(("inherit_env", "env"), [("at-start", None), ("nothing", {})])
def test_an_environment_that_is_meant_to_be_exact_is_left_alone(
    tmp_path: Path,
    registered: list[ConfigurationPlugin],
    inherit_env: str,
    env: dict[str, str] | None,
) -> None:
    add(registered, Greeting())
    tree = loaded(tmp_path, app=f"inherit_env = '{inherit_env}'")
    assert (app_of(tree).env, tree.advice) == (env, ())


def test_reading_without_starting_asks_no_plugin(
    tmp_path: Path, registered: list[ConfigurationPlugin]
) -> None:
    add(registered, Greeting())
    (tmp_path / "supctl.toml").write_text("[apps.a]\ncommand = 'sleep 1'\n")
    assert load(tmp_path, ENVIRON, to_run_here=False).enhancements == ()


class Raises(Greeting):
    def is_applicable(self, spec: App) -> bool:
        raise ValueError("no idea")


class Exits(Greeting):
    def enhance(self, spec: App) -> App:
        sys.exit(3)


class Nonsense(Greeting):
    def enhance(self, spec: App) -> App:
        return 7  # type: ignore[return-value]


class Renames(Greeting):
    def enhance(self, spec: App) -> App:
        return App("other", spec.command, env=spec.env)


class Hides(Greeting):
    """Leaves no directory in which the program would be found."""

    def enhance(self, spec: App) -> App:
        return with_env(spec, {"PATH": "/nowhere"})


class Breaks(Greeting):
    def enhance(self, spec: App) -> App:
        broken = with_env(spec, {})
        object.__setattr__(broken, "umask", 99999)
        return broken


@pytest.mark.parametrize(
    ("plugin", "reason"),
    [
        (Raises(), "'greeting' is passed over for a: ValueError: no idea"),
        (Exits(), "'greeting' is passed over: it raised SystemExit(3)"),
        (Nonsense(), "'greeting' is passed over for a: enhance is 7"),
        (Renames(), "'greeting' is passed over for a: name is 'other'"),
        (Hides(), "'greeting' is passed over for a: command starts 'sleep', which is in no"),
        (Breaks(), "'greeting' is passed over for a: umask is 99999"),
    ],
    ids=lambda it: type(it).__name__,
)
def test_what_fails_is_told_and_passed_over(
    tmp_path: Path, registered: list[ConfigurationPlugin], plugin: Greeting, reason: str
) -> None:
    without = app_of(loaded(tmp_path))
    add(registered, plugin)
    tree = loaded(tmp_path)
    (note,) = tree.failures
    assert reason in note
    assert (app_of(tree), tree.enhancements) == (without, ())


def test_a_failure_with_many_apps_is_one_note(
    tmp_path: Path, registered: list[ConfigurationPlugin]
) -> None:
    add(registered, Raises())
    tree = loaded(tmp_path, "".join(f"[apps.a{n}]\ncommand = 'sleep 1'\n" for n in range(5)))
    (note,) = tree.failures
    assert "for a0, a1, a2 and 2 more: ValueError" in note


class Hangs(Greeting):
    def __init__(self) -> None:
        super().__init__()
        self.end, self.thread = threading.Event(), threading.current_thread()

    def enhance(self, spec: App) -> App:
        self.thread = threading.current_thread()
        self.end.wait()
        return spec


def test_what_hangs_is_left_behind(
    tmp_path: Path, registered: list[ConfigurationPlugin], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitting, "_PATIENCE", 0.2)
    plugin = Hangs()
    add(registered, plugin, Greeting("next", 1))
    tree = loaded(tmp_path)
    plugin.end.set()
    plugin.thread.join()
    assert tree.failures == ("plugin 'greeting' is passed over: it took more than 0.2 s",)
    assert [it.plugin for it in tree.enhancements] == ["next"]


@pytest.mark.parametrize("plugin", [7, Greeting, Greeting(name=7)])  # type: ignore[arg-type]
def test_only_plugins_can_be_registered(plugin: ConfigurationPlugin) -> None:
    with pytest.raises(InvalidConfig, match="ConfigurationPlugin"):
        register(plugin)


PACKAGE = '''
from supctl.config.plugins import with_env

class Region:
    """Tells every app where it runs."""

    name, priority = "region", 5

    def is_applicable(self, spec):
        return "REGION" not in spec.env

    def enhance(self, spec):
        return with_env(spec, {"REGION": "eu-1"})

ready_made = Region()
'''


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory of packages, with one of plugins in it."""
    site = tmp_path / "site"
    information = site / "supctl_region-1.0.dist-info"
    information.mkdir(parents=True)
    (site / "supctl_region.py").write_text(PACKAGE)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: x\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "supctl_region", raising=False)
    return information / "entry_points.txt"


@pytest.mark.parametrize("name", ["Region", "ready_made"])
def test_an_installed_package_brings_a_plugin(tmp_path: Path, site: Path, name: str) -> None:
    site.write_text(f"[supctl.config_plugins]\nregion = supctl_region:{name}\n")
    assert env_of(loaded(tmp_path))["REGION"] == "eu-1"
    assert env_of(loaded(tmp_path, app="env = { REGION = 'us' }"))["REGION"] == "us"


def test_a_package_that_cannot_be_imported_is_told(tmp_path: Path, site: Path) -> None:
    site.write_text("[supctl.config_plugins]\nregion = supctl_region:Gone\n")
    (note,) = loaded(tmp_path).failures
    assert note.startswith("plugin 'region' (supctl_region:Gone) is passed over: ")
