"""Who waits for ends and responses of executions, and what is known of ends without asking."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from weakref import WeakValueDictionary

import msgspec

from flawless.core.entries import Continued
from flawless.core.entries import End as EndEntry
from flawless.core.status import Status
from flawless.engine.endings import status_of
from flawless.errors import EngineStopped


class End(msgspec.Struct, frozen=True):
    """How an execution ended: `payload` is the JSON of its result or of its error object.

    An earlier run that `continued` in the next one has neither: `payload` is that one's input.
    """

    status: Status
    payload: bytes
    continued: bool = False


def end_of(final: EndEntry) -> End:
    """Return what the last entry of a journal says."""
    return End(status_of(final), final.payload, isinstance(final, Continued))


class Known:
    """Becomes the `end` of an execution when that has completed, and no longer changes then.

    Whoever holds it need not ask; it is filled on the loop, and may be looked at in any thread.
    """

    __slots__ = ("__weakref__", "end")

    def __init__(self) -> None:
        self.end: End | None = None


class Waiters:
    """Of one engine, on its loop. Futures are resolved when what they wait for is durable."""

    def __init__(self) -> None:
        self._ends: dict[str, list[asyncio.Future[End | None]]] = {}
        self._responses: dict[str, set[asyncio.Future[None]]] = {}
        self._known: WeakValueDictionary[str, Known] = WeakValueDictionary()

    @contextmanager
    def for_end(self, execution: str) -> Generator[asyncio.Future[End | None], None, None]:
        """Inside, the future gets the end if that comes now."""
        future: asyncio.Future[End | None] = asyncio.get_running_loop().create_future()
        waiting = self._ends.setdefault(execution, [])
        waiting.append(future)
        try:
            yield future
        finally:
            if future.done() and not future.cancelled():
                future.exception()  # whoever has found the end meanwhile does not look at it
            waiting.remove(future)
            if not waiting and self._ends.get(execution) is waiting:
                del self._ends[execution]

    @contextmanager
    def for_response(self, execution: str) -> Generator[asyncio.Future[None], None, None]:
        """Inside, the future is resolved when a response, or the end, comes now."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._responses.setdefault(execution, set())
        waiting.add(future)
        try:
            yield future
        finally:
            waiting.discard(future)
            if not waiting and self._responses.get(execution) is waiting:
                del self._responses[execution]

    def make_known(self, execution: str, known: Known) -> None:
        """Fill `known` when this execution, which is about to begin, completes."""
        self._known.setdefault(execution, known)

    def forget(self, execution: str, known: Known) -> None:
        """Take back `make_known`: the execution that has the id is another one."""
        if self._known.get(execution) is known:
            del self._known[execution]

    def ended(self, execution: str, final: EndEntry) -> None:
        """Tell of an end."""
        known = self._known.pop(execution, None) if self._known else None
        waiting = self._ends.get(execution, ())
        if known is not None or waiting:
            end = end_of(final)
            if known is not None and end.status is Status.COMPLETED and not end.continued:
                known.end = end
            for future in waiting:
                if not future.done():
                    future.set_result(end)
        self.responded(execution)

    def responded(self, execution: str) -> None:
        """Tell of a response."""
        for future in self._responses.get(execution, ()):
            if not future.done():
                future.set_result(None)

    def stopped(self, execution: str, error: Exception) -> None:
        """Tell that this engine cannot run an execution any further."""
        for future in self._ends.get(execution, ()):
            if not future.done():
                future.set_exception(error)

    def close(self) -> None:
        """Tell all that the engine has stopped."""
        waiting: list[asyncio.Future[End | None] | asyncio.Future[None]] = []
        for ends in self._ends.values():
            waiting += ends
        for responses in self._responses.values():
            waiting += responses
        stopped = EngineStopped("the engine was closed; the execution goes on with the next one")
        for future in waiting:
            if not future.done():
                future.set_exception(stopped)
        self._ends.clear()
        self._responses.clear()
