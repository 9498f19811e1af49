"""From a copy of the zygote, or a fresh interpreter, to a Python program of its own."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
import types
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

from supctl.errors import ScriptNotGuarded

MAIN_ALIAS: Final = "__mp_main__"
"""The name under which a user's script is imported, as multiprocessing does: not ``__main__``, so
that what its guard protects does not run again."""

LEAVE: Final = b"\n"
"""The first byte that a forked process is sent: it may begin."""

_imports = ""
"""The user's script, while this process imports it."""


def check_guard() -> None:
    """Refuse to start anything while a script is imported here.

    Raises:
        ScriptNotGuarded: it is.
    """
    if _imports:
        raise ScriptNotGuarded(_imports)


def import_all(path: Sequence[str], modules: Sequence[str], script: str | None) -> None:
    """Import what actors need; raises whatever that raises.

    Args:
        path: the ``sys.path`` of the process that we serve.
        modules: to be imported.
        script: the file of its ``__main__``, if that is needed.
    """
    global _imports
    sys.path[:] = path
    for module in modules:
        importlib.import_module(module)
    if script is not None and MAIN_ALIAS not in sys.modules:
        _imports = script
        try:
            _import_script(script)
        finally:
            _imports = ""


def _import_script(script: str) -> None:
    import runpy

    module = types.ModuleType(MAIN_ALIAS)
    sys.modules[MAIN_ALIAS] = sys.modules["__main__"] = module
    sys.argv[:1] = [script]
    module.__dict__.update(runpy.run_path(script, run_name=MAIN_ALIAS))
    module.__file__ = script


def become(entry: str, talk: Sequence[int], output: Sequence[int] = ()) -> NoReturn:
    """Be the program ``entry`` from here on, and end with it.

    Args:
        entry: ``module:function``, called with ``talk``.
        talk: descriptors to read from and to write to, and more if it wants more.
        output: what becomes standard output and standard error; a fresh interpreter has them.
    """
    status = 1
    try:
        if output:
            _wait_for_leave(talk[0])
            _take_output(*output)
        run_place(entry, *talk)
        status = 0
    except SystemExit as error:
        status = _status_of(error)
    except BaseException:  # nothing of the zygote's own code must run on in a copy of it
        traceback.print_exc()
    finally:
        _leave(status)


def be_clean() -> None:
    """Undo what a copy has of the zygote that no fresh interpreter would have."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    random: Any = sys.modules.get("numpy.random")  # Python's own reseeds itself after a fork
    if random is not None:
        random.seed()


def run_place(place: str, *args: Any) -> None:
    """Call the function at ``module:function``."""
    module, _, function = place.partition(":")
    getattr(importlib.import_module(module), function)(*args)


def _wait_for_leave(fd: int) -> None:
    """Wait until the reaper holds us: what we start or how we end must not escape it."""
    if os.read(fd, 1) != LEAVE:
        raise SystemExit(0)  # nobody wants us any more


def _take_output(stdout: int, stderr: int) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    for target, source in enumerate((null, stdout, stderr)):
        os.dup2(source, target)
        os.close(source)


def _status_of(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    print(error.code, file=sys.stderr)
    return 1


def _leave(status: int) -> NoReturn:
    """End without the exit handlers of others: they belong to the process we are a copy of."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def own_script() -> str | None:
    """Return the file of this process's ``__main__``; ``None`` if it has none (a shell, ``-c``)."""
    main = sys.modules.get("__main__")
    if main is None or getattr(main, "__spec__", None) is not None:
        return None  # python -m: its module has a name that can be imported
    file = getattr(main, "__file__", None)
    return str(Path(file).absolute()) if file else None
