"""``.env``: the variables of a project that says nothing else about them."""

from __future__ import annotations

from pathlib import Path

from supctl.config.env_files import EnvFile, EnvFiles
from supctl.specs import App
from supctl.specs.placeholders import literal

from .tool import Tool, Variables


class Dotenv(Tool):
    """``.env`` in the directory of an app that says nothing of ``env_file``.

    It adds what the app does not have, as everyone's ``load_dotenv()`` does, and replaces nothing.
    """

    name, priority = "dotenv", 60
    marks = (".env",)

    def variables(self, spec: App, directories: tuple[Path, ...]) -> Variables:
        """Return all that the file says.

        Raises:
            InvalidConfig: the file cannot be read.
        """
        own = directories[0]
        if not (own / ".env").is_file():
            return {}
        found = EnvFiles(own, self._environ).values([EnvFile(".env")], "env_file")
        return {name: literal(text) for name, text in found.items()}

    def changes(self, spec: App) -> Variables:
        """Return the variables that the app does not have."""
        env = spec.env or {}
        return {name: value for name, value in super().changes(spec).items() if name not in env}
