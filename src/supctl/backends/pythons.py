"""Python code in processes of its own: forked by a zygote, or in fresh interpreters."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TypeAlias

import trio

from supctl.errors import SpawnFailed

from .base import Notify, Process, PythonSpec
from .zygote.child import LEAVE
from .zygote_link import Spawn, Talk, ZygoteLink, close_all

Adopt: TypeAlias = Callable[[int, PythonSpec, Mapping[str, int], Notify | None], Awaitable[Process]]
"""Holds a process, given its pid, and with it duplicates of descriptors, by name."""


class Pythons:
    """Starts them for a backend. The zygote is started by the first who needs it.

    A zygote that dies takes nobody with it: what it has forked are children of the reaper. The
    next start begins with a new one.

    Args:
        spawn, adopt: of the backend.
        nursery: of the backend, in which links are served.
    """

    def __init__(self, spawn: Spawn, adopt: Adopt, nursery: trio.Nursery) -> None:
        self._spawn, self._adopt, self._nursery = spawn, adopt, nursery
        self._zygote: ZygoteLink | None = None
        self._one_at_a_time = trio.Lock()
        self._links: set[ZygoteLink] = set()

    async def spawn(
        self, spec: PythonSpec, notify: Notify | None
    ) -> tuple[Process, tuple[int, ...]]:
        """Start a process; as :meth:`supctl.backends.base.Backend.spawn_python`."""
        try:
            talk = Talk.open(with_socket=spec.with_socket)
        except OSError as error:
            raise SpawnFailed(spec.entry, "system", error.errno or 0) from None
        try:
            if spec.start_method == "fork":
                process = await self._fork(spec, talk, notify)
            else:
                process = await self._start_fresh(spec, talk, notify)
        except BaseException:
            close_all(talk.ours)
            raise
        finally:
            close_all(talk.theirs)
        return process, talk.ours

    async def _fork(self, spec: PythonSpec, talk: Talk, notify: Notify | None) -> Process:
        async with self._one_at_a_time:
            zygote = await self._prepared(spec)
        reads, writes = _output_pipes(spec)
        try:
            pid = await zygote.fork(spec.entry, [*writes, *talk.theirs])
            held = {"stdout": reads[0], "stderr": reads[1], "notify": talk.ours[-1]}
            process = await self._adopt(pid, spec, held if spec.kept else {}, notify)
            with suppress(BrokenPipeError):  # it has been killed already, and that will be told
                os.write(talk.ours[1], LEAVE)
        except BaseException:
            close_all(reads)
            raise
        finally:
            close_all(writes)
        process.stdout, process.stderr = reads
        return process

    async def _prepared(self, spec: PythonSpec) -> ZygoteLink:
        if self._zygote is None or self._zygote.is_lost:
            self._zygote = await self._start(spec, None)
        await self._zygote.prepare(spec)
        return self._zygote

    async def _start_fresh(self, spec: PythonSpec, talk: Talk, notify: Notify | None) -> Process:
        link = await self._start(spec, notify, talk.ours[-1] if spec.kept else None)
        assert link.process is not None
        try:
            await link.prepare(spec)
            link.become(spec.entry, list(talk.theirs))
        except BaseException:
            link.process.kill()
            close_all([fd for fd in link.process.take_output() if fd is not None])
            raise
        return link.process

    async def _start(
        self, spec: PythonSpec, notify: Notify | None, held: int | None = None
    ) -> ZygoteLink:
        link = await ZygoteLink.start(self._spawn, spec, notify, held)
        self._links.add(link)
        self._nursery.start_soon(self._serve, link)
        return link

    async def _serve(self, link: ZygoteLink) -> None:
        with trio.CancelScope(shield=True) as link.scope:
            await link.serve()
        self._links.discard(link)
        link.close()

    def close(self) -> None:
        """Serve no more."""
        for link in self._links:
            link.scope.cancel()


def _output_pipes(spec: PythonSpec) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return read ends and write ends for standard output and standard error."""
    made: list[int] = []
    try:
        for _ in range(2):
            made += os.pipe2(os.O_CLOEXEC)
    except OSError as error:
        close_all(made)
        raise SpawnFailed(spec.entry, "system", error.errno or 0) from None
    for fd in made[::2]:
        os.set_blocking(fd, False)
    return (made[0], made[2]), (made[1], made[3])
