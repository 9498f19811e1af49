"""Probing: asking programs how they are.

``prober`` asks once, by ``network`` or ``command``; ``notes`` hears what programs tell by
themselves; ``liveness`` draws conclusions. When to ask, and what follows, is the app's.
"""
