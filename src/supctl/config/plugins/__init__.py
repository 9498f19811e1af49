"""Plugins: what makes the environment of an app fit the tools that its project uses.

A :class:`ConfigurationPlugin` looks at an app, says whether it has something to add, and returns
another spec. Those of supctl (``built_in``) know version managers and virtual environments; others
come from installed packages (entry points) or from code (:func:`register`). ``enhancing`` runs
them, and trusts none of them.
"""

from .enhancing import Enhancement as Enhancement
from .plugin import ConfigurationPlugin as ConfigurationPlugin
from .plugin import with_env as with_env
from .registry import register as register
from .registry import unregister as unregister
