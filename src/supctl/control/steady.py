"""A line to the daemon that goes on when another daemon has taken over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from supctl.errors import ConnectionLost, NoDaemon

from .line import Line
from .question import Question


class SteadyLine:
    """A line that is replaced when the daemon is lost and another one listens. Any thread may ask.

    What was asked and not answered is asked again, where that cannot do harm; who follows events
    goes on behind the last one that has come.

    Args:
        line: the first.
        reach: returns another; raises NoDaemon if no daemon is there.
    """

    def __init__(self, line: Line, reach: Callable[[], Line]) -> None:
        self._line, self._reach = line, reach
        self._one_at_a_time = threading.Lock()
        self._is_closed = False

    @property
    def daemon(self) -> dict[str, Any]:
        """What the daemon has told of itself."""
        return self._line.daemon

    def close(self) -> None:
        """Hang up."""
        self._is_closed = True
        self._line.close()

    def call(self, method: str, kwargs: Mapping[str, Any], timeout: float | None = None) -> Any:
        """As :meth:`Line.call`.

        Raises:
            ConnectionLost: the daemon is gone; or as :meth:`Question.repeat`.
        """
        question = Question(method, kwargs)
        while True:
            line = self._line
            try:
                return line.call(method, question.kwargs, timeout)
            except ConnectionLost as error:
                self._replace(line, error)
                question.repeat(error)

    def stream(self, method: str, kwargs: Mapping[str, Any]) -> Iterator[Any]:
        """As :meth:`Line.stream`."""
        question = Question(method, kwargs)
        while True:
            line = self._line
            try:
                for item in line.stream(method, question.kwargs):
                    yield item
                    question.note(item)
                return
            except ConnectionLost as error:
                self._replace(line, error)
                question.repeat(error)

    def _replace(self, line: Line, error: ConnectionLost) -> None:
        """Have another line in place of one that is lost. Raises ``error`` if none can be had, or
        if it is the daemon that tells of it, about somebody else."""
        with self._one_at_a_time:
            if self._line is not line:
                return  # somebody else has seen to it
            if self._is_closed or not line.is_lost:
                raise error
            try:
                self._line = self._reach()
            except (NoDaemon, ConnectionLost):
                raise error from None
        line.close()
