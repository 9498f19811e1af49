"""The errors are one vocabulary, whatever modules they are kept in."""

from __future__ import annotations

import copy
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from supctl import errors
from supctl.errors import ActorDied, InvalidConfig, SupctlError

MODULES = [file.stem for file in Path(errors.__file__).parent.glob("[a-z]*.py")]
KINDS = [kind for name in errors.__all__ if isinstance(kind := getattr(errors, name), type)]


@pytest.mark.parametrize("module", MODULES)
def test_all_that_a_module_defines_is_given_by_the_package(module: str) -> None:
    found = vars(import_module(f"supctl.errors.{module}"))
    defined = {name for name, kind in found.items() if isinstance(kind, type)} - {"Any"}
    assert defined <= set(errors.__all__)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_their_names_do_not_tell_where_they_are_kept(kind: type[Any]) -> None:
    assert issubclass(kind, SupctlError)
    assert f"{kind.__module__}.{kind.__qualname__}" == f"supctl.errors.{kind.__name__}"


def test_what_is_made_of_them_elsewhere_keeps_its_own_place() -> None:
    class OutOfStock(InvalidConfig):
        pass

    assert OutOfStock.__module__ == __name__


def test_a_copy_is_the_same_error() -> None:
    error = ActorDied("/web/api", "exit code 1", "Killed")
    copied = copy.copy(error)
    assert (type(copied), str(copied)) == (ActorDied, str(error))


def test_a_name_that_is_none_of_theirs_is_missed_as_everywhere() -> None:
    with pytest.raises(AttributeError, match=r"'supctl\.errors' has no attribute 'Nonsense'"):
        _ = errors.Nonsense  # type: ignore[attr-defined]
    with pytest.raises(ImportError):
        exec("from supctl.errors import Nonsense")


def test_only_those_are_loaded_that_are_wanted() -> None:
    program = "from supctl.errors import ProtocolError; import sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    ours = {name for name in done.stdout.split() if name.startswith("supctl.errors")}
    assert ours == {"supctl.errors", "supctl.errors.base", "supctl.errors.ipc"}
