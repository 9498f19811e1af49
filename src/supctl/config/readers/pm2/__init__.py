"""PM2's process files: ``ecosystem.config.js`` and its kin, as JavaScript, JSON or YAML."""

from __future__ import annotations

import re
from typing import Any, Final

from supctl.config.formats import Source
from supctl.config.imports import Import
from supctl.config.loose import loose_json
from supctl.config.mistakes import ConfigErrors, show
from supctl.config.reading import join
from supctl.config.syntax import YAML_SUFFIXES
from supctl.config.yaml_syntax import parse_yaml

from .app import AppImport
from .attributes import Attributes
from .lifecycle import usual_stop

_JAVASCRIPT: Final = (".js", ".cjs", ".mjs")
_CALLED: Final = re.compile(r"(ecosystem|pm2)\b|process\.|apps\.config\.")
"""Names that are PM2's; others may be anybody's."""

_MENTIONS: Final = re.compile(rb"\b(script|exec|cmd|command)\b")
_APPS: Final = re.compile(rb"""\b(apps|pm2)["']?\s*[:=]\s*[-\[]""")
_SCRIPTS: Final = re.compile(rb"""\b(script|exec)["']?\s*:""")

_SCRIPT: Final = ("script", "exec", "cmd", "command")

_ROOT: Final = {"start": "concurrent", "stop": usual_stop()}
"""PM2 knows no order, and no app waits for another one."""

_ENVIRONMENT_NOTE: Final = (
    "apps inherit the whole environment, as under PM2; inherit_env = false keeps it from them"
)

_WANTED: Final = "{apps: [{script: ...}]}, a list of apps, or one app"


def claims(source: Source) -> bool:
    """Return whether a file is PM2's: by its name and what it mentions, as it is not evaluated."""
    if _CALLED.match(source.path.name):
        return bool(_MENTIONS.search(source.content))
    return bool(_APPS.search(source.content) and _SCRIPTS.search(source.content))


def read(source: Source, found: Import) -> None:
    """Fill ``found`` with what the file describes, as far as it can be understood."""
    fill(values(source), source, found)


def fill(exported: object, source: Source, found: Import, within: str = "") -> None:
    """Fill ``found`` with what PM2 makes of a value.

    Args:
        within: where the value stands in the file.
    """
    apps = list(_apps(exported, found, within))
    if not apps:
        found.reader.wrong(within, f"is {show(exported)} without apps", _WANTED)
        return
    found.reader.notes.append(_ENVIRONMENT_NOTE)
    deployed = _deployed(exported, source.profile)
    tables: dict[str, Any] = {}
    for place, app in apps:
        start = len(found.remarks)
        said = Attributes(app, place, found)
        if not said.get("script"):
            if not any(app.get(key) for key in _SCRIPT):
                found.reader.wrong(place, "has no script", "a script in every app")
            continue
        importing = AppImport(said, source, found, deployed)
        name = _name(said, source, found)
        tables[name] = importing.table(name)
        _in_order(found, start, place, app)
    _note_profile(source.profile, [app for _, app in apps], found)
    if tables:
        found.document = {"supervisor": _ROOT, "apps": tables}


def values(source: Source) -> Any:
    """Return what a file holds: as it stands there if it is plain, else evaluated.

    Raises:
        ConfigErrors: it does not parse, or cannot be evaluated.
    """
    if source.path.suffix in YAML_SUFFIXES:
        return parse_yaml(source.content, str(source.path))
    is_program = source.path.suffix in _JAVASCRIPT
    try:
        return loose_json(source, exported=is_program)
    except ConfigErrors:
        if not is_program:
            raise
    from supctl.config.javascript.evaluation import evaluate

    return evaluate(source.path, source.environ, source.profile)


def _apps(exported: object, found: Import, within: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the apps of a file, each with its place."""
    place, apps = within, exported
    if isinstance(exported, dict):
        key = next((key for key in ("apps", "pm2") if exported.get(key)), "")
        if key:
            place, apps = join(within, key), exported[key]
            _beside(exported, key, found, within)
        elif not any(exported.get(key) for key in _SCRIPT):
            return []
    if isinstance(apps, dict):
        return [(place, apps)]
    listed = apps if isinstance(apps, list) else []
    tables = []
    for number, app in enumerate(listed):
        if isinstance(app, dict):
            tables.append((f"{place}[{number}]", app))
        else:
            found.reader.wrong(f"{place}[{number}]", f"is {show(app)}", "a table of attributes")
    return tables


def _beside(exported: dict[str, Any], apps: str, found: Import, within: str) -> None:
    for key in exported:
        detail = "PM2 heeds nothing beside apps; say it in every app"
        if key == "deploy":
            detail = "supctl deploys nothing"
        elif key == "static":
            detail = "supctl has no server for files; name one as an app"
        if key != apps:
            found.leave_out(join(within, key), detail)


def _deployed(exported: object, profile: str) -> dict[str, Any]:
    """Return the variables that ``deploy`` has for a profile."""
    value = exported
    for key in ("deploy", profile, "env"):
        value = value.get(key) if isinstance(value, dict) and key else None
    return value if isinstance(value, dict) else {}


def _note_profile(profile: str, apps: list[dict[str, Any]], found: Import) -> None:
    """Note a profile that no app has; PM2 only warns of it, too."""
    if profile and not any(f"env_{profile}" in app for app in apps):
        known = dict.fromkeys(key for app in apps for key in app if key.startswith("env_"))
        has = ", ".join(known) or "nothing of the kind"
        found.reader.notes.append(f"no app has env_{profile}; the file has {has}")


def _name(said: Attributes, source: Source, found: Import) -> str:
    """Return the name of an app: by default that of its script, without its ending."""
    name = said.get("name")
    if not name:
        base = said.get("script").rpartition("/")[2]
        name = base[: base.rfind(".")] if base.rfind(".") > 0 else base
    if said.get("append_env_to_name") and source.profile:
        name = f"{name}-{source.profile}"
    made = found.name(name, said.place("name") or "the app")
    said.map("append_env_to_name", join("apps", made))
    return made


def _in_order(found: Import, start: int, place: str, app: dict[str, Any]) -> None:
    """Put the remarks on an app into the order of the file."""
    order = {join(place, key): number for number, key in enumerate(app)}
    found.remarks[start:] = sorted(found.remarks[start:], key=lambda it: order.get(it.place, -1))
