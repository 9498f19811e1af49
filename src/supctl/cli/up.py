"""``supctl up``: run a tree in the foreground."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from supctl.errors import TreeEnded

from .errors import report
from .loading import profile_option, watch_config_option


@click.command()
@click.option(
    "-f",
    "--file",
    "paths",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Tree to run; by default supctl.toml, supctl.json or services.json of this directory. "
    "A second one overrides the first, and so on.",
)
@profile_option
@watch_config_option
@click.option(
    "--log-dir",
    type=click.Path(path_type=Path),
    help="Directory for the output of the apps; by default one of the user's for logs.",
)
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON lines, and no output.")
def up(
    paths: tuple[Path, ...],
    profile: str | None,
    watch_config: bool,
    log_dir: Path | None,
    as_json: bool,
) -> None:
    """Run a tree of programs in the foreground.

    Starts everything in FILE, keeps it alive, and shows the output of each program behind its
    name. Ctrl-C or SIGTERM stops everything in reverse order; a second Ctrl-C kills it. SIGUSR1
    prints facts about every program.

    As the first process of a container it also reaps whoever loses its parent there, and passes
    SIGHUP, SIGUSR1, SIGUSR2 and SIGWINCH on to the program that is essential, or the only one.

    Exit status: that of an essential program when it has ended for good; else 0 after an orderly
    stop, 1 if the tree gave up or a program failed for good, 2 if something in FILE or on the
    command line cannot work.
    """
    from supctl.config import load

    first, *over = paths or (None,)
    loaded = load(first, over=over, profile=profile or "")
    from supctl.backends.init import stand_behind_init

    is_init = stand_behind_init()
    from .foreground import run_tree

    follow = None
    if watch_config or loaded.watches_itself:
        from .following import Following

        follow = Following(loaded, paths, profile or "").follow
    try:
        failed = run_tree(
            loaded.root,
            log_dir,
            as_json=as_json,
            notes=loaded.advice,
            passes_signals_on=is_init,
            follow=follow,
        )
    except TreeEnded as error:
        report(error)
        sys.exit(error.exit_code)
    sys.exit(1 if failed else 0)
