"""The plugins that come with supctl."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from .direnv import Direnv
from .dotenv import Dotenv
from .node import Fnm, Nvm, Volta
from .project import Projects
from .python import Conda, Poetry, VirtualEnvironment
from .tool import Tool
from .versions import Asdf, Jenv, Mise, Pyenv, Rbenv

_TOOLS: Final[tuple[type[Tool], ...]] = (
    *(Asdf, Mise, Fnm, Jenv, Nvm, Pyenv, Rbenv, Volta),
    *(Conda, VirtualEnvironment, Poetry, Direnv, Dotenv),
)


def built_in(environ: Mapping[str, str], directories: Collection[Path]) -> list[Tool]:
    """Return a new one of each that may have something to do, for one look at the file system.

    Args:
        environ: of whoever runs supctl.
        directories: of apps.
    """
    projects = Projects()
    tools = (tool(environ, projects) for tool in _TOOLS)
    return [tool for tool in tools if any(map(tool.is_used, directories))]
