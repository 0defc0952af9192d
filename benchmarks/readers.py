"""Readers of server-sent events, in a process of their own: `benchmarks.subscribers` starts it.

    python -m benchmarks.readers HOST PORT LIST_READERS EXECUTION_READERS

A line on standard input is the id of an execution that has been started: a reader that is free
follows it to its end. After the last line and the last end, what was seen is printed as JSON.

Cheap on purpose, so that the server is what is measured. Readers of the list get the same bytes,
so each batch is parsed once, and a reader only notes which batches it got. Lags are from the moment
the engine wrote the change, just before its commit, until its bytes came: both by this machine's
clock.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from array import array
from collections import deque
from collections.abc import Callable
from time import time_ns
from typing import Any, NamedTuple

import msgspec

from flawless import api

FINAL = frozenset({"completed", "failed", "cancelled"})
SILENCE_S_MAX = 60.0
"""After so long without any event whatever has not come is lost: a slow machine is only late."""
LAST_EVENTS_S_MAX = 600.0
"""How long the last events may take after the last start."""
CONNECTING_MAX = 100
BACK_TRIES_MAX = 10
_decode = msgspec.json.Decoder().decode


class Event(NamedTuple):
    """An event as it came."""

    kind: bytes
    id: bytes
    data: bytes


class Connection(asyncio.Protocol):
    """One stream: takes HTTP's chunks and the events in them apart."""

    def __init__(self, request: bytes, tell: Callable[[Event], None]) -> None:
        self._request = request
        self._tell = tell
        self._raw = b""
        self._body = b""
        self._transport: asyncio.Transport | None = None
        self.opened: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the stream."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Take what came apart."""
        raw = self._raw + data if self._raw else data
        if self.opened.cancelled():
            return  # nobody waits any more
        if not self.opened.done():
            head, found, raw = raw.partition(b"\r\n\r\n")
            if not found:
                self._raw = head
                return
            self.opened.set_result(head.startswith(b"HTTP/1.1 200"))
        while True:
            size, found, rest = raw.partition(b"\r\n")
            if not found or len(rest) < (length := int(size, 16)) + 2:
                break
            self._take(rest[:length])
            raw = rest[length + 2 :]
            if length == 0:
                self.close()
                return
        self._raw = raw

    def _take(self, body: bytes) -> None:
        *blocks, self._body = (self._body + body).split(b"\n\n")
        for block in blocks:
            if block.startswith(b"event: "):
                kind, id_, data = block.split(b"\n", 2)
                self._tell(Event(kind[7:], id_[4:], data[6:]))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that it is over."""
        if not self.opened.done():
            self.opened.set_result(False)
        if not self.closed.done():
            self.closed.set_result(None)

    def close(self) -> None:
        """Break the connection."""
        if self._transport is not None:
            self._transport.close()


class Readers:
    """All readers, and what they have seen."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._gate = asyncio.Semaphore(CONNECTING_MAX)
        self.started: set[str] = set()
        self.list_lags_us = array("q")
        self.execution_lags_us = array("q")
        self.events = {"changes": 0, "reset": 0}
        self.bytes = 0
        self.problems: deque[str] = deque(maxlen=20)
        self.problem_count = 0
        self.connections = 0
        # What the list's readers got: distinct batches, and for each reader which of them.
        self.batches: dict[bytes, int] = {}
        self.ends: list[list[tuple[str, int]]] = []
        self.got: list[array[int]] = []
        self.followed: set[str] = set()
        self.entries = 0
        self.waiting: asyncio.Queue[str | None] = asyncio.Queue()

    def problem(self, text: str) -> None:
        """Note that something was lost, doubled or out of order."""
        self.problem_count += 1
        self.problems.append(text)

    async def _connect(
        self, path: str, last_id: bytes, tell: Callable[[Event], None]
    ) -> Connection:
        last = b"Last-Event-ID: %b\r\n" % last_id if last_id else b""
        request = b"GET %b HTTP/1.1\r\nHost: %b:%d\r\n%b\r\n" % (
            f"{api.PREFIX}{path}".encode(), self._host.encode(), self._port, last,
        )  # fmt: skip
        async with self._gate:
            _, made = await asyncio.get_running_loop().create_connection(
                lambda: Connection(request, tell), self._host, self._port
            )
            self.connections += 1
            if not await made.opened:
                self.problem(f"{path} was refused")
        return made

    # --- the list -----------------------------------------------------------------------------

    async def read_list(self, ready: asyncio.Event) -> None:
        """Read the list's changes until cancelled."""
        mine: array[int] = array("l")
        self.got.append(mine)

        def tell(event: Event) -> None:
            now_us = time_ns() // 1_000
            self.bytes += len(event.data)
            if event.kind == b"reset":
                self.events["reset"] += 1
                if ready.is_set():
                    self.problem("a reader of the list was told to begin anew")
                ready.set()
                return
            self.events["changes"] += 1
            number = self.batches.get(event.data)
            if number is None:
                number = self._parse(event.data)
            mine.append(number)
            for _, written_us in self.ends[number]:
                self.list_lags_us.append(now_us - written_us)

        connection = await self._connect("/events?prefix=visit-", b"", tell)
        try:
            await connection.closed
            self.problem("a stream of the list ended")
        finally:
            connection.close()

    def _parse(self, data: bytes) -> int:
        number = self.batches[data] = len(self.ends)
        self.ends.append(
            [
                (one["id"], api.microseconds(one["updated_at"]))
                for one in _decode(data)["executions"]
                if one["status"] in FINAL
            ]
        )
        return number

    # --- single executions --------------------------------------------------------------------

    async def follow_one_after_the_other(self) -> None:
        """Follow executions to their ends, as long as any are started."""
        while (execution := await self.waiting.get()) is not None:
            await self._follow(execution)
        self.waiting.put_nowait(None)

    async def _follow(self, execution: str) -> None:
        seen = _Seen()

        def tell(event: Event) -> None:
            now_us = time_ns() // 1_000
            self.bytes += len(event.data)
            kind = event.kind.decode()
            self.events[kind] = self.events.get(kind, 0) + 1
            seen.last_id = event.id
            data = _decode(event.data)
            if seen.ended:
                self.problem(f"{execution}: {kind} after the end")
            if kind == "journal":
                positions = [entry["position"] for entry in data["entries"]]
                wanted = list(range(seen.position, seen.position + len(positions)))
                if positions != wanted:
                    self.problem(f"{execution}: entries {positions} instead of {wanted}")
                seen.position += len(positions)
                seen.length = data["length"]
                self.entries += len(positions)
                if seen.live:  # what came first was history
                    written_us = api.microseconds(data["entries"][-1]["at"])
                    self.execution_lags_us.append(now_us - written_us)
                seen.live = True
            elif kind == "state":
                version = data["version"] or 0
                if version < seen.version:
                    self.problem(f"{execution}: state {version} after {seen.version}")
                seen.version = version
            elif kind == "execution":
                seen.status = data["status"]
            elif kind == "end":
                seen.ended = True
                if seen.status != data["status"] or seen.position != seen.length:
                    self.problem(f"{execution}: the end came before {seen}")
                if data["status"] != "completed" or seen.version != 3:
                    self.problem(f"{execution}: ended {data} with state {seen.version}")

        path = f"/executions/{execution}/events?include=execution,state,journal,logs"
        for _ in range(BACK_TRIES_MAX):
            connection = await self._connect(path, seen.last_id, tell)
            await connection.closed
            if seen.ended:
                self.followed.add(execution)
                return
            seen.live = False
        self.problem(f"{execution}: its stream breaks off again and again")

    # --- the result ---------------------------------------------------------------------------

    def missing(self) -> int:
        """Return how many ends readers of the list have not seen, summed over readers."""
        lost = 0
        known: dict[bytes, int] = {}  # many readers got the very same batches
        for mine in self.got:
            key = mine.tobytes()
            if key not in known:
                seen = {id_ for number in set(mine) for id_, _ in self.ends[number]}
                known[key] = len(self.started - seen)
            lost += known[key]
        return lost

    def report(self) -> dict[str, Any]:
        """Return what was seen."""
        lost = self.missing()
        if lost:
            self.problem(f"{lost} ends never reached a reader of the list")
        unfollowed = self.started - self.followed
        if unfollowed:
            self.problem(f"{len(unfollowed)} executions were not followed to their end")
        return {
            "started": len(self.started),
            "events": self.events,
            "entries": self.entries,
            "bytes": self.bytes,
            "batches": len(self.batches),
            "connections": self.connections,
            "list_lag_ms": _quantiles(self.list_lags_us),
            "execution_lag_ms": _quantiles(self.execution_lags_us),
            "problems": self.problem_count,
            "first_problems": list(self.problems),
        }


class _Seen:
    """What one reader knows of its execution."""

    def __init__(self) -> None:
        self.position = 0
        self.length = 0
        self.version = 0
        self.status = ""
        self.last_id = b""
        self.ended = False
        self.live = False

    def __repr__(self) -> str:
        return f"{self.status}, {self.position} of {self.length} entries"


def _quantiles(lags_us: array[int]) -> dict[str, float]:
    ordered = sorted(lags_us)
    if not ordered:
        return {}
    return {
        "count": len(ordered),
        "p50": ordered[len(ordered) // 2] / 1_000,
        "p99": ordered[len(ordered) * 99 // 100] / 1_000,
        "max": ordered[-1] / 1_000,
    }


async def main(host: str, port: int, list_readers: int, execution_readers: int) -> None:
    """Read until the input ends and everything was seen, or takes too long."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 10_000)), hard))
    readers = Readers(host, port)
    ready = [asyncio.Event() for _ in range(list_readers)]
    listing = [asyncio.ensure_future(readers.read_list(one)) for one in ready]
    for one in ready:
        await one.wait()
    print("ready", flush=True)
    following = [
        asyncio.ensure_future(readers.follow_one_after_the_other())
        for _ in range(execution_readers)
    ]
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    while line := await lines.readline():
        execution = line.decode().strip()
        readers.started.add(execution)
        readers.waiting.put_nowait(execution)
    readers.waiting.put_nowait(None)
    loop = asyncio.get_running_loop()
    until, heard, heard_at = loop.time() + LAST_EVENTS_S_MAX, readers.bytes, loop.time()
    while loop.time() < min(until, heard_at + SILENCE_S_MAX):
        await asyncio.sleep(0.5)
        if all(task.done() for task in following) and not readers.missing():
            break
        if readers.bytes != heard:
            heard, heard_at = readers.bytes, loop.time()
    report = readers.report()
    for task in (*listing, *following):
        task.cancel()
    await asyncio.gather(*listing, *following, return_exceptions=True)
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:5])))
