"""The keys of ``process-compose.yaml``, as its program reads them.

Its YAML library takes a number for text (``port: 8080``), and so do we.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, TypedDict

from supctl.config.reading import By
from supctl.config.values import parse_word
from supctl.errors import InvalidConfig

CONDITIONS = (
    "process_started",
    "process_healthy",
    "process_log_ready",
    "process_completed",
    "process_completed_successfully",
)
_RESTARTS = ("no", "on_failure", "always", "exit_on_failure")
_LONGEST = 10**9


def parse_text(field: str, value: object) -> str:
    """Return text, also from a number or a truth value. Raises InvalidConfig."""
    match value:
        case str() if "\0" not in value:
            return value
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
    raise InvalidConfig(field, value, "text")


def parse_count(field: str, value: object) -> int:
    """Return a whole number from 0 on, also from its digits. Raises InvalidConfig."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LONGEST:
        return value
    raise InvalidConfig(field, value, "a whole number, 0 or more")


def parse_flag(field: str, value: object) -> bool:
    """Return a truth value, also from its word. Raises InvalidConfig."""
    return parse_word(field, str(value).lower(), {"true": True, "false": False})


def parse_texts(field: str, value: object) -> list[str]:
    """Return a list of texts, also from one. Raises InvalidConfig."""
    items = value if isinstance(value, list) else [value]
    return [parse_text(f"{field}[{number}]", item) for number, item in enumerate(items)]


def parse_variables(field: str, value: object) -> dict[str, str]:
    """Return variables: from a list of ``NAME=value``, or a table. Raises InvalidConfig."""
    if isinstance(value, dict):
        return {name: parse_text(f"{field}.{name}", item) for name, item in value.items()}
    wanted = "a list of NAME=value"
    if not isinstance(value, list):
        raise InvalidConfig(field, value, wanted)
    variables = {}
    for number, item in enumerate(value):
        name, sign, text = parse_text(f"{field}[{number}]", item).partition("=")
        if not name or not sign:
            raise InvalidConfig(f"{field}[{number}]", item, "NAME=value")
        variables[name] = text
    return variables


def parse_restart(field: str, value: object) -> str:
    """Return a restart policy by its name. Raises InvalidConfig."""
    value = "no" if value is False or value == "" else value  # what YAML 1.1 makes of no
    return parse_word(field, value, {word: word for word in _RESTARTS})


def parse_condition(field: str, value: object) -> str:
    """Return a condition of ``depends_on`` by its name. Raises InvalidConfig."""
    return parse_word(field, value, {word: word for word in CONDITIONS})


Text: TypeAlias = Annotated[str, By(parse_text)]
Texts: TypeAlias = Annotated[list[str], By(parse_texts)]
Count: TypeAlias = Annotated[int, By(parse_count)]
Flag: TypeAlias = Annotated[bool, By(parse_flag)]
Variables: TypeAlias = Annotated[dict[str, str], By(parse_variables)]


class ExecKeys(TypedDict, total=False):
    """``exec`` of a probe."""

    command: Text
    working_dir: Text


class HttpKeys(TypedDict, total=False):
    """``http_get`` of a probe."""

    host: Text
    scheme: Text
    port: Text
    num_port: Count
    path: Text
    headers: Any
    status_code: Count


class ProbeKeys(TypedDict, total=False):
    """``readiness_probe`` and ``liveness_probe``."""

    exec: Any
    http_get: Any
    initial_delay_seconds: Count
    period_seconds: Count
    timeout_seconds: Count
    success_threshold: Count
    failure_threshold: Count


class AvailabilityKeys(TypedDict, total=False):
    """``availability``: what follows the end of a process."""

    restart: Annotated[str, By(parse_restart)]
    backoff_seconds: Count
    max_restarts: Count
    exit_on_end: Flag
    exit_on_skipped: Flag


class DependencyKeys(TypedDict, total=False):
    """One element of ``depends_on``."""

    condition: Annotated[str, By(parse_condition)]


class ShutdownKeys(TypedDict, total=False):
    """``shutdown``: how a process is asked to stop."""

    command: Text
    timeout_seconds: Count
    signal: Count
    parent_only: Flag
    send_keys: Any


class RotationKeys(TypedDict, total=False):
    """``rotation`` of log files."""

    max_size_mb: Count
    max_age_days: Count
    max_backups: Count
    compress: Flag


class LoggerKeys(TypedDict, total=False):
    """``log_configuration``."""

    rotation: Any
    fields_order: Any
    disable_json: Flag
    timestamp_format: Text
    no_metadata: Flag
    add_timestamp: Flag
    no_color: Flag
    flush_each_line: Flag


class ShellKeys(TypedDict, total=False):
    """``shell``: what runs commands."""

    shell_command: Text
    shell_argument: Text
    elevated_shell_command: Text
    elevated_shell_argument: Text


class ProcessKeys(TypedDict, total=False):
    """One element of ``processes``."""

    command: Text
    entrypoint: Texts
    working_dir: Text
    environment: Variables
    env_file: Text
    is_dotenv_disabled: Flag
    availability: Any
    depends_on: Any
    readiness_probe: Any
    liveness_probe: Any
    ready_log_line: Text
    shutdown: Any
    success_exit_codes: Any
    replicas: Count
    namespace: Texts
    disabled: Flag
    is_disabled: Flag
    is_daemon: Flag
    launch_timeout_seconds: Count
    is_foreground: Flag
    log_location: Text
    log_configuration: Any
    vars: Any
    is_template_disabled: Flag
    description: Text
    extends: Any
    is_tty: Flag
    is_interactive: Flag
    is_elevated: Flag
    disable_ansi_colors: Flag
    truncate_log: Flag
    schedule: Any
    watch: Any
    monitor_for: Any
    monitor_silence_threshold: Any
    mcp: Any


class ProjectKeys(TypedDict, total=False):
    """The file itself."""

    processes: Any
    environment: Variables
    shell: Any
    vars: Any
    log_location: Text
    log_configuration: Any
    disable_env_expansion: Flag
    is_strict: Flag
    extends: Text
    version: Text
    name: Text
    log_level: Text
    log_length: Count
    log_format: Text
    env_cmds: Any
    is_tui_disabled: Flag
    ordered_shutdown: Flag
    mcp_server: Any
