"""Output as it comes, for those who follow."""

from __future__ import annotations

from contextlib import aclosing

import trio

from supctl.daemon.lines import Lines

BOTH = ("stdout", "stderr")


def line(address: str, text: str, stream: str = "stdout") -> dict[str, str]:
    return {"event": "line", "address": address, "stream": stream, "line": text}


async def test_lines_come_whole_and_only_those_that_are_wanted() -> None:
    lines = Lines()
    with lines.follow(["/shop"], ("stdout",)) as reader:
        lines("/shop/a", "stdout", b"one\ntw")
        lines("/shopping", "stdout", b"not this\n")
        lines("/shop/a", "stderr", b"nor this\n")
        lines("/shop/a", "stdout", b"o\n\xff")
        lines("/shop/a", "stdout", b"")
        async with aclosing(aiter(reader)) as items:
            told = [await anext(items) for _ in range(3)]
    assert told == [line("/shop/a", it) for it in ("one", "two", "\\xff")]


async def test_a_slow_reader_is_told_how_many_it_missed_and_goes_on() -> None:
    lines = Lines()
    flood = b"x" * 99 + b"\n"
    with lines.follow([""], BOTH) as reader:
        for _ in range(100):
            lines("/a", "stderr", flood * 1000)
        async with aclosing(aiter(reader)) as items:
            seen = 0
            while (item := await anext(items))["event"] == "line":
                seen += 1
            assert item == {"event": "lines_missed", "count": 100_000 - seen}
            assert 10_000 < seen < 12_000
            lines("/a", "stderr", b"last\n")
            assert await anext(items) == line("/a", "last", "stderr")


async def test_output_comes_from_another_thread() -> None:
    lines = Lines()
    with lines.follow([""], BOTH) as reader:
        async with aclosing(aiter(reader)) as items, trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, lines, "/a", "stdout", b"hello\n")
            assert await anext(items) == line("/a", "hello")


async def test_who_has_left_gets_nothing() -> None:
    lines = Lines()
    with lines.follow([""], BOTH) as reader:
        pass
    lines("/a", "stdout", b"hello\n")
    with trio.move_on_after(0.01) as scope:
        async with aclosing(aiter(reader)) as items:
            await anext(items)
    assert scope.cancelled_caught
