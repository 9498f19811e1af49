"""``supctl logs flush`` and ``supctl logs rotate``: what is done to the files."""

from __future__ import annotations

import json
from typing import Any, Final

import click

from supctl.errors import NoDaemon, StorageFailed

from .naming import names_argument, some_names_argument
from .reach import reached


@click.command()
@names_argument
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of what was emptied.")
def flush(names: tuple[str, ...], as_json: bool) -> None:
    """Empty the logs of programs: delete what was rotated, and cut the present files.

    Works while no daemon runs, too.
    """
    try:
        with reached() as client:
            flushed = client.flush_logs(*names)
    except NoDaemon:
        flushed = _flush(names)
    if as_json:
        click.echo(json.dumps(flushed))
        return
    from .words import counted, size

    for it in flushed:
        what = f"{size(it['size'])} in {counted(it['files'], 'file')} removed"
        click.echo(f"{it['path']}: {what if it['files'] else 'was empty'}")


def _flush(names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Do what the daemon would."""
    from pathlib import Path

    from supctl.logs.flushing import check_owned
    from supctl.logs.flushing import flush as flush_log
    from supctl.logs.output import Output

    from .outputs import Chosen, all_outputs

    rows = all_outputs()
    chosen = Chosen.of(names, rows).outputs
    check_owned(chosen, map(Output.of, rows))
    flushed = []
    for path in dict.fromkeys(it.path for it in chosen if it.path):
        try:
            done = flush_log(Path(path))
        except OSError as error:
            raise StorageFailed(path, error.errno or 0, "a log that can be emptied") from None
        flushed.append({"path": path, "files": done.files, "size": done.size})
    return flushed


@click.command()
@some_names_argument
def rotate(names: tuple[str, ...]) -> None:
    """Begin new log files, for all programs if none is named; what was written is kept.

    Each is rotated as soon as no line in it is begun.
    """
    with reached() as client:
        paths = client.rotate_logs(*names)
    for path in paths:
        click.echo(f"{path}: a new file begins with the next line")


VERBS: Final = {"flush": flush, "rotate": rotate}
