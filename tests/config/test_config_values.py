from __future__ import annotations

from typing import Any

import pytest

from supctl.config.environment import inherited
from supctl.config.values import (
    parse_account,
    parse_command,
    parse_env_value,
    parse_inherit_env,
    parse_memory,
    parse_restart,
    parse_rlimit,
    parse_umask,
    shell_word,
)
from supctl.errors import InvalidConfig
from supctl.specs import Restart


@pytest.mark.parametrize(
    ("written", "restart"),
    [
        ("always", Restart.PERMANENT),
        ("permanent", Restart.PERMANENT),
        ("on-failure", Restart.TRANSIENT),
        ("transient", Restart.TRANSIENT),
        ("never", Restart.TEMPORARY),
        ("temporary", Restart.TEMPORARY),
    ],
)
def test_restarts(written: Any, restart: Restart) -> None:
    assert parse_restart("restart", written) is restart


def test_a_restart_that_is_nearly_right_is_suggested() -> None:
    with pytest.raises(InvalidConfig) as caught:
        parse_restart("restart", "alwyas")
    assert str(caught.value) == (
        "restart is 'alwyas'; wanted one of always, on-failure, never, unless-stopped "
        "(did you mean 'always'?)"
    )


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (["sleep", "60"], ("sleep", "60")),
        ("sleep 60", ("sleep", "60")),
        ("a 'b c' \"d\" e\\ f", ("a", "b c", "d", "e f")),
        (["a", ""], ("a", "")),
    ],
)
def test_commands(written: Any, words: tuple[str, ...]) -> None:
    assert parse_command("command", written) == words


@pytest.mark.parametrize(
    "written", ["", "  ", "'", "a \\", "''", [], [""], ["a", 1], ["a", "\0"], "a \0", 3, None, {}]
)
def test_bad_commands_are_refused(written: Any) -> None:
    with pytest.raises(InvalidConfig, match=r"^command(\[1\])? is "):
        parse_command("command", written)


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("a && b", "&&"),
        ("a | b", "|"),
        ("a > /dev/null", ">"),
        ("a 2>&1", "2>&1"),
        ("PORT=1 a", "PORT=1"),
        ("a $HOME", "$HOME"),
        ("a ${X:-1}", "${X:-1}"),
        ("a --x=1 b=2 'c & d' 5$", None),
    ],
)
def test_what_only_a_shell_understands_is_noticed(command: str, word: str | None) -> None:
    assert shell_word(command) == word


@pytest.mark.parametrize(
    ("value", "mend"), [(8080, 'PORT = "8080"'), (True, 'PORT = "true"'), (1.5, 'PORT = "1.5"')]
)
def test_environment_values_are_text_and_the_mend_says_how(value: Any, mend: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        parse_env_value("apps.api.env.PORT", value)
    assert caught.value.mend == f"quote it: {mend}"


@pytest.mark.parametrize(
    ("written", "mask"), [("022", 0o22), ("0o077", 0o77), ("0", 0), ("777", 0o777)]
)
def test_umask(written: Any, mask: int) -> None:
    assert parse_umask("umask", written) == mask


@pytest.mark.parametrize("written", [18, "", "8", "1777", "0x12", True, None])
def test_bad_umask_is_refused(written: Any) -> None:
    with pytest.raises(InvalidConfig, match="octal"):
        parse_umask("umask", written)


@pytest.mark.parametrize(
    ("written", "limits"),
    [
        (1024, (1024, 1024)),
        ([5, 7], (5, 7)),
        ([5, "unlimited"], (5, -1)),
        ("unlimited", (-1, -1)),
        ("8M", (2**23, 2**23)),
    ],
)
def test_rlimits(written: Any, limits: tuple[int, int]) -> None:
    assert parse_rlimit("rlimits.nofile", written) == limits


@pytest.mark.parametrize("written", ["many", -1, [1], [1, 2, 3], [1, "x"], True, None])
def test_bad_rlimits_are_refused(written: Any) -> None:
    with pytest.raises(InvalidConfig, match="unlimited"):
        parse_rlimit("rlimits.nofile", written)


def test_a_memory_limit_without_its_unit_is_noticed() -> None:
    with pytest.raises(InvalidConfig, match='did you mean "512M"'):
        parse_memory("limits.memory", 512)


@pytest.mark.parametrize(
    ("written", "account"), [("www-data", "www-data"), (33, 33), ("33", 33), (0, 0)]
)
def test_accounts(written: Any, account: str | int) -> None:
    assert parse_account("user", written) == account


@pytest.mark.parametrize("written", ["", -1, 2**32 - 1, True, None, 1.5, []])
def test_bad_accounts_are_refused(written: Any) -> None:
    with pytest.raises(InvalidConfig):
        parse_account("user", written)


ENVIRON = {"PATH": "/bin", "LC_TIME": "C", "TERM": "xterm", "AWS_KEY": "k", "AWS_ID": "i"}


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (False, {"PATH", "LC_TIME"}),
        (True, set(ENVIRON)),
        (("TERM", "NOT_SET"), {"PATH", "LC_TIME", "TERM"}),
        (("AWS_*",), {"PATH", "LC_TIME", "AWS_KEY", "AWS_ID"}),
    ],
)
def test_what_is_inherited(wanted: Any, names: set[str]) -> None:
    assert inherited(ENVIRON, wanted).keys() == names


@pytest.mark.parametrize("written", [1, "PATH", "at_start", ["A", 1], None])
def test_bad_inherit_env_is_refused(written: Any) -> None:
    with pytest.raises(InvalidConfig, match="list of names"):
        parse_inherit_env("inherit_env", written)
