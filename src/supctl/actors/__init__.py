"""Who does it: actors, and the app actor that is one managed program.

``mailbox``, ``actor`` and ``ref`` are what users write actors with. ``incarnation`` is what a
supervisor sees of a child from one start to its end; ``worker`` and ``app`` are the two kinds
of it that are no supervisors.
"""
