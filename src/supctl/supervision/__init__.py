"""What should happen: strategies, restart intensity, back-off, the supervisor, the tree.

``core`` decides, ``messages`` are what it hears and says, ``plan`` is what it remembers and
``window`` counts restarts. ``node`` is the trio shell of one supervisor, ``child`` what it knows
of each child. ``tree`` and ``foreground`` are what programs use, with ``handle`` for one child
and ``eventlog`` for events.
"""
