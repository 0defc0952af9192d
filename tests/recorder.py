"""Executions that note what their guest asks, in the form in which `replay` tells it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import seams
from flawless.engine import loading
from flawless.engine.execution import LiveExecution


@contextmanager
def recorded() -> Iterator[dict[str, list[bytes]]]:
    """Give the questions of every execution's latest guest, by execution, while this lasts."""
    questions: dict[str, list[bytes]] = {}
    printing: set[str] = set()

    class Recorded(LiveExecution):
        def begin(self, *args: Any) -> None:
            questions[self.id] = []
            super().begin(*args)

        def call(self, request: bytes) -> bytes | None:
            if self.id not in printing:
                questions[self.id].append(request)
            return super().call(request)

        def clock_ns(self) -> int:
            questions[self.id].append(b"clock")
            return super().clock_ns()

        def random(self, size: int) -> bytes:
            questions[self.id].append(b"random %d" % size)
            return super().random(size)

        def write(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
            questions[self.id].append(stream.encode() + b" " + data)
            printing.add(self.id)  # it becomes requests that no guest has made
            try:
                super().write(stream, data)
            finally:
                printing.discard(self.id)

        def sleep_until_ns(self, deadline_ns: int) -> bool:
            questions[self.id].append(b"sleep %d" % deadline_ns)
            return super().sleep_until_ns(deadline_ns)

    undo = seams.rebuild(loading, "LiveExecution", lambda _: Recorded)
    try:
        yield questions
    finally:
        undo()
