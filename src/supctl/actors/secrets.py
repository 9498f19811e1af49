"""Secrets: their text is read when a program starts, and handed to nobody but that."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Final

import trio

from supctl.backends.base import ProcessSpec
from supctl.errors import SpawnFailed

_LONGEST: Final = 64 * 1024
"""Bytes of a secret."""


async def revealed(spec: ProcessSpec) -> ProcessSpec:
    """Return ``spec`` with the text of its secrets in its environment.

    Raises:
        SpawnFailed: one of them cannot be read, or cannot be the text of a variable.
    """
    if not spec.secrets:
        return spec
    texts = await trio.to_thread.run_sync(partial(_read_all, spec))
    return replace(spec, env={**spec.env, **texts}, secrets=MappingProxyType({}))


def _read_all(spec: ProcessSpec) -> dict[str, str]:
    return {name: _read(spec, name, file) for name, file in spec.secrets.items()}


def _read(spec: ProcessSpec, name: str, file: str) -> str:
    def refused(number: int, why: str) -> SpawnFailed:
        mend = f"create it, or correct env.{name}" if number == errno.ENOENT else "mend the file"
        detail = f"the secret {name} is to come from {file}, which {why}; {mend}"
        return SpawnFailed(spec.command[0], "secret", number, detail)

    try:
        # What is no file could keep us waiting for ever: a pipe that nobody writes to.
        with open(file, "rb", opener=_without_waiting) as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise refused(errno.EINVAL, "is no regular file")
            content = opened.read(_LONGEST + 1)
    except OSError as error:
        number = error.errno or errno.EIO
        why = "does not exist" if number == errno.ENOENT else f"cannot be read: {error.strerror}"
        raise refused(number, why) from None
    if len(content) > _LONGEST:
        raise refused(errno.EFBIG, f"holds more than {_LONGEST // 1024} KiB")
    if b"\0" in content:
        raise refused(errno.EINVAL, "holds a NUL character, which no variable can have")
    return os.fsdecode(content.removesuffix(b"\n"))


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
