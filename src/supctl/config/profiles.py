"""Profiles: what a file says in one situation only, such as production.

``[profiles.NAME]`` holds the keys of a file, and is merged over it. ``env_NAME`` of an app, or of
``defaults``, is merged over its ``env``, as PM2 does.
"""

from __future__ import annotations

from collections.abc import Iterator

from supctl.errors import InvalidConfig

from .merging import Origins, Tables, merge
from .mistakes import closest
from .reading import join

_PREFIX = "env_"


def choose(tables: Tables, profile: str, origins: Origins) -> Tables:
    """Return what a file says in a profile, without what it says in others.

    Args:
        profile: its name; empty for none.
        origins: gets to know what came from where.

    Raises:
        InvalidConfig: the file has no such profile; names those that it has.
    """
    tables = dict(tables)
    profiles = tables.pop("profiles", {})
    known = {**profiles, **dict.fromkeys(it for _, table in _places(tables) for it in _envs(table))}
    if profile in profiles:
        above = join("profiles", profile)
        tables = merge(tables, profiles[profile], "", lambda it: origins.move(it, f"{above}.{it}"))
    elif profile and profile not in known:
        said = "[profiles.NAME] or env_NAME = {...} in the file, which has neither"
        wanted = f"one of {', '.join(known)}" if known else said
        raise InvalidConfig("profile", profile, wanted, closest(profile, known))
    for place, table in _places(tables):
        _choose_env(table, place, profile, origins)
    return tables


def _choose_env(table: Tables, place: str, profile: str, origins: Origins) -> None:
    forms = {name: table.pop(_PREFIX + name) for name in _envs(table)}
    usual = table.get("env", {})
    if profile in forms and isinstance(usual, dict):
        env, above = join(place, "env"), join(place, _PREFIX + profile)
        table["env"] = merge(
            usual, forms[profile], env, lambda it: origins.move(it, above + it[len(env) :])
        )


def _envs(table: Tables) -> list[str]:
    """Return the names of the profiles for which a table has an environment."""
    keys = (key for key, value in table.items() if isinstance(value, dict) and key != "env_file")
    return [key.removeprefix(_PREFIX) for key in keys if key.startswith(_PREFIX)]


def _places(tables: Tables, place: str = "") -> Iterator[tuple[str, Tables]]:
    """Yield place and table of all that may have environments: programs and ``defaults``."""
    if isinstance(tables.get("defaults"), dict):
        yield join(place, "defaults"), tables["defaults"]
    apps = tables.get("apps")
    for name, table in apps.items() if isinstance(apps, dict) else ():
        if isinstance(table, dict):
            there = join(join(place, "apps"), name)
            if "command" in table:
                yield there, table
            yield from _places(table, there)
