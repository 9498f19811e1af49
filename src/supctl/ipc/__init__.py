"""How processes talk: bytes and calls, and nothing of what is called.

``framing`` cuts a byte stream into frames. It is what daemon and reaper speak
through, and what the RPC between actors is built on. Standard library only, because
the reaper imports it.
"""
