"""Journals as documents: every kind of entry, and only the part that is asked for."""

from __future__ import annotations

import asyncio
from typing import Any

from flawless.core import entries
from flawless.core.encoding import encode_entries
from flawless.core.entries import FORMAT, Entry, Invoked
from flawless.engine.service import Service
from flawless.ids import DeploymentId, ExecutionId
from flawless.server.endpoints import journals
from flawless.stores import MemoryStore
from flawless.stores.base import Append, Chunk, Create, Journal

BEGAN_US = 1_800_000_000_000_000
FIRST = Invoked(FORMAT, "app.w", "d", BEGAN_US, b"s" * 32, b'{"a":[1],"k":{}}', 2, 5_000_000)
ERROR = b'{"type":"E","module":"app","message":"no","value":1}'


class Recorded(MemoryStore):
    """A store that tells which entries were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0

    async def journal(self, id: ExecutionId, start: int = 0, count: int | None = None) -> Journal:  # noqa: A002 (the word of the contract)
        """Count what is read."""
        chunks = await super().journal(id, start, count)
        self.read += sum(chunk.count for chunk in chunks)
        return chunks


async def stored(store: MemoryStore, chunks: list[list[Entry]]) -> Service:
    """Return a service whose store holds one execution with these chunks of entries."""
    await store.open()
    position = 0
    for n, found in enumerate(chunks):
        chunk = Chunk(position, len(found), encode_entries(position, found))
        position += len(found)
        id_ = ExecutionId("x")
        if n == 0:
            await store.commit([Create(id_, "app.w", DeploymentId("d"), b"d", BEGAN_US, chunk)])
        else:
            await store.commit([Append(id_, chunk, None, None, BEGAN_US)])
    return Service(store, [])


def documents(*given: Entry) -> list[dict[str, Any]]:
    """Return entries as the API gives them, without what all of them have."""

    async def read() -> list[dict[str, Any]]:
        service = await stored(MemoryStore(), [[FIRST, *given]])
        return (await journals.journal(service, "x", 0, 100)).entries

    shared = {"position", "at", "elapsed_us"}
    return [{k: v for k, v in one.items() if k not in shared} for one in asyncio.run(read())]


def test_every_kind_of_entry_has_a_document() -> None:
    """What was added for conversation, ending and repair is told in words and values."""
    until = "2027-01-15T08:00:00.000009Z"
    shown = documents(
        entries.Published(1, 7),
        entries.Responded(1, 7, ERROR),
        entries.CancelObserved(2, 7, 0, "why"),
        entries.CancelObserved(2, 7, 3, "why", 9, "bob"),
        entries.Parked(3, 4, "step app.s", True),
        entries.Resolved(4, 4, False, None, "ann"),
        entries.Resolved(4, 4, True, ERROR),
        entries.Resolved(4, 4, False, b'{"$":"tuple","v":[1]}'),
        entries.Retried(5, 0, 3, "bob"),
        entries.Retried(5, 2, 3),
        entries.Repeated(6, 2),
        entries.Continued(7, b'{"a":[],"k":{"n":1}}'),
        entries.Cancelled(8, ERROR),
    )
    error = {"type": "E", "module": "app", "message": "no"}
    deadline = {"deadline": "2027-01-15T08:00:05.000000Z", "deadline_us": 5_000_000}
    assert shown == [
        {
            "kind": "invoked", "workflow": "app.w", "deployment": "d", "run": 2,
            "input": {"args": [1], "kwargs": {}}, **deadline,
        },
        {"kind": "published", "label": "publish", "failed": False},
        {"kind": "responded", "label": "respond", "failed": True, "error": error},
        {"kind": "cancel_observed", "reason": "why", "by": ""},
        {
            "kind": "cancel_observed", "reason": "why", "by": "bob", "effect": 3,
            "until": until, "until_us": 9,
        },
        {"kind": "parked", "effect": 4, "label": "step app.s", "asked": True},
        {"kind": "resolved", "effect": 4, "by": "ann", "decision": "retry"},
        {"kind": "resolved", "effect": 4, "by": "", "decision": "error", "error": error},
        {"kind": "resolved", "effect": 4, "by": "", "decision": "ok", "value": [1]},
        {"kind": "retried", "by": "bob", "resume": 3},
        {"kind": "retried", "by": "", "resume": 3, "effect": 2},
        {"kind": "repeated", "effect": 2},
        {"kind": "continued", "input": {"args": [], "kwargs": {"n": 1}}},
        {"kind": "cancelled", "error": error},
    ]  # fmt: skip


def test_a_page_reads_a_page() -> None:
    """However long a journal is, a page reads what is on it, and knows the whole length."""

    async def read() -> None:
        store = Recorded()
        ticks: list[list[Entry]] = [[entries.ClockRead(n)] for n in range(1, 3_000)]
        service = await stored(store, [[FIRST], *ticks])
        page = await journals.journal(service, "x", 2_000, 500)
        assert [entry["elapsed_us"] for entry in page.entries] == list(range(2_000, 2_500))
        assert (page.length, page.next, store.read) == (3_000, 2_500, 500)
        assert page.entries[0]["at"] == "2027-01-15T08:00:00.002000Z"
        end = await journals.journal(service, "x", 2_900, 500)
        assert (len(end.entries), end.next) == (100, None)

    asyncio.run(read())


def test_a_page_begins_and_ends_within_chunks() -> None:
    """Positions count entries, whatever was committed together."""

    async def read() -> None:
        chunks: list[list[Entry]] = [[FIRST, entries.ClockRead(1), entries.ClockRead(2)]]
        chunks += [[entries.ClockRead(3), entries.ClockRead(4), entries.ClockRead(5)]]
        service = await stored(MemoryStore(), chunks)
        for first in range(7):
            for limit in range(1, 8):
                page = await journals.journal(service, "x", first, limit)
                wanted = list(range(6))[first : first + limit]
                assert [entry["position"] for entry in page.entries] == wanted
                assert page.next == (first + limit if first + limit < 6 else None)

    asyncio.run(read())
