"""The daemon: one tree of everything a user wants to run, and a socket to ask it.

``run`` is the program. ``lock`` lets there be one for each home, ``listener`` keeps its socket
where it belongs, ``server`` holds conversations, ``peer`` says who speaks, ``admission`` what it
may, ``service`` finds the method that is meant, ``arguments`` looks at what it is given.
``control`` and ``views`` are the methods: what changes something, and what only looks. ``naming``
says which children a name means, ``desired`` keeps what should run. ``boot`` has systemd and
others start all this.
"""
