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
    NextRun,
    Parent,
    SaveActive,
    SaveAttempts,
    SaveBlob,
    SaveDeployment,
    Selection,
    Send,
    SQLiteStore,
    Write,
)
from sharing import examples
from stores.writes import listed

IDS = st.sampled_from([ExecutionId(id_) for id_ in ("a0", "a1", "b0", "b1", "A0")])
ALL_IDS = st.one_of(IDS, IDS, IDS, IDS.map(lambda id_: ExecutionId(f"{id_}~1")))
"""Also earlier runs, which refuse nearly everything."""
DEPLOYMENTS = st.sampled_from([DeploymentId("d1"), DeploymentId("d2")])
WORKFLOWS = st.sampled_from(["app.one", "app.two"])
TIMES = st.integers(0, 50)
DATA = st.binary(max_size=20) | st.integers(1, 9000).map(lambda n: b"x" * n)
BLOBS = st.sampled_from([b"", b"blob" * 2000, bytes(range(256))])
MISTAKES = st.sampled_from([0, 0, 0, 0, 0, 0, 0, 0, 0, 1, -1])
"""By how much a chunk misses the end of its journal: mostly not at all."""

FOLDER = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
"""In memory where possible: this is about answers, not about durability, and opens many files."""

ATTRIBUTES = st.just({}) | st.dictionaries(
    st.sampled_from(["x", "y"]), st.sampled_from(["1", "2", "\u00e4 \U0001f41d"]), max_size=2
)
FIRST_CHUNKS = st.builds(Chunk, st.just(0), st.integers(1, 3), DATA)
CREATES = st.builds(
    Create, IDS, WORKFLOWS, DEPLOYMENTS, st.binary(max_size=4), TIMES, FIRST_CHUNKS,
    wake_us=st.none() | TIMES, attributes=ATTRIBUTES,
)  # fmt: skip
PARENTS = st.builds(
    Parent, IDS, st.integers(1, 2), st.integers(1, 2), st.sampled_from(["wait", "cancel"])
)
CHILDREN = st.builds(
    Create, IDS, WORKFLOWS, DEPLOYMENTS, st.just(b""), TIMES, FIRST_CHUNKS,
    PARENTS, st.integers(0, 2), st.just(b"refused"),
)  # fmt: skip
SENDS = st.builds(
    Send, ALL_IDS, st.sampled_from(["m", "n", ":sig"]), DATA, TIMES,
    st.none() | st.sampled_from(["1", "2", "3"]), st.sampled_from([2, 9]),
    st.sampled_from([9000, 20000]),
)  # fmt: skip
NUMBERS = st.lists(st.integers(0, 6), max_size=3).map(tuple)
NEXT_RUNS = st.builds(
    NextRun, IDS, WORKFLOWS, DEPLOYMENTS, st.just(b"next"), TIMES, FIRST_CHUNKS,
    st.none(), NUMBERS, st.none() | st.sampled_from([s for s in Status if s.final]),
)  # fmt: skip
WAKES = st.one_of(
    st.tuples(
        st.sampled_from([Status.WAITING, Status.PARKED]), st.none() | TIMES, st.booleans(),
        st.just(b""),
    ),
    st.tuples(st.none() | st.sampled_from(Status), st.none(), st.just(False), st.just(b"")),
    st.tuples(
        st.sampled_from([s for s in Status if s.final]), st.none(), st.just(False), DATA
    ),
)  # fmt: skip
SHOWN = st.none() | st.sampled_from([b"", b"shown"])
OTHERS = st.one_of(
    st.builds(SaveAttempts, IDS, st.integers(0, 3), st.none() | DATA),
    st.builds(
        SaveDeployment, DEPLOYMENTS, st.text(max_size=3), st.just("k"), DATA, st.just("c"), TIMES
    ),
    st.lists(DEPLOYMENTS, unique=True).map(lambda ids: SaveActive(tuple(ids))),
    BLOBS.map(lambda data: SaveBlob(hashlib.sha256(data).hexdigest(), data)),
)
APPENDS = st.tuples(
    IDS, st.none() | st.integers(1, 3), DATA, WAKES, TIMES, MISTAKES,
    st.just(()) | NUMBERS, SHOWN, SHOWN,
)  # fmt: skip
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
        """Open both, with a few executions to begin with: most writes need one."""
        first = [
            Create(ExecutionId(id_), "app.one", DeploymentId("d1"), b"", 0, Chunk(0, 1, b""))
            for id_ in ("a0", "a1", "b0")
        ]
        for store in (self.model, self.real):
            self.run(store.open())
            self.run(store.commit(first))

    @rule(
        drawn=st.lists(
            st.one_of(
                CREATES, CHILDREN, APPENDS, APPENDS, APPENDS, SENDS, SENDS, NEXT_RUNS, OTHERS
            ),
            max_size=6,
        ),
        inline=st.booleans(),
    )
    def commit(self, drawn: list[Any], inline: bool) -> None:
        """The same batch has the same results or the same error."""
        self.run(self.commit_both(drawn, inline))

    @rule(
        drawn=st.lists(
            st.one_of(APPENDS, SENDS, SENDS, SENDS, CHILDREN, NEXT_RUNS), min_size=1, max_size=8
        )
    )
    def commit_one_by_one(self, drawn: list[Any]) -> None:
        """So that a write that fails takes no others with it."""
        for item in drawn:
            self.run(self.commit_both([item], inline=True))

    async def commit_both(self, drawn: list[Any], inline: bool) -> None:
        """Complete the batch and hand it to both stores."""
        lengths: dict[ExecutionId, int] = {}
        writes: list[Write] = []
        for item in drawn:
            if not isinstance(item, tuple):
                writes.append(item)
                if isinstance(item, Create) and await self.model.get(item.id) is None:
                    lengths.setdefault(item.id, item.chunk.count)
                elif isinstance(item, NextRun):
                    lengths[item.id] = item.chunk.count
                continue
            id_, count, data, waits, at_us, mistake, numbers, state, response = item
            status, wake_us, listening, outcome = waits
            chunk = None
            if count is not None:
                if id_ not in lengths:
                    known = await self.model.get(id_) is not None
                    chunks = await self.model.journal(id_) if known else []
                    lengths[id_] = sum(c.count for c in chunks)
                chunk = Chunk(max(0, lengths[id_] + mistake), count, data)
                lengths[id_] += count
            writes.append(
                Append(
                    id_,
                    chunk,
                    status,
                    wake_us,
                    at_us,
                    numbers,
                    state,
                    response,
                    listening,
                    outcome,
                    seen=max(0, mistake + 1),
                )
            )
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
        other=st.none() | ALL_IDS,
        now_us=TIMES,
        created=st.tuples(st.none() | TIMES, st.none() | TIMES),
        attributes=ATTRIBUTES,
        runs=st.booleans(),
        start=st.integers(-1, 8),
        count=st.none() | st.integers(0, 5),
    )
    def ask(
        self,
        status: Status | None,
        workflow: str | None,
        prefix: str,
        limit: int,
        other: ExecutionId | None,
        now_us: int,
        created: tuple[int | None, int | None],
        attributes: dict[str, str],
        runs: bool,
        start: int,
        count: int | None,
    ) -> None:
        """Both give the same answers, in the same order."""
        selection = Selection(status, workflow, prefix, *created, attributes, runs)

        async def answers(store: MemoryStore | SQLiteStore) -> list[Any]:
            found: list[Any] = [
                await store.list(selection, limit=limit, before=other),
                await store.running(limit=limit, after=other),
                await store.due(now_us, limit=limit),
            ]
            for record in await listed(store, runs=True):
                found.append(await store.journal(record.id, start, count))
                found.append(await store.messages(record.id, after=start, limit=limit))
            return found

        assert self.run(answers(self.real)) == self.run(answers(self.model))

    @invariant()
    def same_content(self) -> None:
        """Everything that can be read is the same in both."""
        self.run(self.compare())

    async def compare(self) -> None:
        """Compare all content."""
        records = await listed(self.model, limit=1000, runs=True)
        assert await listed(self.real, limit=1000, runs=True) == records
        for id_ in (record.id for record in records):
            assert await self.real.journal(id_) == await self.model.journal(id_)
            assert await self.real.last_chunk(id_) == await self.model.last_chunk(id_)
            assert await self.real.attempts(id_) == await self.model.attempts(id_)
            assert await self.real.messages(id_) == await self.model.messages(id_)
            assert await self.real.state(id_) == await self.model.state(id_)
            assert await self.real.response(id_) == await self.model.response(id_)
            children = await self.model.children(id_)
            assert await self.real.children(id_) == children
            assert await self.real.children(id_, 1, 2) == children[1:3]
            assert await self.real.child_count(id_) == len(children)
        assert await self.real.counts() == await self.model.counts()
        assert await self.real.next_wake_us() == await self.model.next_wake_us()
        assert await self.real.deployments() == await self.model.deployments()
        for id_ in (DeploymentId("d1"), DeploymentId("d2")):
            earlier = await self.model.deployments(limit=1, before=id_)
            assert await self.real.deployments(limit=1, before=id_) == earlier
        assert await self.real.active() == await self.model.active()

    def teardown(self) -> None:
        """Close both and leave nothing behind."""
        self.run(self.real.close())
        self.runner.close()
        shutil.rmtree(self.folder)


TestTwoStores = TwoStores.TestCase
TestTwoStores.settings = settings(
    max_examples=examples(40, 10),
    stateful_step_count=25,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
