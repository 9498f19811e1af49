"""Writers of other tools' files: each takes of every app what its tool can say.

A module here has ``TOOL``, its name for people, and ``write(programs, export)``;
:mod:`supctl.config.exports` names it.
"""
