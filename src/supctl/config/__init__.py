"""Files that people write, turned into specs; needs nothing but :mod:`supctl.specs`.

:func:`load` reads ``supctl.toml``, the same as YAML or JSON, and files of other tools, and raises
one :class:`ConfigErrors` with every mistake. Below it: ``syntax`` (bytes to tables), ``layers``,
``profiles`` and ``references`` (tables to the tables that are meant), ``schema`` (the keys),
``reading`` (tables to values), ``native`` (values to specs, with what ``defaults`` say),
``plugins`` (specs to specs that fit the tools of their projects), ``surroundings`` (does this
system have what they need?). Files of other tools: ``formats`` (which one is it?), ``readers`` (one
for each), ``imports`` (a document of our own format, and what became of every key).

:func:`as_native` goes back, from specs to what a file would hold (``document``; ``writing``:
values to tables), and :func:`read_native` reads that. What is told of the keys, as JSON Schema and
in docs/configuration.md, is made by ``json_schema`` and ``reference``.
"""

from .document import as_native as as_native
from .document import read_native as read_native
from .loading import LoadedTree as LoadedTree
from .loading import find_file as find_file
from .loading import load as load
from .mistakes import ConfigErrors as ConfigErrors
from .mistakes import Mistake as Mistake
from .surroundings import preflight as preflight
