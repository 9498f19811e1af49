"""Values that are words or lists: commands, policies, environment values, masks, rlimits.

As in :mod:`.units`, every parser takes the field's name and the value as it was written,
and raises :class:`InvalidConfig` naming it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from supctl.errors import InvalidConfig
from supctl.specs import (
    AutoShutdown,
    ChildSpec,
    Exhausted,
    Jitter,
    Restart,
    Secret,
    Start,
    StartFailures,
    Strategy,
)
from supctl.specs.child import UNLESS_STOPPED
from supctl.specs.dependencies import Condition, read_dependencies

from .environment import Inherit
from .mistakes import closest
from .units import parse_size

T = TypeVar("T")

_RESTARTS: Final[Mapping[str, Restart | str]] = {
    "always": Restart.PERMANENT,
    "on-failure": Restart.TRANSIENT,
    "never": Restart.TEMPORARY,
    UNLESS_STOPPED: UNLESS_STOPPED,
}
_LAST_ID: Final = 2**32 - 2  # the one after it means "nobody in particular" to chown(2)
_UNLIMITED: Final = -1  # as in specs and in resource.RLIM_INFINITY
_PAGE: Final = 4096
"""Bytes; the kernel rounds ``memory.max`` down to pages, and nothing runs in none."""


def parse_restart(field: str, value: object) -> Restart | str:
    """Return the policy called ``always``, ``on-failure`` or ``never`` (or by its OTP name), or
    the word ``unless-stopped``."""
    synonyms: dict[str, Restart | str] = {str(word): word for word in Restart}
    return parse_word(field, value, _RESTARTS, synonyms)


def write_restart(restart: Restart | str) -> str:
    """Return the name of a policy: that of files, not of OTP."""
    return next((word for word, known in _RESTARTS.items() if known == restart), restart)


def restart_word(spec: ChildSpec) -> str:
    """Return what a file says for the restart policy of a child."""
    return write_restart(UNLESS_STOPPED if spec.stays_stopped else spec.restart)


def parse_max_restarts(field: str, value: object) -> int | None:
    """Return a number of restarts, not checked any further; ``None`` for ``"unlimited"``."""
    if value == "unlimited":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise InvalidConfig(field, value, 'a whole number, or "unlimited"')


def write_max_restarts(number: int | None) -> int | str:
    """Return what :func:`parse_max_restarts` reads as ``number``."""
    return "unlimited" if number is None else number


def parse_strategy(field: str, value: object) -> Strategy:
    """Return the strategy of that name; files have no dynamic supervisors."""
    words = {str(word): word for word in Strategy if word is not Strategy.SIMPLE_ONE_FOR_ONE}
    return parse_word(field, value, words)


def parse_auto_shutdown(field: str, value: object) -> AutoShutdown:
    """Return the automatic shutdown of that name."""
    return parse_word(field, value, {str(word): word for word in AutoShutdown})


def parse_start(field: str, value: object) -> Start:
    """Return the way of starting of that name."""
    return parse_word(field, value, {str(word): word for word in Start})


def parse_start_failures(field: str, value: object) -> StartFailures:
    """Return the way of bearing failed starts of that name."""
    return parse_word(field, value, {str(word): word for word in StartFailures})


def parse_exhausted(field: str, value: object) -> Exhausted:
    """Return what follows a used up limit, by its name."""
    return parse_word(field, value, {str(word): word for word in Exhausted})


def parse_depends_on(field: str, value: object) -> Mapping[str, Condition]:
    """Return what is to be with siblings: from a list of those that are to be up, or a table."""
    wanted = 'a list of names, such as ["db"], or a table such as { db = "up", job = "completed" }'
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return read_dependencies(value)
    if not isinstance(value, dict):
        raise InvalidConfig(field, value, wanted)
    words = {str(word): word for word in Condition}
    return MappingProxyType(
        {name: parse_word(f"{field}.{name}", word, words) for name, word in value.items()}
    )


def write_depends_on(conditions: Mapping[str, Condition]) -> list[str] | dict[str, str]:
    """Return what :func:`parse_depends_on` reads so: a list, if all that is asked for is usual."""
    if all(condition is Condition.UP for condition in conditions.values()):
        return list(conditions)
    return {name: str(condition) for name, condition in conditions.items()}


def parse_exit_codes(field: str, value: object) -> tuple[int, ...]:
    """Return exit codes, from a list of them or from one."""
    codes = value if isinstance(value, list) else [value]
    for code in codes:
        if isinstance(code, bool) or not isinstance(code, int) or not 0 <= code <= 255:
            wanted = "exit codes from 0 to 255, such as [0, 3]"
            raise InvalidConfig(field, value, wanted)
    return tuple(codes)


def parse_jitter(field: str, value: object) -> Jitter:
    """Return the jitter of that name."""
    return parse_word(field, value, {str(word): word for word in Jitter})


def parse_word(
    field: str, value: object, words: Mapping[str, T], synonyms: Mapping[str, T] | None = None
) -> T:
    """Return what a word stands for; ``synonyms`` are words that a message does not offer."""
    known = {**words, **(synonyms or {})}
    if isinstance(value, str) and value in known:
        return known[value]
    raise InvalidConfig(field, value, "one of " + ", ".join(words), closest(value, known))


def parse_command(field: str, value: object) -> tuple[str, ...]:
    """Return an argument vector: from a list of words, or text split as a shell would.

    No shell runs it: variables, ``~``, pipes and redirections mean nothing.

    Raises:
        InvalidConfig: it is empty, a quote is not closed, or an element is no text.
    """
    wanted = 'a program and its arguments, such as ["sleep", "60"] or "sleep 60"'
    words: object = value
    if isinstance(value, str):
        try:
            words = shlex.split(value)
        except ValueError as error:  # a quote or a backslash that leads nowhere
            raise InvalidConfig(field, value, wanted, f"{error}".lower()) from None
    if not isinstance(words, list) or not words or not words[0]:
        raise InvalidConfig(field, value, wanted)
    for number, word in enumerate(words):
        if not isinstance(word, str) or "\0" in word:
            mend = f'quote it: "{word}"' if isinstance(word, int | float) else ""
            raise InvalidConfig(f"{field}[{number}]", word, "text without NUL characters", mend)
    return tuple(words)


_SHELL_ONLY: Final = re.compile(r"&&|\|\|?|;|&|[0-9]?[<>].*|\$\(.*|\$\{?[A-Za-z_].*|`.*")
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)


def shell_word(text: str) -> str | None:
    """Return the first word of a command that means something to a shell only, if there is one.

    Such a word is legal, and reaches the program as it is written; hardly anybody wants that.
    """
    words = shlex.split(text)
    if _ASSIGNMENT.fullmatch(words[0]):
        return words[0]
    return next((word for word in words if _SHELL_ONLY.fullmatch(word)), None)


def parse_env_value(field: str, value: object) -> str:
    """Return the text of an environment variable.

    Raises:
        InvalidConfig: for numbers and truth values too: whether ``1.10`` is to be
            ``1.1``, or ``true`` ``True``, is not ours to guess.
    """
    if isinstance(value, str):
        return value
    quoted = str(value).lower() if isinstance(value, bool) else value
    name = field.rpartition(".")[2]
    mend = f'quote it: {name} = "{quoted}"' if isinstance(value, int | float) else ""
    raise InvalidConfig(field, value, "text", mend)


def parse_variable(field: str, value: object) -> str | Secret:
    """Return an environment variable: its text, or the file that has it, ``{ file = "..." }``."""
    if not isinstance(value, dict):
        return parse_env_value(field, value)
    file = value.get("file")
    if value.keys() == {"file"} and isinstance(file, str) and file and "\0" not in file:
        return Secret(file)
    mend = next((near for key in value if key != "file" and (near := closest(key, ["file"]))), "")
    raise InvalidConfig(field, value, 'text, or a file that has it, as { file = "token" }', mend)


def write_variable(value: str | Secret) -> str | dict[str, str]:
    """Return what :func:`parse_variable` reads as ``value``."""
    return {"file": value.file} if isinstance(value, Secret) else value


def parse_include(field: str, value: object) -> list[str]:
    """Return paths, from a list of them or from one."""
    names: list[Any] = value if isinstance(value, list) else [value]
    if all(isinstance(name, str) and name for name in names):
        return names
    raise InvalidConfig(field, value, 'a list of files, such as ["base.toml"]')


def parse_inherit_env(field: str, value: object) -> Inherit:
    """Return what an app inherits of the environment, as :data:`.environment.Inherit`."""
    if isinstance(value, bool) or value == "nothing" or value == "at-start":
        return value
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return tuple(value)
    wanted = 'true, false, "nothing", "at-start", or a list of names such as ["DISPLAY", "AWS_*"]'
    raise InvalidConfig(field, value, wanted)


def parse_umask(field: str, value: object) -> int:
    """Return a file mode mask, from its octal digits as text."""
    if isinstance(value, str) and re.fullmatch(r"(0o)?[0-7]{1,4}", value):
        mask = int(value, 8)
        if mask <= 0o777:
            return mask
    # A number is refused even where it could be read: TOML forbids 022, and 22 is not 022.
    mend = f'quote it: "{value:03}"' if type(value) is int and 0 <= value <= 777 else ""
    raise InvalidConfig(field, value, 'octal digits in quotes, such as "022"', mend)


def write_umask(mask: int) -> str:
    """Return the octal digits of a file mode mask."""
    return f"{mask:03o}"


def parse_memory(field: str, value: object) -> int:
    """Return a memory limit in bytes, one page or more."""
    size = parse_size(field, value)
    if size < _PAGE:
        mend = f'did you mean "{value}M"? a plain number is bytes' if size else ""
        raise InvalidConfig(field, value, "at least one page of memory, 4K", mend)
    return size


def parse_rlimit(field: str, value: object) -> tuple[int, int]:
    """Return a soft and a hard limit: from one value for both, or from a list of two.

    Each is a whole number, a size, or ``"unlimited"`` (-1 in what is returned).
    """
    if isinstance(value, list) and len(value) == 2:
        return _rlimit(field, value[0], value), _rlimit(field, value[1], value)
    limit = _rlimit(field, value, value)
    return limit, limit


def _rlimit(field: str, value: object, whole: object) -> int:
    if value == "unlimited":
        return _UNLIMITED
    try:
        return parse_size(field, value)
    except InvalidConfig:
        wanted = 'a number such as 1024, a size, "unlimited", or a list [soft, hard] of two'
        raise InvalidConfig(field, whole, wanted) from None


def write_rlimit(limits: tuple[int, int]) -> list[int | str]:
    """Return a soft and a hard limit as a list of two."""
    return ["unlimited" if limit == _UNLIMITED else limit for limit in limits]


def parse_account(field: str, value: object) -> str | int:
    """Return a user or group: its name, or its number (also as text, ``"1000"``)."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,10}", value):
        value = int(value)
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LAST_ID:
        return value
    raise InvalidConfig(field, value, f"a name, or a number from 0 to {_LAST_ID}")
