"""The daemon: one tree of everything a user wants to run, and a socket to ask it.

``run`` is the program. ``lock`` lets there be one for each home, ``server`` takes conversations
in, ``peer`` says who speaks and what it may, ``service`` finds the method that is meant.
``control`` and ``views`` are the methods: what changes something, and what only looks.
``naming`` says which children a name means, ``desired`` keeps what should run.
"""
