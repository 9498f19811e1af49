"""The reaper: the process that holds every process of a tree. It holds, we decide.

It spawns all apps and is therefore their parent: it alone reaps, so a pid that it
signals cannot have been reused meanwhile. It is a child subreaper, so that whatever an
app leaves behind becomes its child too. It runs on the standard library only, in one
thread, and has no policy but one: when whoever it serves is gone, it ends every tree
it holds, gracefully and then by force, and exits.

- ``protocol``: what is said between the two, in one place.
- ``marks``: how the descendants of one run are told from all other processes.
- ``launch``: start one program.   ``runs``: one program and what is left of it.
- ``main``: the loop.
"""
