"""For those who test: a pytest plugin for real processes, and rehearsals in virtual time."""
