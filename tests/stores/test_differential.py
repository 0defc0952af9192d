"""The same random history, fed to a memory store and an SQLite store, must have the same effects.

A failure prints the shortest history that Hypothesis finds, as a program, and a line that repeats
it (`@reproduce_failure`). The SQLite store is given a tiny log and a tiny cache, so that
checkpoints and cache misses happen all the time.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from flawless.core.status import Status
from flawless.errors import ExecutionNotFound, StoreConflict
from flawless.ids import DeploymentId, ExecutionId
from flawless.stores import (
    Append,
    Chunk,
    Create,
    MemoryStore,
    SaveAttempts,
    SaveBlob,
    SaveDeployment,
    SQLiteStore,
    Write,
)

IDS = st.sampled_from([ExecutionId(f"{letter}{n}") for letter in "abA" for n in range(4)])
DEPLOYMENTS = st.sampled_from([DeploymentId("d1"), DeploymentId("d2")])
WORKFLOWS = st.sampled_from(["app.one", "app.two"])
TIMES = st.integers(0, 50)
DATA = st.binary(max_size=20) | st.integers(1, 9000).map(lambda n: b"x" * n)
BLOBS = st.sampled_from([b"", b"blob" * 2000, bytes(range(256))])
MISTAKES = st.sampled_from([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, -1])
"""By how much a chunk misses the end of its journal: mostly not at all."""

FOLDER = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
"""In memory where possible: this is about answers, not about durability, and opens many files."""

CREATES = st.builds(
    Create, IDS, WORKFLOWS, DEPLOYMENTS, st.binary(max_size=4), TIMES,
    st.builds(Chunk, st.just(0), st.integers(1, 3), DATA),
)  # fmt: skip
WAKES = st.one_of(
    st.tuples(st.just(Status.WAITING), st.none() | TIMES),
    st.tuples(st.none() | st.sampled_from(Status), st.none()),
)
OTHERS = st.one_of(
    st.builds(SaveAttempts, IDS, st.integers(0, 3), st.none() | DATA),
    st.builds(
        SaveDeployment, DEPLOYMENTS, st.text(max_size=3), st.just("k"), DATA, st.just("c"), TIMES
    ),
    BLOBS.map(lambda data: SaveBlob(hashlib.sha256(data).hexdigest(), data)),
)
APPENDS = st.tuples(IDS, st.none() | st.integers(1, 3), DATA, WAKES, TIMES, MISTAKES)
"""An append whose position is filled in when it is known."""


class TwoStores(RuleBasedStateMachine):
    """Memory is the model, SQLite is what is tested."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="flawless-test-", dir=FOLDER))
        self.runner = asyncio.Runner()
        self.model = MemoryStore()
        self.real = self.new_store()

    def new_store(self) -> SQLiteStore:
        """Return a store on the history's file."""
        return SQLiteStore(self.folder / "app.db", log_pages_max=12, executions_cached_max=3)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run asynchronous work on the history's one loop."""
        return self.runner.run(work)

    @initialize()
    def begin(self) -> None:
        """Open both."""
        self.run(self.model.open())
        self.run(self.real.open())

    @rule(
        drawn=st.lists(st.one_of(CREATES, APPENDS, APPENDS, APPENDS, OTHERS), max_size=6),
        inline=st.booleans(),
    )
    def commit(self, drawn: list[Any], inline: bool) -> None:
        """The same batch has the same results or the same error."""
        self.run(self.commit_both(drawn, inline))

    async def commit_both(self, drawn: list[Any], inline: bool) -> None:
        """Complete the batch and hand it to both stores."""
        lengths: dict[ExecutionId, int] = {}
        writes: list[Write] = []
        for item in drawn:
            if not isinstance(item, tuple):
                writes.append(item)
                if isinstance(item, Create) and await self.model.get(item.id) is None:
                    lengths.setdefault(item.id, item.chunk.count)
                continue
            id_, count, data, (status, wake_us), at_us, mistake = item
            chunk = None
            if count is not None:
                if id_ not in lengths:
                    known = await self.model.get(id_) is not None
                    chunks = await self.model.journal(id_) if known else []
                    lengths[id_] = sum(c.count for c in chunks)
                chunk = Chunk(max(0, lengths[id_] + mistake), count, data)
                lengths[id_] += count
            writes.append(Append(id_, chunk, status, wake_us, at_us))
        outcomes: list[Any] = []
        for store in (self.model, self.real):
            try:
                outcomes.append(await store.commit(writes, inline=inline))
            except (StoreConflict, ExecutionNotFound) as error:
                outcomes.append((type(error), str(error)))
        assert outcomes[0] == outcomes[1]

    @rule()
    def reopen(self) -> None:
        """Close the real store and open it again."""
        self.run(self.real.close())
        self.real = self.new_store()
        self.run(self.real.open())

    @rule(
        status=st.none() | st.sampled_from(Status),
        workflow=st.none() | WORKFLOWS,
        prefix=st.sampled_from(["", "a", "b", "A", "a1", "z"]),
        limit=st.integers(0, 12),
        other=st.none() | IDS,
        now_us=TIMES,
    )
    def ask(
        self,
        status: Status | None,
        workflow: str | None,
        prefix: str,
        limit: int,
        other: ExecutionId | None,
        now_us: int,
    ) -> None:
        """Both give the same answers, in the same order."""

        async def answers(store: MemoryStore | SQLiteStore) -> list[Any]:
            return [
                await store.list(
                    status=status, workflow=workflow, prefix=prefix, limit=limit, before=other
                ),
                await store.running(limit=limit, after=other),
                await store.due(now_us, limit=limit),
            ]

        assert self.run(answers(self.real)) == self.run(answers(self.model))

    @invariant()
    def same_content(self) -> None:
        """Everything that can be read is the same in both."""
        self.run(self.compare())

    async def compare(self) -> None:
        """Compare all content."""
        records = await self.model.list(limit=1000)
        assert await self.real.list(limit=1000) == records
        for record in records:
            assert await self.real.journal(record.id) == await self.model.journal(record.id)
            assert await self.real.last_chunk(record.id) == await self.model.last_chunk(record.id)
            assert await self.real.attempts(record.id) == await self.model.attempts(record.id)
        assert await self.real.counts() == await self.model.counts()
        assert await self.real.next_wake_us() == await self.model.next_wake_us()
        assert await self.real.deployments() == await self.model.deployments()

    def teardown(self) -> None:
        """Close both and leave nothing behind."""
        self.run(self.real.close())
        self.runner.close()
        shutil.rmtree(self.folder)


TestTwoStores = TwoStores.TestCase
TestTwoStores.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
