"""Every app's output: into files, byte for byte, and before the eyes of who watches.

``directory`` says where it goes, ``capture`` brings it there, ``file`` bears what the disk does;
``display`` shows it line by line, ``lines`` cuts chunks into lines. Threads are used, trio is
not: a slow disk or a stuck terminal must not hold up the supervising loop.
"""
