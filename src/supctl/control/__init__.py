"""Talking with the daemon: where it is, how it is started, and what can be asked of it.

``home`` says where it lives, ``endpoint`` connects to its socket, ``line`` is a conversation for
programs without an event loop, ``reaching`` finds it, ``launch`` starts it. Nothing here imports
trio: a command is done before that would be loaded.
"""
