"""Messages as a sound peer sends them: what mutation starts from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from supctl.ipc import Codec
from supctl.ipc import messages as m
from supctl.ipc.extensions import Lent
from supctl.ipc.lending import ITEMS

VALUES: Final[list[Any]] = [
    None,
    2**70,
    (1, (2, {3}), frozenset({b"x"})),
    {(1, 2): "x"},
    datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    timedelta(seconds=1.5),
    Decimal("1.50"),
    UUID(int=1),
    Path("/tmp"),
    ValueError("no"),
    ExceptionGroup("two", [KeyError(1), OSError(2, "gone", "file")]),
    b"x" * 300,
    list(range(40)),
]

MESSAGES: Final[list[list[Any]]] = [
    [m.BYE, "so long"],
    [m.CALL, 1, "t", "echo", VALUES[:3], {"a": VALUES[4]}, 1.5, None],
    [m.CALL, 2, 7, "forever", [], {}, None, None],
    [m.CALL, 3, "t", "numbers", [], {}, None, 2],
    [m.CALL, 4, "t", "unknown", [], {}, None, None, {"3.1:17": "/a"}],
    [m.CALL, 5, "t", "count", [Lent(1), Lent(2)], {}, None, None],
    [m.CALL, 6, 1, ITEMS, [], {}, None, 3],
    [m.CANCEL, 2],
    [m.CREDIT, 3, 5],
    [m.CAST, "t", "echo", [VALUES[2]], {}],
    [m.RESULT, 1, VALUES[2]],
    [m.ERROR, 1, VALUES[9]],
    [m.ERROR, 2, None],
    [m.ITEM, 2, VALUES[3]],
    [m.END, 2],
    [m.PING, 1],
    [m.PONG, 1],
    *([m.RESULT, 1, value] for value in VALUES),
]

FRAMES: Final = [b"".join(Codec().encode(message)) for message in MESSAGES]
