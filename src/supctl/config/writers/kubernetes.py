"""Manifests for Kubernetes: a Deployment for every app, or a Job for one that ends."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from supctl.config.exports import Export, Program, whole
from supctl.config.reading import join
from supctl.config.yaml_writing import yaml_text
from supctl.specs import Exec, Health, Http, Probe, Ready, Restart, Tcp

TOOL: Final = "Kubernetes"

_REASONS: Final = {
    "depends_on": "pods start in no order; a program has to wait for what it needs",
    "backoff": "Kubernetes waits 10 s, twice as long each time, 5 minutes at most",
    "give_up_after": "Kubernetes never gives up",
    "max_restarts": "Kubernetes never gives up",
    "within": "Kubernetes never gives up",
    "exhausted": "Kubernetes never gives up",
    "stop.signal": "Kubernetes asks by SIGTERM, or by what the image says (STOPSIGNAL)",
    "log": "the cluster stores output in its own way",
    "rlimits": "a container has those of its runtime",
    "ready": "Kubernetes asks by httpGet, tcpSocket and exec only",
    "health": "Kubernetes asks by httpGet, tcpSocket and exec only",
}
_LOCAL: Final = ("127.0.0.1", "localhost", "::1", "0.0.0.0")


def write(programs: list[Program], export: Export) -> None:
    """Fill ``export`` with a manifest for every app."""
    for program in programs:
        name = _name(program)
        image = f"{name}:latest"
        detail = f"no image is known: {image} stands for the one that holds the program"
        export.change(f"{program.place}.command", "image", detail)
        export.files[f"{name}.yaml"] = yaml_text(_manifest(program, name, image))
        program.finish(_REASONS)


def _name(program: Program) -> str:
    """Return a name as of RFC 1123: small letters, digits, dashes."""
    name = re.sub(r"[^a-z0-9-]+", "-", program.name.lower()).strip("-")[:63].rstrip("-") or "app"
    if name != program.name:
        program.export.change(program.place, name, "names hold small letters, digits and - only")
    return name


def _manifest(program: Program, name: str, image: str) -> dict[str, Any]:
    app = program.app
    program.take("restart", "instances", "autostart", "tags")
    program.change("stays_stopped", "replicas", "what is scaled to 0 stays so")
    labels = {"app": name, **{f"supctl.tag/{tag}": "true" for tag in app.tags}}
    pod: dict[str, Any] = {
        "metadata": {"labels": labels},
        "spec": {
            "terminationGracePeriodSeconds": _grace(program),
            "containers": [_container(program, name, image)],
        },
    }
    head = {"metadata": {"name": name, "labels": {"app": name}}}
    if app.restart is Restart.PERMANENT:
        replicas = app.instances if app.autostart else 0
        spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": pod}
        return {"apiVersion": "apps/v1", "kind": "Deployment", **head, "spec": spec}
    again = app.restart is Restart.TRANSIENT
    pod["spec"]["restartPolicy"] = "OnFailure" if again else "Never"
    spec = {"completions": app.instances, "parallelism": app.instances}
    spec |= {"backoffLimit": _tries(program) if again else 0, "suspend": not app.autostart}
    return {"apiVersion": "batch/v1", "kind": "Job", **head, "spec": {**spec, "template": pod}}


def _tries(program: Program) -> int:
    """Return how many restarts a Job may have."""
    program.take("give_up_after")
    return 2**31 - 1 if program.app.give_up_after is None else program.app.give_up_after


def _grace(program: Program) -> int:
    program.take("stop.grace")
    return whole(program.app.stop.grace)


def _container(program: Program, name: str, image: str) -> dict[str, Any]:
    app = program.app
    told: dict[str, Any] = {
        "name": name,
        "image": image,
        "command": [_literal(word) for word in app.command],
        "workingDir": program.cwd,
        "env": [
            *({"name": key, "value": _literal(text)} for key, text in program.env.items()),
            *_secrets(program, name),
        ],
        "resources": _resources(program),
        "securityContext": _security(program),
        **_probes(program),
    }
    return {key: value for key, value in told.items() if value not in (None, {}, [])}


def _secrets(program: Program, name: str) -> Iterator[dict[str, Any]]:
    """Yield variables that are taken out of a Secret, which is called like the program."""
    files = " ".join(f"--from-file={key}={shlex.quote(it)}" for key, it in program.secrets.items())
    made = f'"kubectl create secret generic {name} {files}" makes it, last newlines included'
    for key in program.secrets:
        program.export.change(join(f"{program.place}.env", key), "secretKeyRef", made)
        yield {"name": key, "valueFrom": {"secretKeyRef": {"name": name, "key": key}}}
    program.secrets.clear()


def _literal(text: str) -> str:
    """Return text in which Kubernetes sees no $(NAME) to replace."""
    return text.replace("$(", "$$(")


def _resources(program: Program) -> dict[str, Any]:
    program.take("limits.memory", "limits.cpu")
    limits = program.app.limits
    told = {
        "memory": None if limits.memory is None else str(limits.memory),
        "cpu": None if limits.cpu is None else f"{round(limits.cpu * 1000)}m",
    }
    found = {key: value for key, value in told.items() if value is not None}
    return {"limits": found} if found else {}


def _security(program: Program) -> dict[str, int]:
    told = {}
    for field, key in (("user", "runAsUser"), ("group", "runAsGroup")):
        value = getattr(program.app, field)
        if isinstance(value, int):
            program.take(field)
            told[key] = value
    return told


def _probes(program: Program) -> dict[str, Any]:
    app = program.app
    told: dict[str, Any] = {}
    if app.ready is not None and (asked := _asked(app.ready.probe)):
        program.take("ready")
        told["startupProbe"] = {**asked, **_patience(app.ready)}
        told["readinessProbe"] = {**asked, "periodSeconds": 10}
    if app.health is not None and (asked := _asked(app.health.probe)):
        program.take("health")
        told["livenessProbe"] = {**asked, **_rhythm(app.health)}
    return told


def _asked(probe: Probe) -> dict[str, Any]:
    """Return what a probe asks, nothing if there is no word for it; it is asked from outside."""
    match probe:
        case Tcp(port, host):
            return {"tcpSocket": {"port": port, **_host(host)}}
        case Http() if probe.body is None and probe.status is None:
            parts = urlsplit(probe.url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
            path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
            page = {"path": path, "port": port, "scheme": parts.scheme.upper()}
            return {"httpGet": {**page, **_host(parts.hostname or "")}}
        case Exec(command):
            return {"exec": {"command": list(command)}}
    return {}


def _host(host: str) -> dict[str, str]:
    return {} if host in _LOCAL else {"host": host}


def _patience(ready: Ready) -> dict[str, int]:
    return {"periodSeconds": 1, "failureThreshold": max(whole(ready.timeout), 1)}


def _rhythm(health: Health) -> dict[str, int]:
    told = {
        "initialDelaySeconds": whole(health.start_period),
        "periodSeconds": max(whole(health.interval), 1),
        "timeoutSeconds": max(whole(health.timeout), 1),
        "failureThreshold": health.retries,
    }
    return {key: value for key, value in told.items() if value}
