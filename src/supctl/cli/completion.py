"""``supctl completion``."""

from __future__ import annotations

import click

_VARIABLE = "_SUPCTL_COMPLETE"

_COLONS = "COMP_WORDBREAKS=${COMP_WORDBREAKS//:/}  # instances are called api:1, api:2\n"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes a shell complete commands, options and the names of children.

    \b
    Examples:
      echo 'eval "$(supctl completion bash)"' >> ~/.bashrc
      echo 'eval "$(supctl completion zsh)"' >> ~/.zshrc
      supctl completion fish > ~/.config/fish/completions/supctl.fish
    """
    from click.shell_completion import get_completion_class

    from .main import main

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(main, {}, "supctl", _VARIABLE).source())
    if shell == "bash":
        click.echo(_COLONS, nl=False)
