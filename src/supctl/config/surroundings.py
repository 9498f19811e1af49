"""What can be known of a tree before it starts, by a look at the file system and the users.

A look is no promise: a program may vanish a moment later. But what is wrong now is said
before anything has started, and all of it at once.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, reduce

from supctl.errors import Unsupported
from supctl.specs import App, ChildSpec, Supervisor
from supctl.specs.instances import used_in

from .mistakes import ConfigErrors, Mistake, closest
from .reading import join

PlaceOf = Callable[[tuple[str, ...]], str]
"""Returns where a child is described, from the names on the way to it."""


def preflight(tree: ChildSpec) -> None:
    """Refuse a tree that was made without a file if its apps could not start here and now.

    Raises:
        ConfigErrors: with everything that is wrong; places are names, ``web.api.cwd``,
            or fields alone if the tree is a single app.
    """
    found = find_mistakes(tree, lambda path: reduce(join, path, ""))
    if found:
        raise ConfigErrors(found)


def find_mistakes(tree: ChildSpec, place_of: PlaceOf, look: Look | None = None) -> list[Mistake]:
    """Return what would keep the apps of a tree from starting here and now.

    Args:
        place_of: where an app is described.
        look: at the system; a new one if left out.
    """
    look = look or Look()
    found = (_mistakes(app, place_of(path), look) for path, app in apps_of(tree))
    return [mistake for those in found for mistake in those]


class Look:
    """One look at the system: each file once, however many apps need it."""

    def __init__(self) -> None:
        self.wrong_directory = cache(_wrong_directory)
        self.wrong_program = cache(_wrong_program)


def apps_of(node: ChildSpec, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], App]]:
    """Yield the apps of a tree, each with the names on the way to it from ``node``, which lies at
    ``path``."""
    match node:
        case App():
            yield path, node
        case Supervisor():
            for child in node.children:
                yield from apps_of(child, (*path, child.name))


def _mistakes(app: App, place: str, look: Look) -> Iterator[Mistake]:
    copies = app.instances if used_in([app.cwd]) else 1
    instances = [app.instance(number) for number in range(1, copies + 1)]
    wrong_cwd = [it for own in instances for it in _cwd(own, place, look)]
    yield from wrong_cwd
    yield from _user(app, place)
    yield from _group(app, place)
    yield from _watch(app, place)
    if not wrong_cwd:  # it says where the program is looked for
        yield from dict.fromkeys(it for own in instances for it in _program(own, place, look))


def _cwd(app: App, place: str, look: Look) -> Iterator[Mistake]:
    wrong, mend = ("", "") if app.cwd is None else look.wrong_directory(app.cwd)
    if wrong:
        yield Mistake(join(place, "cwd"), f"is {app.cwd!r}, which {wrong}", "a directory", mend)


def _wrong_directory(path: str) -> tuple[str, str]:
    """Return why nothing can run there, and what mends it; empty if something can."""
    mode = _mode(path)
    if mode is None:
        return "does not exist", "create it, or correct the path"
    if not stat.S_ISDIR(mode):
        return "is not a directory", "name the directory it lies in"
    return ("", "") if os.access(path, os.X_OK) else ("may not be entered", "check its permissions")


def _watch(app: App, place: str) -> Iterator[Mistake]:
    if app.watch is None:
        return
    from supctl.watching.ignored import is_pattern

    where = join(place, "watch")
    try:
        for number, pattern in enumerate(app.watch.ignore):
            if not is_pattern(pattern):
                wanted = "a pattern as in .gitignore, such as *.log or tmp/"
                yield Mistake(f"{where}.ignore[{number}]", f"is {pattern!r}", wanted)
        is_pattern("")
    except Unsupported as error:
        wanted = "the extra supctl[watch]"
        yield Mistake(where, "needs a library that is not installed", wanted, error.instead)


def _program(app: App, place: str, look: Look) -> Iterator[Mistake]:
    """Look for the program as the reaper will: relative to cwd, along the PATH of its own env."""
    program, base = app.command[0], app.cwd or os.getcwd()
    path = app.environment(os.environ).get("PATH", os.defpath)
    wrong, mend = look.wrong_program(program, base, path)
    if wrong:
        seen = f"starts {program!r}, which {wrong}"
        yield Mistake(join(place, "command"), seen, "a program that can be executed", mend)


def _wrong_program(program: str, base: str, path: str) -> tuple[str, str]:
    if "/" in program:
        wrong, mend = _unusable(os.path.join(base, program))
        return wrong, mend or (
            "check the path" if program.startswith("/") else f"looked for in {base}"
        )
    folders = [os.path.join(base, folder) for folder in path.split(os.pathsep)]
    wrong, mend = _unusable_in(folders, program)
    return wrong, mend or f"its PATH is {path}"


def _unusable_in(folders: list[str], program: str) -> tuple[str, str]:
    """Return why no folder holds the program, and what mends it; empty if one does."""
    paths = [os.path.join(folder, program) for folder in folders]
    paths = [path for path in paths if stat.S_ISREG(_mode(path) or 0)]
    usable = (path for path in paths if os.access(path, os.X_OK))
    path = next(usable, paths[0] if paths else None)
    if path is None:
        return "is in no directory of its PATH", closest(program, _entries(folders))
    return _unusable(path)


def _entries(folders: list[str]) -> Iterator[str]:
    for folder in folders:
        with suppress(OSError):
            yield from os.listdir(folder)


def _unusable(path: str) -> tuple[str, str]:
    """Return what keeps a file from being executed, and what mends it; empty if nothing does."""
    mode = _mode(path)
    if mode is None:
        return "does not exist", ""
    if stat.S_ISDIR(mode):
        return "is a directory", ""
    if not stat.S_ISREG(mode):
        return "is no regular file", ""
    if not os.access(path, os.X_OK):
        return "is not executable", f"chmod +x {shlex.quote(path)}"
    interpreter = _interpreter(path)
    if interpreter and _mode(interpreter) is None:
        return f"asks in its first line for {interpreter!r}, which does not exist", "correct it"
    return "", ""


def _mode(path: str) -> int | None:
    """Return type and permissions of a file; ``None`` where nothing can be reached."""
    try:
        return os.stat(path).st_mode
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return None


def _interpreter(path: str) -> str:
    try:
        with open(path, "rb") as file:
            first = file.readline(256)
    except OSError:  # executable but not readable: the kernel can, we cannot
        return ""
    words = first[2:].strip(b" \t\n").split(b" ", 1) if first.startswith(b"#!") else []
    return os.fsdecode(words[0]) if words else ""


def _user(app: App, place: str) -> Iterator[Mistake]:
    if app.user is None:
        return
    import pwd  # only here, as grp below: not every system has it, and it may load libraries

    where, seen = join(place, "user"), f"is {app.user!r}"
    try:
        number = app.user if isinstance(app.user, int) else pwd.getpwnam(app.user).pw_uid
        pwd.getpwuid(number)
    except (KeyError, ValueError, OverflowError):  # ValueError: a NUL in the name
        names = (entry.pw_name for entry in pwd.getpwall())
        mend = closest(app.user, names) if isinstance(app.user, str) else ""
        yield Mistake(where, f"{seen}, whom this system does not know", "a user", mend)
        return
    if os.geteuid() not in (0, number):
        yield Mistake(where, seen, "yourself, as you are not root", "leave user out, or be root")


def _group(app: App, place: str) -> Iterator[Mistake]:
    if app.group is None:
        return
    import grp

    where, seen = join(place, "group"), f"is {app.group!r}"
    if isinstance(app.group, int):  # the kernel takes any number, named or not
        number = app.group
    else:
        try:
            number = grp.getgrnam(app.group).gr_gid
        except (KeyError, ValueError):
            mend = closest(app.group, (entry.gr_name for entry in grp.getgrall()))
            yield Mistake(where, f"{seen}, which this system does not know", "a group", mend)
            return
    if os.geteuid() != 0 and number != os.getegid():
        mend = "leave group out, or be root"
        yield Mistake(where, seen, "your own group, as you are not root", mend)
