"""The app actor: one life of one managed program.

``machine`` decides, ``actor`` waits and does.
"""
