"""``supctl init``: write a first file."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any, Final

import click

from supctl.errors import InvalidConfig

_TOML: Final = """\
# What supctl keeps alive here: "supctl start" starts it, "supctl check" reads this file.

[apps.{name}]
command = {command}  {because}
{keys}
# restart = "on-failure"               # else: always, when it ends
# ready = {{ http = "http://127.0.0.1:{port}/" }}
# health = {{ tcp = {port} }}
# stop = {{ signal = "TERM", grace = "10s" }}
# log = {{ mode = "timestamped", max_size = "50M", keep = 10 }}
# depends_on = ["db"]
{env}"""

_JAVASCRIPT: Final = "module.exports = {json};\n"


@click.command()
@click.option("--name", help="Name of the app; by default that of the directory.")
@click.option("--entry", metavar="FILE", help="Script to run; by default what the project says.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port, as PORT in its environment.")
@click.option("--memory", metavar="SIZE", help="Memory it may use, such as 256M.")
@click.option("--cpu", metavar="SHARE", help="Processor time it may use: 50% or 1.5 (processors).")
@click.option("--instances", type=click.IntRange(1, 10_000), help="How many run.")
@click.option("--pm2", "--ecosystem", "as_pm2", is_flag=True, help="Write ecosystem.config.js.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def init(name: str | None, entry: str | None, as_pm2: bool, force: bool, **options: Any) -> None:
    """Find out how the program of this directory is started, and write supctl.toml.

    What is looked at: package.json, pyproject.toml, manage.py, main.py, app.py, src/index.ts and
    their like, go.mod, Cargo.toml, Dockerfile.

    \b
    Examples:
      supctl init
      supctl init --entry worker.py --memory 256M --instances 2
    """
    from supctl.config import ConfigErrors, Mistake
    from supctl.config.entry import Entry, command_of, find_entries
    from supctl.specs.names import as_name, check_name

    here = Path.cwd()
    name = check_name(name) if name is not None else as_name(here.name) or "app"
    if entry is not None:
        if not (here / entry).is_file():
            raise InvalidConfig("--entry", entry, "a file of this directory")
        entries = [Entry(command_of(entry, here), f"runs {entry}")]
    else:
        entries = find_entries(here)
    if not entries:
        wanted = "a directory with package.json, pyproject.toml, main.py, go.mod, ... in it"
        raise InvalidConfig("the directory", str(here), wanted, "or name the script: --entry FILE")
    path = Path("ecosystem.config.js" if as_pm2 else "supctl.toml")
    text = (_javascript if as_pm2 else _toml)(name, entries[0], **_checked(**options))
    try:
        with path.open("w" if force else "x") as file:
            file.write(text)
    except FileExistsError:
        mistake = Mistake("", "is there already", "no such file", "--force replaces it", str(path))
        raise ConfigErrors([mistake]) from None
    click.echo(f"{path}: {shlex.join(entries[0].command)}, which {entries[0].because}")
    for other in entries[1:]:
        click.echo(f"  not taken: {shlex.join(other.command)}, which {other.because}")
    click.echo('"supctl start" starts it')


def _checked(
    *, port: int | None, memory: str | None, cpu: str | None, instances: int | None
) -> dict[str, Any]:
    from supctl.config.units import parse_cpu
    from supctl.config.values import parse_memory

    if memory is not None:
        parse_memory("--memory", memory)
    if cpu is not None:
        parse_cpu("--cpu", cpu)
    return {"port": port, "memory": memory, "cpu": cpu, "instances": instances}


def _toml(name: str, entry: Any, **options: Any) -> str:
    """Return a file with what is known, and with what else may be said as comments."""
    limits = {key: options[key] for key in ("memory", "cpu") if options[key] is not None}
    keys = [f"limits = {{ {', '.join(f'{it} = {json.dumps(limits[it])}' for it in limits)} }}"]
    keys = keys if limits else ['# limits = { memory = "256M", cpu = "50%" }']
    instances = options["instances"]
    keys.append("# instances = 2" if instances is None else f"instances = {instances}")
    port = options["port"]
    env = '# env = { PORT = "8000" }' if port is None else f'env = {{ PORT = "{port}" }}'
    return _TOML.format(
        name=name if name.replace(".", "") == name else json.dumps(name),
        command=json.dumps(list(entry.command), ensure_ascii=False),
        because=f"# {entry.because}",
        keys="\n".join(keys),
        port=port or 8000,
        env=f"{env}\n",
    )


def _javascript(name: str, entry: Any, **options: Any) -> str:
    program, *arguments = entry.command
    app: dict[str, Any] = {"name": name, "script": program, "interpreter": "none"}
    app |= {"args": arguments} if arguments else {}
    found = {
        "instances": options["instances"],
        "max_memory_restart": options["memory"],
        "env": None if options["port"] is None else {"PORT": options["port"]},
    }
    app |= {key: value for key, value in found.items() if value is not None}
    if options["cpu"] is not None:
        raise InvalidConfig("--cpu", options["cpu"], "none", "PM2's files have no such limit")
    return _JAVASCRIPT.format(json=json.dumps({"apps": [app]}, indent=2))
