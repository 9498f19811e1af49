"""A supervisor in a process of its own, with all that is below it.

There the supervisors run as they do everywhere: ``host`` is the program, ``reporter`` tells what
happens. Here, ``life`` is what its supervisor sees of it, and ``mirror`` shows what is below.
``wire`` is how they say it. Programs and actors with processes are started, and their output is
kept, by this side's backend: when that process dies, they are ended from here.
"""
