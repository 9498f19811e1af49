"""Evaluates a JavaScript file with QuickJS: a program, in place of node and :file:`evaluate.mjs`.

    python embedded.py LIBRARY DESCRIPTOR FILE [PROFILE]

The file finds what such files use: ``require`` (its own files, JSON, ``path``, ``os``, ``fs`` to
read, ``url``, ``dotenv``), ``process.env``, ``__dirname``, ``console``. Imports nothing of ours.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent

_MEMORY: Final = 256 * 2**20
"""Bytes that a file may use."""

_MODULE: Final = (
    (r"^\s*import\s+(\w+)\s+from\s+(['\"].+?['\"])", r"const \1 = require.default(\2)"),
    (r"^\s*import\s+\*\s+as\s+(\w+)\s+from\s+(['\"].+?['\"])", r"const \1 = require(\2)"),
    (r"^\s*import\s+(\{[^}]*\})\s+from\s+(['\"].+?['\"])", r"const \1 = require(\2)"),
    (r"^\s*import\s+(['\"].+?['\"])", r"require(\1)"),
    (r"^\s*export\s+default\b", "exports.default ="),
    (r"^\s*export\s+(?:const|let|var)\s+(\w+)\s*=", r"const \1 = exports.\1 ="),
    (r"^\s*export\s*(\{[^}]*\})", r"Object.assign(exports, \1)"),
    (r"\bimport\.meta\.url\b", "('file://' + __filename)"),
    (r"\bimport\.meta\.dirname\b", "__dirname"),
)
"""How what a module says is said without modules; every line stays where it is."""


def common(code: str) -> str:
    """Return the code of an ES module as one that has ``require`` and ``exports``."""
    for pattern, words in _MODULE:
        code = re.sub(pattern, words, code, flags=re.MULTILINE)
    return code


def read(path: str) -> str | None:
    """Return the text of a file; ``None`` if it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return None


def main(library: str, descriptor: str, file: str, profile: str = "") -> None:
    """Evaluate ``file`` and write what it exports; ``library`` is where QuickJS is found."""
    sys.path.append(library)  # the environment is the file's, not ours
    import quickjs

    context = quickjs.Context()
    context.set_memory_limit(_MEMORY)
    context.add_callable("readText", read)
    context.add_callable("commonCode", common)
    context.add_callable("printLine", lambda text: print(text, flush=True))
    known = {
        "env": dict(os.environ),
        "cwd": str(Path.cwd()),
        "argv": [sys.executable, file, *(["--env", profile] if profile else [])],
        "platform": sys.platform,
        "home": str(Path.home()),
        "hostname": os.uname().nodename,
        "cpus": os.cpu_count() or 1,
    }
    context.set("known", json.dumps(known))
    context.eval((_HERE / "plain.mjs").read_text().replace("export function", "function"))
    context.eval((_HERE / "embedded.js").read_text())
    answer = context.eval(f"evaluate({json.dumps(file)})")
    with open(int(descriptor), "w") as output:
        output.write(f"{answer}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
