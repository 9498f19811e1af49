"""The reaper: the process that holds every process of a tree. It holds, we decide.

It spawns all apps and is therefore their parent: it alone reaps, so a pid that it
signals cannot have been reused meanwhile. It is a child subreaper, so that whatever an
app leaves behind becomes its child too. It runs on the standard library only, in one
thread, and has no policy but one for the loss of whoever it serves. In a program that opens a
tree it then ends every tree it holds, gracefully and then by force, and exits. Under
``supctl daemon`` it starts the next daemon and hands everything over to it.

- ``protocol``: what is said between the two, in one place.
- ``marks``: how the descendants of one run are told from all other processes.
- ``launch``: start one program.   ``runs``: one program and what is left of it.
- ``line``: the link to a daemon.   ``succession``: starts one daemon after the other.
- ``foreign``, ``foreign_ends``, ``orphans``: what another reaper has started.
- ``legacy``: what a daemon leaves to the next.   ``program``, ``rebirth``: other code in the same
  process.
- ``reaper``: the loop.   ``main``: how it begins.
"""
