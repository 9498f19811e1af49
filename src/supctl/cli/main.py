"""``supctl``: the command itself, and where its subcommands are found."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import click

from supctl import __version__
from supctl.errors import SupctlError

from .errors import exit_status, report

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_COMMANDS: Final = {
    "start": ("supctl.cli.lifecycle:start", "Start what a file describes, or what was stopped."),
    "status": ("supctl.cli.status:status", "Show everything, and how it is (also: ls, ps)."),
    "stop": ("supctl.cli.lifecycle:stop", "Stop programs; they stay stopped."),
    "restart": ("supctl.cli.lifecycle:restart", "Stop programs and start them again."),
    "plan": ("supctl.cli.apply:plan", "Show what an edited file would change, and why."),
    "apply": ("supctl.cli.apply:apply", "Follow the changes of a file (also: reload)."),
    "scale": ("supctl.cli.scale:scale", "Have another number of instances."),
    "delete": ("supctl.cli.lifecycle:delete", "Stop a project and forget it."),
    "describe": ("supctl.cli.details:describe", "Show all that is known of one child."),
    "why": ("supctl.cli.explain:why", "Tell why something is as it is: who, what, and what next."),
    "tree": ("supctl.cli.status:tree", "Draw the tree of supervisors and programs."),
    "logs": ("supctl.cli.logs:logs", "Show the last lines of output, and those that come."),
    "health": ("supctl.cli.health:health", "Show what programs are asked, and answer."),
    "events": ("supctl.cli.events:events", "Tell what has happened, and happens."),
    "pause": ("supctl.cli.lifecycle:pause", "Have programs stand still."),
    "resume": ("supctl.cli.lifecycle:resume", "Let programs that are paused go on."),
    "wait": ("supctl.cli.wait:wait", "Wait until programs are ready, or have ended."),
    "signal": ("supctl.cli.lifecycle:signal", "Send a signal to programs."),
    "reset": ("supctl.cli.details:reset", "Count automatic restarts from 0 again."),
    "env": ("supctl.cli.details:env", "Print the environment of a program."),
    "inspect": ("supctl.cli.details:inspect", "Show the system's facts about processes."),
    "save": ("supctl.cli.state:save", "Say where what should run is kept."),
    "resurrect": ("supctl.cli.state:resurrect", "Start what should run and does not."),
    "call": ("supctl.cli.call:call", "Call a method of an actor."),
    "kill": ("supctl.cli.lifecycle:kill", "Stop everything, and the daemon."),
    "daemon": ("supctl.cli.daemon:daemon", "Run, start, stop and look at the daemon itself."),
    "startup": ("supctl.cli.startup:startup", "Have the daemon started at boot."),
    "unstartup": ("supctl.cli.startup:unstartup", "Have it started at boot no more."),
    "doctor": ("supctl.cli.doctor:doctor", "Tell what this machine offers, and what is missing."),
    "ping": ("supctl.cli.status:ping", "Ask the daemon for a sign of life."),
    "completion": ("supctl.cli.completion:completion", "Have a shell complete names."),
    "run": ("supctl.cli.run:run", "Keep one command alive, in the foreground."),
    "up": ("supctl.cli.up:up", "Keep everything in a file alive, in the foreground."),
    "init": ("supctl.cli.init:init", "Write a first supctl.toml for this directory."),
    "check": ("supctl.cli.check:check", "Show what a file says, or all that is wrong with it."),
    "schema": ("supctl.cli.schema:schema", "Print the JSON Schema of files, for editors."),
    "import": ("supctl.cli.importing:import_", "Make a supctl.toml of another tool's file."),
    "export": ("supctl.cli.exporting:export", "Write a tree as files of systemd, PM2 and others."),
    "rehearse": ("supctl.cli.rehearse:rehearse", "Run a tree through 1,000 hours of faults."),
}
"""Name: place and short help. The help stands here so that showing it loads no command."""

_ALIASES: Final = {"ls": "status", "ps": "status", "reload": "apply"}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, and whose errors are sentences."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order in which a newcomer needs them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, importing its module."""
        cmd_name = _ALIASES.get(cmd_name, cmd_name)
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant; for an unknown one, say which is near."""
        name = args[0]
        if name not in (*_COMMANDS, *_ALIASES) and not name.startswith("-"):
            import difflib  # only a mistake needs it

            near = difflib.get_close_matches(name, _COMMANDS, n=1)
            mend = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(_COMMANDS)}"
            ctx.fail(f"no command is called {name!r} ({mend})")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return commands and options that begin like that, without loading a command."""
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        found = [(name, text) for name, (_, text) in _COMMANDS.items()]
        return [CompletionItem(it, help=text) for it, text in found if it.startswith(incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error of ours ends us with its sentences and its exit status."""
        try:
            return super().invoke(ctx)
        except SupctlError as error:
            report(error)
            ctx.exit(exit_status(error))


_EPILOG: Final = """\
\b
Start here:
  supctl run -- python3 -m http.server     one program, restarted whenever it ends
  supctl check                             is supctl.toml right?
  supctl up                                run all that it describes; Ctrl-C stops it
"""


@click.group(
    cls=LazyGroup,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="supctl %(version)s")
def main() -> None:
    """Keep programs alive under Erlang-style supervision trees.

    A program that ends is started again, after a delay that grows while it keeps failing.
    Stopping one ends everything that it started. "supctl COMMAND --help" tells more.
    """
