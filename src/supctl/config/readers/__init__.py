"""Readers of other tools' files: each makes a document of our own format, and says what of it.

A module here has two functions, and :mod:`supctl.config.formats` names it:

- ``claims(source) -> bool``: whether a file, called as such files are, is one by its content.
- ``read(source, found) -> None``: fills ``found.document`` and remarks on every key of the file.
"""
