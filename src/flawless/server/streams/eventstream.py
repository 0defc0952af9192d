"""One open stream of events: a reader's pages on their way to a client, for as long as both live.

Readers pull. A reader that is woken reads at most one page from behind its cursor; the page is sent
before the next one is read, and sending waits for the client to take what was sent before. So the
most that is held for a client is one page, and what it misses meanwhile stays in the store.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Protocol

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from flawless.engine.changes import Watch
from flawless.errors import EngineStopped, FlawlessError
from flawless.server.streams import events
from flawless.server.wire.problems import TooManyStreams

_log = logging.getLogger("flawless.server")

STREAMS_MAX: Final = 5_000
"""Streams that are open at the same time, fewer where there are not twice as many places for
connections; further ones are answered with 503."""
HEARTBEAT_S: Final = 15.0
"""How often a stream shows that it lives, and is looked at whether it still may."""
READS_AT_ONCE: Final = 8
"""Pages that are read before everything else on the loop has its turn."""
COSTLY_READ_S: Final = 0.001
"""Where readers wait for their turn, one that took longer keeps its turn for a while: so at most
half of the loop's time is for reading, however many readers there are."""
READING_SHARE: Final = 10
"""After reading, a reader rests for so many times as long as that took: one that is expensive must
not take the loop for itself."""
REST_S_MAX: Final = 1.0
LAST_PIECE_S_MAX: Final = 1.0
"""How long a client may take for the end of a stream when the server stops."""

Allowed = Callable[[], bool]
"""Whether the stream may go on: its caller's token may have been revoked, or have expired."""


class Reader(Protocol):
    """Reads from behind a cursor. Within its `with` block it listens."""

    @property
    def watch(self) -> Watch:
        """Tells that there may be something to read."""
        ...

    rest_s: float
    """How long it rests after reading, so that what changes meanwhile is read together."""
    behind: bool
    """Whether there is more to read at once."""
    over: bool
    """Whether nothing follows any more."""

    def __enter__(self) -> object:
        """Begin to listen."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Listen no more."""
        ...

    @property
    def id(self) -> str:
        """The id of what was read last; empty where there is none yet."""
        ...

    async def open(self) -> bool:
        """Check where to begin; False when the client has all that there will ever be.

        Raises what the client is to be told instead of being sent a stream.
        """
        ...

    async def read(self) -> bytes:
        """Return the events of the next page; empty, if there is nothing."""
        ...


class OpenStreams:
    """The streams that are open, their number bounded. `stopping` ends them all."""

    def __init__(self, stopping: asyncio.Event, most: int | None = None) -> None:
        self.turns = asyncio.Semaphore(READS_AT_ONCE)
        self._stopping = stopping
        self._max = STREAMS_MAX if most is None else min(STREAMS_MAX, most)
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._watcher: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> None:
        """Admit a stream; raises `TooManyStreams` and `EngineStopped`."""
        if self._stopping.is_set():
            raise EngineStopped("the server is stopping; connect again when it is back")
        if self._count >= self._max:
            raise TooManyStreams(
                f"{self._max:,} streams of events are open already, and the server holds no more"
            )
        self._count += 1
        if self._watcher is None:
            self._watcher = asyncio.ensure_future(self._end_when_stopping())

    def __exit__(self, *_: object) -> None:
        self._count -= 1
        if self._count == 0 and self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    def add(self, task: asyncio.Task[None]) -> None:
        """Cancel a task, if it is still there, when the server stops."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._stopping.is_set():
            task.cancel()

    async def _end_when_stopping(self) -> None:
        await self._stopping.wait()
        for task in list(self._tasks):
            task.cancel()


class EventStream(Response):
    """A response that goes on until its reader is at the end, the client leaves, or we stop."""

    media_type = events.MEDIA_TYPE

    def __init__(
        self,
        streams: OpenStreams,
        share: AbstractContextManager[object],
        reader: Reader,
        allowed: Allowed,
    ) -> None:
        super().__init__(headers=events.HEADERS)
        self._share = share
        del self.headers["Content-Length"]
        self._streams = streams
        self._reader = reader
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream. Errors before its first event are answered as those of any request."""
        reader = self._reader
        with self._share, self._streams, reader:
            if not await reader.open():
                await Response(status_code=204)(scope, receive, send)
                return
            opening = events.opening(reader.id)
            if scope["method"] == "GET":
                opening += (await self._read())[0]
            start = {"type": "http.response.start", "status": self.status_code}
            await send({**start, "headers": self.raw_headers})
            if scope["method"] != "GET" or await self._stream(opening, receive, send):
                await _send_last(send)

    async def _stream(self, opening: bytes, receive: Receive, send: Send) -> bool:
        """Send pages until the stream is at its end; False when the client has left before."""
        writing = asyncio.ensure_future(self._write(opening, send))
        leaving = asyncio.ensure_future(_left(receive))
        self._streams.add(writing)
        try:
            await asyncio.wait({writing, leaving}, return_when=asyncio.FIRST_COMPLETED)
            left = leaving.done()
        finally:
            writing.cancel()
            leaving.cancel()
            await asyncio.wait({writing, leaving})
        if not writing.cancelled():
            writing.result()
        return not left

    async def _write(self, opening: bytes, send: Send) -> None:
        reader, loop = self._reader, asyncio.get_running_loop()
        await send(_piece(opening))
        beat_at = loop.time() + HEARTBEAT_S
        rest_s = reader.rest_s
        try:
            while not reader.over:
                if not reader.behind:
                    if rest_s > 0:
                        await asyncio.sleep(rest_s)
                    await _wait(reader.watch, beat_at - loop.time())
                if loop.time() >= beat_at:
                    if not self._allowed():
                        return
                    await send(_piece(events.heartbeat(reader.id)))
                    beat_at = loop.time() + HEARTBEAT_S
                if reader.behind or reader.watch.pending:
                    piece, took_s = await self._read()
                    if piece:
                        await send(_piece(piece))
                    rest_s = max(reader.rest_s, min(took_s * READING_SHARE, REST_S_MAX))
        except FlawlessError as error:
            # Whoever connects again is answered with the problem, or goes on where this ended.
            _log.warning("a stream of events ended: %s", error)

    async def _read(self) -> tuple[bytes, float]:
        """Return a page and the seconds that it took."""
        loop = asyncio.get_running_loop()
        async with self._streams.turns:
            began = loop.time()
            piece = await self._reader.read()
            took_s = loop.time() - began
            crowded = took_s >= COSTLY_READ_S and self._streams.turns.locked()
            await asyncio.sleep(took_s * READS_AT_ONCE if crowded else 0)
        return piece, took_s


def _piece(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}


async def _send_last(send: Send) -> None:
    last: Message = {"type": "http.response.body", "body": b"", "more_body": False}
    try:
        async with asyncio.timeout(LAST_PIECE_S_MAX):
            await send(last)
    except TimeoutError:
        pass


async def _left(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _wait(watch: Watch, most_s: float) -> None:
    """Wait for something to read, but not for long."""
    try:
        async with asyncio.timeout(max(0.0, most_s)):
            await watch.wait()
    except TimeoutError:
        pass
