"""How an operating system starts, watches and ends processes.

Knows nothing of actors, restarts or trees. ``base`` is the interface with its
promises; ``simulated`` keeps them in virtual time.
"""
