"""Probes -> ``ready`` and ``health``."""

from __future__ import annotations

import shlex
from typing import Any, Final

from .schema import ExecKeys, HttpKeys, ProbeKeys
from .table import Table

_PERIOD: Final = 10
_TIMEOUT: Final = 1
_FAILURES: Final = 3


def ready_and_health(process: Table, shell: list[str]) -> dict[str, Any]:
    """Return ``ready`` and ``health`` of a process, as far as it has them.

    A readiness probe is asked for as long as the process lives, and ends it: it is both, unless
    there is a liveness probe as well.
    """
    told: dict[str, Any] = {}
    readiness = process.values.get("readiness_probe")
    liveness = process.values.get("liveness_probe")
    if readiness is not None:
        probe = process.below("readiness_probe", ProbeKeys)
        asked = _asked(probe, shell, "ready")
        if asked is not None:
            delay, period, failures, timeout = _rhythm(probe, "health" if not liveness else "ready")
            told["ready"] = {**asked, "timeout": delay + period * failures + timeout}
            rhythm = {"interval": period, "timeout": timeout, "retries": failures}
            told["health"] = {**asked, **rhythm}
    if liveness is not None:
        probe = process.below("liveness_probe", ProbeKeys)
        asked = _asked(probe, shell, "health")
        if asked is not None:
            delay, period, failures, timeout = _rhythm(probe, "health")
            told["health"] = {**asked, "interval": period, "timeout": timeout, "retries": failures}
            if delay:
                told["health"]["start_period"] = delay
    return told


def _rhythm(probe: Table, native: str) -> tuple[int, int, int, int]:
    """Return seconds before the first question and between two, failures, seconds to answer."""
    start = "ready.timeout" if "readiness" in probe.place else "health.start_period"
    later = "" if start != "ready.timeout" else "it is asked at once, and has that much longer"
    delay = probe.take("initial_delay_seconds", start, later) or 0
    period = probe.take("period_seconds", f"{native}.interval") or _PERIOD
    timeout = probe.take("timeout_seconds", f"{native}.timeout") or _TIMEOUT
    failures = probe.take("failure_threshold", f"{native}.retries") or _FAILURES
    probe.leave_out({"success_threshold": "one success is enough, as in process-compose"})
    return delay, period, failures, timeout


def _asked(probe: Table, shell: list[str], native: str) -> dict[str, Any] | None:
    """Return what is asked; ``None`` if that is wrong."""
    if "exec" in probe.values:
        return _exec(probe.below("exec", ExecKeys), shell, native)
    if "http_get" in probe.values:
        return _http(probe.below("http_get", HttpKeys), native)
    reader = probe.found.reader
    reader.wrong(probe.place, "asks for nothing", "exec or http_get")
    return None


def _exec(table: Table, shell: list[str], native: str) -> dict[str, Any] | None:
    command = table.take("command", f"{native}.exec")
    if not command:
        table.found.reader.wrong(table.place, "has no command", "a command for the shell")
        return None
    directory = table.take("working_dir", f"{native}.exec", "the shell goes there first")
    if directory:
        command = f"cd {shlex.quote(directory)} || exit\n{command}"
    return {"exec": [*shell, command]}


def _http(table: Table, native: str) -> dict[str, Any]:
    host = table.take("host", f"{native}.http") or "127.0.0.1"
    scheme = table.take("scheme", f"{native}.http") or "http"
    ports = [table.take(key, f"{native}.http") for key in ("port", "num_port")]
    port = ports[0] or ports[1]
    path = table.take("path", f"{native}.http") or "/"
    table.leave_out({"headers": "supctl sends no headers of one's own"})
    status = table.take("status_code", f"{native}.status")
    path = path if path.startswith("/") else f"/{path}"
    where = f"{scheme}://{host}{f':{port}' if port else ''}{path}"
    return {"http": where, "status": status or 200}
