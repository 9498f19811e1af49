"""Have plugins change the apps of a tree, and note what each changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from supctl.config.mistakes import ConfigErrors
from supctl.config.surroundings import Look, apps_of, find_mistakes
from supctl.errors import InvalidConfig, SupctlError
from supctl.specs import App, ChildSpec, Supervisor
from supctl.specs.supervisor import with_children

from .differences import differences
from .plugin import ConfigurationPlugin, remade
from .time_limit import TookTooLong, within

Path: TypeAlias = tuple[str, ...]
"""Names on the way to an app."""

_FIXED = ("name", "depends_on", "significant")
"""Fields that tie an app to its siblings and its supervisor: no single app can change them."""

_TOLD = 3
"""How many apps are told by name where many are meant."""


@dataclass(frozen=True, slots=True)
class Enhancement:
    """What a plugin changed.

    Args:
        plugin: its name.
        changes: a phrase each: ``"PATH begins with /srv/.venv/bin"``, ``"sets VIRTUAL_ENV"``.
            Values of variables other than PATH are not shown: they may be secret.
        paths: of the apps that it changed so.
    """

    plugin: str
    changes: tuple[str, ...]
    paths: tuple[Path, ...]

    def __str__(self) -> str:
        return f"plugin {self.plugin!r} changes {_names(self.paths)}: {', '.join(self.changes)}"


class Enhancer:
    """Has plugins change the apps of a tree, and trusts none.

    Args:
        failures: gets a sentence for each plugin that is passed over; what it was for is as if it
            were not there.
        look: at the system, on which apps must be able to start.
        patience: seconds that each may take for a whole tree.
    """

    def __init__(self, failures: list[str], look: Look, patience: float) -> None:
        self._failures, self._look, self._patience = failures, look, patience

    def enhance(
        self,
        root: Supervisor,
        plugins: Iterable[ConfigurationPlugin],
        wants: Callable[[Path, str], bool],
    ) -> tuple[Supervisor, tuple[Enhancement, ...]]:
        """Return a tree as plugins want it, and what they changed.

        Apps that take over the environment when they start are not shown to them: theirs is
        unknown.

        Args:
            plugins: in their order.
            wants: returns whether an app wants a plugin, of that name.
        """
        apps = {path: app for path, app in apps_of(root) if app.env is not None}
        changed_so: defaultdict[tuple[str, tuple[str, ...]], list[Path]] = defaultdict(list)
        for plugin in plugins:
            mine = {path: app for path, app in apps.items() if wants(path, plugin.name)}
            for path, app in self._ask(plugin, mine).items():
                if changes := tuple(differences(apps[path], app)):
                    changed_so[plugin.name, changes].append(path)
                    apps[path] = app
        enhancements = (Enhancement(*it, tuple(paths)) for it, paths in changed_so.items())
        return (_rebuilt(root, (), apps) if changed_so else root), tuple(enhancements)

    def _ask(self, plugin: ConfigurationPlugin, apps: Mapping[Path, App]) -> dict[Path, App]:
        """Return the apps that a plugin changes."""
        failed: defaultdict[str, list[Path]] = defaultdict(list)

        def ask() -> dict[Path, App]:
            changed = {}
            for path, app in apps.items():
                try:
                    if plugin.is_applicable(app):
                        changed[path] = self._checked(app, plugin.enhance(app))
                except Exception as error:
                    failed[_reason(error)].append(path)
            return changed

        passed_over = f"plugin {plugin.name!r} is passed over"
        try:
            changed = within(self._patience, ask) if apps else {}
        except (TookTooLong, RuntimeError) as error:
            self._failures.append(f"{passed_over}: {error}")
            return {}
        self._failures += (f"{passed_over} for {_names(it)}: {why}" for why, it in failed.items())
        return changed

    def _checked(self, before: App, after: object) -> App:
        """Return what a plugin made of an app, if it can be used."""
        if type(after) is not App:
            raise InvalidConfig("enhance", after, "an App, such as with_env returns")
        if after.env is None:
            raise InvalidConfig("env", None, "the variables of the app")
        for field in _FIXED:
            if getattr(after, field) != getattr(before, field):
                wanted = f"{getattr(before, field)!r}, as before"
                raise InvalidConfig(field, getattr(after, field), wanted)
        made = remade(after)
        wrong = find_mistakes(made, _nowhere, self._look)
        if wrong and not find_mistakes(before, _nowhere, self._look):
            raise ConfigErrors(wrong)
        return made


def _nowhere(path: Path) -> str:
    """Return where an app by itself is described."""
    return ""


def _reason(error: Exception) -> str:
    speaks = isinstance(error, SupctlError | OSError)
    told = str(error) if speaks else f"{type(error).__name__}: {error}"
    return told.partition("\n")[0]


def _names(paths: Iterable[Path]) -> str:
    """Return apps for people: ``"web.api, db"``, ``"a0, a1, a2 and 997 more"``."""
    names = [".".join(path) for path in paths]
    told = ", ".join(names[:_TOLD])
    return f"{told} and {len(names) - _TOLD} more" if len(names) > _TOLD else told


def _rebuilt(node: Supervisor, path: Path, apps: Mapping[Path, App]) -> Supervisor:
    def child(it: ChildSpec) -> ChildSpec:
        below = (*path, it.name)
        return _rebuilt(it, below, apps) if isinstance(it, Supervisor) else apps.get(below, it)

    return with_children(node, map(child, node.children))
