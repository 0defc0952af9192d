"""Pages of what waits for decisions: journals are read only as far as one request may."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from watching import with_app

from flawless.core.encoding import encode_entries
from flawless.core.entries import FORMAT, Entered, Entry, Invoked, Parked
from flawless.core.status import Status
from flawless.engine.service import Service
from flawless.ids import DeploymentId, ExecutionId
from flawless.server.endpoints import decisions
from flawless.stores import MemoryStore
from flawless.stores.base import Append, Chunk, Create, Journal

BEGAN_US = 1_800_000_000_000_000
ENTRIES = {"one": 3, "two": 5, "three": 3, "four": 9}
"""How long the journals are: the first entry, and two for each effect that waits."""


class Recorded(MemoryStore):
    """A store that tells whose journals were read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    async def journal(self, id: ExecutionId, start: int = 0, count: int | None = None) -> Journal:  # noqa: A002 (the word of the contract)
        """Note who is read."""
        self.read.append(id)
        return await super().journal(id, start, count)


async def park(store: MemoryStore, name: str, length: int) -> None:
    """Store an execution whose effects all wait for a decision."""
    found: list[Entry] = [
        Invoked(FORMAT, "app.w", "d", BEGAN_US, b"s" * 32, b'{"a":[],"k":{}}'),
    ]
    for effect in range(1, length // 2 + 1):
        found += [Entered(1, 7, effect, "step app.s"), Parked(2, effect, "step app.s")]
    chunk = Chunk(0, len(found), encode_entries(0, found))
    id_ = ExecutionId(name)
    await store.commit(
        [
            Create(id_, "app.w", DeploymentId("d"), b"d", BEGAN_US, chunk),
            Append(id_, None, Status.PARKED, None, BEGAN_US),
        ]
    )


@pytest.mark.parametrize(
    ("path", "given", "listed", "named"),
    [
        ("/inbox", {}, "items", "execution"),
        ("/executions", {"status": "parked"}, "executions", "id"),
    ],
)
@pytest.mark.parametrize(
    ("bound", "pages"),
    [
        (1, [["four"], ["three"], ["two"], ["one"]]),
        (8, [["four"], ["three", "two"], ["one"]]),
        (20, [["four", "three", "two", "one"]]),
    ],
)
def test_a_page_ends_with_what_may_be_read(
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    given: dict[str, str],
    listed: str,
    named: str,
    bound: int,
    pages: list[list[str]],
) -> None:
    """However long journals are, a page reads no more than that, and the next one goes on."""
    monkeypatch.setattr(decisions, "READ_ENTRIES_MAX", bound)
    store = Recorded()

    async def work(client: httpx.AsyncClient, app: Starlette) -> None:
        for name, length in ENTRIES.items():
            await park(store, name, length)
        query = dict(given)
        seen: list[dict[str, Any]] = []
        for names in pages:
            store.read.clear()
            answer = await client.get(f"/api/v1{path}", params=query)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            assert [*dict.fromkeys(one[named] for one in page[listed])] == names
            assert store.read == names
            seen += page[listed]
            query["before"] = page["next"] or ""
        assert query["before"] == ""
        waiting = sum(length // 2 for length in ENTRIES.values())
        assert sum(len(one.get("parked", [one])) for one in seen) == waiting

    with_app(Service(store, ["shop"]), work)
