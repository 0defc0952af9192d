"""A file that an earlier version wrote is opened, brought up to date, and goes on to be used."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

import pytest

from flawless.core.status import Status
from flawless.errors import StoreConflict
from flawless.ids import DeploymentId, ExecutionId
from flawless.stores import Chunk, Deployment, Message, Record, Sent, SQLiteStore
from flawless.stores.base import SEQ_END
from flawless.stores.sqlite import file
from flawless.stores.sqlite.sql import QUERIES, migrations
from stores.writes import append, child, end, ids, inbox, listed, next_run, send

pytestmark = pytest.mark.anyio

RELEASED = {
    1: "95f33517275db3a03c87d55213868d3f20556649d8248345437d9aa325a27fb0",
    2: "a2fb5e29820b4221adeb8c3151c193db351e3e4899d7d5ebce9dbe9db5d29d42",
}
"""The sha256 of every migration that somebody's file may have gone through."""

LOG_PAGES_MAX = 60
BLOB = b"component" * 100
BLOB_NAME = hashlib.sha256(BLOB).hexdigest()


def test_released_migrations_never_change() -> None:
    """What a file went through cannot be changed afterwards."""
    found = {n: hashlib.sha256(sql.encode()).hexdigest() for n, sql in migrations().items()}
    assert {n: found[n] for n in RELEASED} == RELEASED


@pytest.fixture(params=["closed", "crashed"])
def path(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of format 1 with one execution in each status, closed in order or not."""
    path = tmp_path / "app.db"
    with monkeypatch.context() as patch:
        patch.setattr(file, "migrations", lambda: {1: migrations()[1]})
        patch.setitem(QUERIES, "open_session", "UPDATE session SET closed = 0, log_bytes = ?1")
        patch.setitem(QUERIES, "set_mark", "SELECT ?1")
        patch.setitem(QUERIES, "touch_session", "SELECT 1")
        connection = file.prepare(path, log_pages_max=LOG_PAGES_MAX)
    execute = connection.execute
    execute("INSERT INTO name (key, text) VALUES (1, 'app.w'), (2, 'd1')")
    for key in range(1, 7):
        execute(
            "INSERT INTO execution VALUES (?1, 'x' || (?1 - 1), 1, 2, ?1 - 1, 10, 20, ?2, x'ff')",
            (key, 99 if key == 2 else None),
        )
        for seq in (0, 2):
            execute("INSERT INTO journal VALUES (?, 2, ?)", (key * SEQ_END + seq, b"%d" % seq))
    execute("INSERT INTO attempt VALUES (?, x'01')", (1 * SEQ_END + 3,))
    execute("INSERT INTO deployment VALUES (1, 'd1', 'v1', 'bundle', x'02', 'c', 5)")
    execute("INSERT INTO blob VALUES (1, ?, ?)", (BLOB_NAME, zlib.compress(BLOB)))
    assert execute("PRAGMA user_version").get == 1
    if request.param == "closed":
        with monkeypatch.context() as patch:
            patch.setitem(QUERIES, "set_mark", "SELECT ?1")
            patch.setitem(QUERIES, "touch_session", "SELECT 1")
            file.end_session(connection, path)
    connection.close()
    return path


async def test_everything_is_still_there(path: Path) -> None:
    """All that an earlier version wrote is read as it was."""
    store = SQLiteStore(path, log_pages_max=LOG_PAGES_MAX)
    await store.open()
    statuses = [Status.RUNNING, Status.WAITING, Status.PARKED, Status.FAILED, Status.CANCELLED]
    assert await listed(store) == [
        Record(
            ExecutionId(f"x{n}"),
            "app.w",
            DeploymentId("d1"),
            status,
            10,
            20,
            99 if n == 1 else None,
            b"\xff",
        )
        for n, status in reversed([*enumerate([*statuses, Status.COMPLETED])])
    ]
    for n in range(6):
        id_ = ExecutionId(f"x{n}")
        assert await store.journal(id_) == [Chunk(0, 2, b"0"), Chunk(2, 2, b"2")]
        assert await store.messages(id_) == await store.children(id_) == []
        assert await store.state(id_) is await store.response(id_) is None
    assert await store.attempts(ExecutionId("x0")) == {3: b"\x01"}
    assert await store.counts() == dict.fromkeys(Status, 1)
    assert ids(await store.running()) == ["x0"]
    assert ids(await store.due(99)) == ["x1"]
    assert await store.deployments() == [
        Deployment(DeploymentId("d1"), "v1", "bundle", b"\x02", "c", 5)
    ]
    assert await store.blob(BLOB_NAME) == BLOB
    assert await store.openings() == []
    await store.close()


async def test_old_executions_can_do_all_that_is_new(path: Path) -> None:
    """They get messages, children and next runs, and it lasts when the file is opened again."""
    store = SQLiteStore(path, log_pages_max=LOG_PAGES_MAX)
    await store.open()
    with pytest.raises(StoreConflict):
        await store.commit([append("x0", 3)])
    await store.commit([append("x0", 4), child("new", "x0", close="cancel")])
    assert await store.commit([send("x0"), send("x1", ":sig"), send("x3")]) == [
        Sent("sent", 1),
        Sent("sent", 1),
        Sent("ended"),
    ]
    assert await store.next_wake_us() == 40
    await store.commit([next_run("x0"), next_run("x3", None)])
    await store.close()
    store = SQLiteStore(path, log_pages_max=LOG_PAGES_MAX)
    await store.open()
    assert await store.messages(ExecutionId("x0")) == [Message(1, "m", b"p", 40, None)]
    assert ids(await store.children(ExecutionId("x0"))) == ["new"]
    assert ids(await listed(store, runs=True, limit=3)) == ["x3", "x0", "new"]
    assert (await store.get(ExecutionId("x3~1"))) is not None
    assert len(await store.journal(ExecutionId("x0~1"))) == 3
    assert (await store.counts())[Status.FAILED] == 0
    assert await store.commit([end("x0")]) == [("new",)]
    assert [name for _, name, _ in await inbox(store, "new")] == [":cancel"]
    await store.close()
