"""How processes talk: bytes and calls, and nothing of what is called.

From the bottom up:

- ``framing`` cuts a byte stream into frames; daemon and reaper speak through it. Standard
  library only, because the reaper imports it.
- ``extensions``, ``registry``, ``failures``, ``place``, ``codec``: values to msgpack and back.
- ``messages``: the kinds of messages and their shapes.
- ``transport``, ``channel``: messages over descriptors or a trio stream.
- ``caller``, ``waiting``: what we ask. ``answering``, ``request``, ``producing``: what is
  asked of us. ``hello``, ``heartbeat``, ``connection``: the conversation as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .codec import Codec as Codec
    from .connection import Connection as Connection
    from .connection import open_connection as open_connection
    from .heartbeat import Heartbeat as Heartbeat
    from .hello import Hello as Hello
    from .registry import Registry as Registry
    from .registry import message as message
    from .request import Request as Request
    from .request import Service as Service
    from .transport import DescriptorTransport as DescriptorTransport
    from .transport import StreamTransport as StreamTransport

# Loaded on use: the reaper imports `framing` with nothing but the standard library.
_PLACES = {
    "Codec": "codec",
    "Connection": "connection",
    "open_connection": "connection",
    "Heartbeat": "heartbeat",
    "Hello": "hello",
    "Registry": "registry",
    "message": "registry",
    "Request": "request",
    "Service": "request",
    "DescriptorTransport": "transport",
    "StreamTransport": "transport",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_PLACES[name]}", __name__), name)
