"""A chat room: three actors in three processes, one of which is killed in the midst of it.

    python examples/actors/chat.py

The room is an actor, and so is every guest. Guests listen to the room's stream of messages; the
room monitors its guests, so that it knows when one is gone, however that came.
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator

import trio

import supctl
from supctl import Actor, Ended, Ref, Supervisor, Worker


class Room(Actor):
    """Tells everybody what is said, also those who come late."""

    async def init(self) -> None:
        self.said: list[str] = []
        self.news = trio.Event()
        self.guests: dict[Ref[Guest], str] = {}
        await self.registry.register("room", self.ref)

    async def join(self, name: str, guest: Ref[Guest]) -> None:
        self.guests[guest] = name
        self.monitor(guest)
        self.tell(f"* {name} comes in, from process {await guest.pid()}")

    async def say(self, guest: Ref[Guest], text: str) -> None:
        self.tell(f"{self.guests[guest]}: {text}")

    async def messages(self) -> AsyncIterator[str]:
        """All that has been said and will be."""
        seen = 0
        while True:
            while seen < len(self.said):
                yield self.said[seen]
                seen += 1
            await self.news.wait()

    async def handle_info(self, message: object) -> None:
        if isinstance(message, Ended):
            self.tell(f"* {self.guests.pop(message.ref)} is gone: {message.reason}")

    def tell(self, text: str) -> None:
        self.said.append(text)
        self.news.set()
        self.news = trio.Event()


class Guest(Actor):
    """Says hello, and greets whoever says it."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def init(self) -> None:
        self.start_soon(self.chat)

    async def chat(self) -> None:
        room: Ref[Room] | None = await self.registry.whereis("room")
        assert room is not None, "it starts before its guests"
        await room.join(self.name, self.ref)
        await room.say(self.ref, "hello!")
        async for message in room.messages():
            who, _, text = message.partition(": ")
            if text == "hello!" and who != self.name:
                await room.say(self.ref, f"welcome, {who}")

    async def pid(self) -> int:
        return os.getpid()


CHAT = Supervisor(
    "chat",
    [
        Worker("room", Room, isolation="process"),
        Worker("ann", Guest, "ann", isolation="process"),
        Worker("bob", Guest, "bob", isolation="process"),
    ],
    strategy="rest_for_one",  # guests of a room that is gone are nowhere
)


async def main() -> None:
    async with supctl.open_tree(CHAT) as tree:
        print(tree.picture(), end="\n\n")
        room: Ref[Room] = tree["room"].ref
        async for message in room.messages():
            print(message)
            if message == "ann: welcome, bob":
                if tree["bob"].restarts:
                    break
                tree["bob"].signal(signal.SIGKILL)
        print("\n" + tree.picture())


if __name__ == "__main__":
    trio.run(main)
