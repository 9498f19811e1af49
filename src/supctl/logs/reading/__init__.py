"""Reading logs back: what programs have written, and what they write, whoever writes the files.

``place`` says where an output is, ``forms`` makes entries of stored lines, ``trail`` follows one
log over its files, ``follower`` waits for more of many, ``window`` says which entries are wanted.
Nothing here needs the daemon, and nothing here is loaded by it to write.
"""
