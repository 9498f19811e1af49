"""``supctl schema``: what files may say, for editors."""

from __future__ import annotations

import json

import click


@click.command()
def schema() -> None:
    """Print the JSON Schema of supctl.toml.

    Editors complete keys with it, tell what they mean, and mark what is wrong.

    \b
    Examples:
      supctl schema > supctl.schema.json
      #:schema ./supctl.schema.json         the first line of a supctl.toml (taplo, VS Code)
    """
    from supctl.config.json_schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
