"""Watching files: what a program, or a project, is made of has changed.

The kernel tells that something has happened (:mod:`supctl.backends.inotify`); a look tells what.
"""
