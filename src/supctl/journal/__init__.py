"""The journal: what has happened to everything, kept in files over the daemon's end.

``record`` is one line of it, ``segments`` the files, ``journal`` writes to them in a thread of its
own, ``reading`` finds in them what is to be told of something. Needs no event loop and no daemon.
"""
