"""Files that hold secrets, as a look at them tells: no text of them is read."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator

from supctl.specs import Supervisor

from .reading import join
from .surroundings import PlaceOf, apps_of


def open_secrets(root: Supervisor, place_of: PlaceOf) -> Iterator[str]:
    """Yield a sentence for each secret of a tree that is not there, or that everybody may read."""
    for path, app in apps_of(root):
        if not app.secrets:
            continue
        place = join(place_of(path), "env")
        owned = (app.instance(number + 1).secrets for number in range(app.instances))
        files = ((name, secret.file) for secrets in owned for name, secret in secrets.items())
        for name, file in dict.fromkeys(files):
            if said := _said_of(file):
                yield f"{join(place, name)} is to come from {file}, which {said}"


def _said_of(file: str) -> str:
    try:
        mode = os.stat(file).st_mode
    except FileNotFoundError:
        return "does not exist: the app cannot start until it does"
    except OSError as error:
        return f"cannot be looked at: {error.strerror}"
    if not stat.S_ISREG(mode):
        return "is no regular file: the app cannot start"
    if mode & stat.S_IROTH:
        return f"everybody may read (chmod o-r {shlex.quote(file)} forbids it)"
    return ""
