"""The zygote: a process that has imported what actors need, and forks one in milliseconds.

``main`` is the program, ``child`` what a forked (or fresh) process does before it becomes an
actor. ``link`` of the package above speaks with it; its parent is the reaper, and so is that of
all it forks.
"""
