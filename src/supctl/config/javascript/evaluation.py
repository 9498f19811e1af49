"""Evaluating a JavaScript file: by an engine of its own, in a process of its own, for a time."""

from __future__ import annotations

import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import unquote

from supctl.config.mistakes import ConfigErrors, Mistake, show

_HERE: Final = Path(__file__).parent

_ENGINES: Final[Mapping[str, tuple[str, ...]]] = {
    "node": ("--max-old-space-size=512",),
    "bun": ("run", "--no-install"),
    "deno": ("run", "--unstable-detect-cjs", "--allow-all", "--no-prompt", "--quiet"),
}
"""Commands that evaluate JavaScript, in the order in which they are looked for."""

PATIENCE: Final = 10.0
"""Seconds; an engine and a few modules load in one, also on a machine that is busy."""

_LARGEST: Final = 16 * 2**20
"""Bytes of what a file may export."""

_PRINTED: Final = 16 * 2**10
"""Bytes of what a file prints that are looked at."""

_WANTED: Final = "a file that exports its apps as data"

_MENDS: Final = (
    ("module is not defined", "call it .cjs, or write export default"),
    ("require is not defined", "call it .cjs, or write import"),
    ("Cannot find module", "install it: npm install"),
    ("Cannot find package", "install it: npm install"),
    ("Cannot use import statement", "call it .mjs, or write require"),
    ("Unexpected token 'export'", "call it .mjs, or write module.exports ="),
)
"""What mends the usual mistakes, by what an engine says about them."""

_SHOWN: Final = re.compile(
    r"^(?:file://)?(?P<file>/.*):(?P<line>\d+)\n.*\n(?P<caret> *\^)", re.MULTILINE
)
"""How node shows where a file does not parse."""


@dataclass(slots=True)
class _Heard:
    """What came out of the process that evaluates."""

    result: bytearray = field(default_factory=bytearray)
    printed: bytearray = field(default_factory=bytearray)
    complaints: bytearray = field(default_factory=bytearray)

    @property
    def line(self) -> bytes:
        """The answer; empty until it is complete."""
        return bytes(self.result) if self.result.endswith(b"\n") else b""

    @property
    def is_complete(self) -> bool:
        """Whether there is nothing more to wait for: after an error the engine shows its line."""
        is_value = self.result.startswith(b'{"value"') and self.result.endswith(b"\n")
        return is_value or len(self.result) > _LARGEST


def evaluate(
    path: Path, environ: Mapping[str, str], profile: str = "", patience: float = PATIENCE
) -> Any:
    """Return what a JavaScript file exports, as JSON can say it.

    The file may do whatever a program may do: it is trusted as much as the programs that it
    starts. It finds nothing on its standard input, and what it prints goes nowhere.

    Args:
        environ: its environment.
        profile: given to it as the argument of ``--env``, unless empty.
        patience: seconds it may take.

    Raises:
        ConfigErrors: it throws, takes too long, exports what is no data, or there is no engine.
    """
    file = str(path)
    command = _command(file, environ)
    said = [str(path.absolute()), *([profile] if profile else [])]
    reading, writing = os.pipe()
    with open(reading, "rb", 0) as result:
        with open(writing, "wb", 0) as held:
            child = _start([*command, str(writing), *said], environ, held.fileno(), file)
        heard = _Heard()
        try:
            ended = _listen(heard, child, result, time.monotonic() + patience)
        finally:
            _end(child)
    if not ended and not heard.line:
        seen = f"was not evaluated after {patience:g} s"
        mend = "does it wait for something, or loop for ever?"
        raise ConfigErrors([Mistake("", seen, _WANTED, mend, file)])
    return _understood(heard, file, path)


def _command(file: str, environ: Mapping[str, str]) -> list[str]:
    for name, options in _ENGINES.items():
        if engine := shutil.which(name, path=environ.get("PATH", os.defpath)):
            return [engine, *options, str(_HERE / "evaluate.mjs")]
    if (library := find_spec("quickjs")) and library.origin:
        where = str(Path(library.origin).parent.parent)
        return [sys.executable, "-P", str(_HERE / "embedded.py"), where]
    seen = "is a program in JavaScript, and neither node nor bun nor deno is on the PATH"
    mend = "install one of them, or the engine of supctl's own: pip install 'supctl[js]'"
    raise ConfigErrors([Mistake("", seen, "an engine that evaluates it", mend, file)])


def _start(
    command: list[str], environ: Mapping[str, str], result: int, file: str
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(result,),
            start_new_session=True,  # what it starts itself is ended with it
            bufsize=0,
        )
    except OSError as error:
        seen = f"cannot be evaluated: {command[0]} does not start: {error.strerror}"
        raise ConfigErrors([Mistake("", seen, "an engine that works", file=file)]) from None


def _listen(
    heard: _Heard, child: subprocess.Popen[bytes], result: IO[bytes], deadline: float
) -> bool:
    """Hear what a child says to its end; return whether that came in time."""
    assert child.stdout is not None  # both were asked for
    assert child.stderr is not None
    with selectors.DefaultSelector() as selector:
        selector.register(result, selectors.EVENT_READ, heard.result)
        selector.register(child.stdout, selectors.EVENT_READ, heard.printed)
        selector.register(child.stderr, selectors.EVENT_READ, heard.complaints)
        while selector.get_map() and not heard.is_complete:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for key, _ in selector.select(left):
                data = os.read(key.fd, 2**16)
                if not data:
                    selector.unregister(key.fileobj)
                elif key.data is heard.result or len(key.data) < _PRINTED:
                    key.data.extend(data)
    return True


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a child and what it has started in its session."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for pipe in (child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()


def _understood(heard: _Heard, file: str, path: Path) -> Any:
    """Return what a file exports."""
    if len(heard.result) > _LARGEST:
        seen = f"exports more than {_LARGEST} bytes"
        raise ConfigErrors([Mistake("", seen, "what somebody would write", file=file)])
    if not heard.line:
        mend = _printed(heard) or "does it call process.exit()?"
        raise ConfigErrors([Mistake("", "ended before it exported anything", _WANTED, mend, file)])
    said = json.loads(heard.line)
    try:
        json.dumps(said, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        seen = f"exports half of a character, {error.object[error.start]!r}"
        raise ConfigErrors([Mistake("", seen, "whole characters", file=file)]) from None
    if "error" in said:
        raise ConfigErrors([_thrown(said["error"], heard, file, path)])
    mistakes = said["mistakes"]
    if mistakes:
        raise ConfigErrors(
            Mistake(place, seen if place else f"exports what {seen}", _WANTED, mend, file)
            for place, seen, mend in mistakes
        )
    return said["value"]


def _thrown(error: dict[str, Any], heard: _Heard, file: str, path: Path) -> Mistake:
    message = error["message"].partition("\n")[0].partition(" imported from ")[0]
    line, column = error["line"], error["column"]
    if not column:  # a syntax error: the engine shows it only
        line, column = _shown(heard, path) or _named(message, path) or (line, column)
    mend = next((it for words, it in _MENDS if words in error["message"]), _printed(heard))
    is_syntax = error["name"] in ("SyntaxError", "BuildMessage")  # the latter is bun's
    verb = "does not parse" if is_syntax else f"throws {error['name']}"
    seen = f"{verb}: {message}"
    return Mistake("", seen, _WANTED, mend, file, line or None, column or None)


def _shown(heard: _Heard, path: Path) -> tuple[int, int] | None:
    """Return line and column that an engine has printed, if they are of this file."""
    for match in _SHOWN.finditer(heard.complaints.decode(errors="replace")):
        if unquote(match["file"]) == str(path.resolve()):
            return int(match["line"]), len(match["caret"])
    return None


def _named(message: str, path: Path) -> tuple[int, int] | None:
    """Return where a file has the first word that a message has in quotes: a module it misses."""
    if word := re.search(r"'(.+?)'", message):
        for number, line in enumerate(path.read_text(errors="replace").split("\n"), 1):
            if (column := line.find(word[1])) >= 0:
                return number, column + 1
    return None


def _printed(heard: _Heard) -> str:
    """Return the beginning of what a file has printed, as a phrase; empty if it has not."""
    text = heard.printed.decode(errors="replace").strip()
    return f"it printed {show(text)}" if text else ""
