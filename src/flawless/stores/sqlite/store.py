"""`SQLiteStore`: the parts put together, and every error translated."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Final, TypeVar

import apsw
import msgspec

from flawless.core.status import Status
from flawless.errors import StoreError
from flawless.ids import DeploymentId, ExecutionId
from flawless.stores.base import (
    Chunk,
    Deployment,
    DeploymentIds,
    Deployments,
    Journal,
    Messages,
    Openings,
    Page,
    Record,
    Records,
    Results,
    SaveBlob,
    Selection,
    Visible,
    Write,
    pack,
)
from flawless.stores.sqlite.checkpoint import LOG_PAGES_MAX, Checkpointer
from flawless.stores.sqlite.committer import Committer
from flawless.stores.sqlite.errors import damaged, store_error
from flawless.stores.sqlite.file import (
    CACHE_KIB_READER,
    connect,
    end_session,
    prepare,
    seal,
    set_mark,
)
from flawless.stores.sqlite.lock import FileLock
from flawless.stores.sqlite.log import log_bytes
from flawless.stores.sqlite.reader import Reader
from flawless.stores.sqlite.writer import EXECUTIONS_CACHED_MAX, Writer

_ALL: Final = Selection()

_T = TypeVar("_T")


class _Parts:
    """What exists only while the store is open."""

    def __init__(self, store: SQLiteStore, writing: apsw.Connection, reading: apsw.Connection):
        path = store.path
        self.writing = writing
        self.reading = reading
        self.reader = Reader(reading, path)
        self.checkpointer = Checkpointer(
            writing,
            lambda: connect(path, writing.open_vfs, cache_kib=CACHE_KIB_READER),
            partial(set_mark, writing, path),
            partial(seal, writing, path),
            log_pages_max=store.log_pages_max,
        )
        self.committer = Committer(
            Writer(writing, executions_cached_max=store.executions_cached_max).commit,
            wants_pause=lambda: self.checkpointer.due,
            pause=self.checkpointer.work,
        )
        self.checkpointer.start()


class SQLiteStore:
    """A `Store` (see `flawless.stores.base`) in one SQLite file.

    The file and its folder are created where there are none. While open, the file has the
    neighbours `-wal`, `-shm` and `.lock`; after `close` the file alone holds everything. To back it
    up while it is open, use SQLite's own means (`.backup`, `VACUUM INTO`): a plain copy lacks the
    log, and is refused.

    Every commit is synced to the disk before it returns. `log_pages_max` (of 2 KiB) is how long the
    log grows before it is folded into the file, `executions_cached_max` for how many executions the
    end of the journal is remembered; the defaults are good for all but tests.

    Example:
        store = SQLiteStore("app.db")
        await store.open()
        await store.commit([Create(...)])
        await store.close()
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        log_pages_max: int = LOG_PAGES_MAX,
        executions_cached_max: int = EXECUTIONS_CACHED_MAX,
    ) -> None:
        self.log_pages_max = log_pages_max
        self.executions_cached_max = executions_cached_max
        self.path = Path(path).absolute()
        self._lock: FileLock | None = None
        self._parts: _Parts | None = None

    async def open(self) -> None:
        """See `Store.open`."""
        assert self._parts is None, "the store is open already"
        lock = FileLock(self.path.with_name(self.path.name + ".lock"))
        try:
            writing, reading = await asyncio.to_thread(self._connect, lock)
        except (apsw.Error, OSError) as error:
            raise store_error("open", error, self.path) from error
        self._lock = lock
        self._parts = _Parts(self, writing, reading)

    def _connect(self, lock: FileLock) -> tuple[apsw.Connection, apsw.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        is_new = not self.path.exists()
        try:
            writing = prepare(self.path, log_pages_max=self.log_pages_max)
            try:
                if is_new:
                    self._hide()
                return writing, connect(self.path, writing.open_vfs, cache_kib=CACHE_KIB_READER)
            except BaseException:
                writing.close()
                raise
        except BaseException:
            lock.release()
            raise

    def _hide(self) -> None:
        """Let only the owner read: journals hold what workflows were given and saw."""
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                self.path.with_name(self.path.name + suffix).chmod(0o600)

    async def close(self) -> None:
        """See `Store.close`. The log is folded into the file, which is then complete by itself."""
        parts, self._parts = self._parts, None
        if parts is None:
            return
        await parts.committer.stop()
        try:
            await asyncio.to_thread(_disconnect, parts, self.path)
        except apsw.Error as error:
            raise store_error("close", error, self.path) from error
        finally:
            assert self._lock is not None
            self._lock.release()

    async def commit(self, writes: Sequence[Write], *, inline: bool = False) -> Results:
        """See `Store.commit`."""
        parts = self._open_parts("commit")
        try:
            if any(type(write) is SaveBlob for write in writes):
                writes = await self._packed(parts, writes)
            return await parts.committer.submit(writes, inline=inline)
        except apsw.Error as error:
            raise store_error("commit", error, self.path) from error

    async def _packed(self, parts: _Parts, writes: Sequence[Write]) -> list[Write]:
        """Compress the batch's blobs, before its transaction begins and off the loop."""
        packed: list[Write] = []
        for write in writes:
            if isinstance(write, SaveBlob):
                if parts.reader.has_blob(write.sha256):
                    data = b""  # it will not be written again
                else:
                    ready = write.packed or partial(pack, write.data)
                    data = await asyncio.to_thread(ready)
                packed.append(msgspec.structs.replace(write, data=data, packed=None))
            else:
                packed.append(write)
        return packed

    async def get(self, id: ExecutionId) -> Record | None:  # noqa: A002 (the field's name)
        """See `Store.get`."""
        return self._read("read an execution", lambda reader: reader.get(id))

    async def list(
        self, selection: Selection = _ALL, *, limit: int = 100, before: str | None = None
    ) -> Page:
        """See `Store.list`."""
        return self._read("list executions", lambda reader: reader.list(selection, limit, before))

    async def journal(
        self,
        id: ExecutionId,  # noqa: A002 (the field's name)
        start: int = 0,
        count: int | None = None,
    ) -> Journal:
        """See `Store.journal`."""
        return self._read("read a journal", lambda reader: reader.journal(id, start, count))

    async def last_chunk(self, id: ExecutionId) -> Chunk:  # noqa: A002 (the field's name)
        """See `Store.last_chunk`."""
        return self._read("read a journal", lambda reader: reader.last_chunk(id))

    async def attempts(self, id: ExecutionId) -> dict[int, bytes]:  # noqa: A002 (the field's name)
        """See `Store.attempts`."""
        return self._read("read attempts", lambda reader: reader.attempts(id))

    async def messages(
        self,
        id: ExecutionId,  # noqa: A002 (the field's name)
        after: int = 0,
        limit: int = 1000,
    ) -> Messages:
        """See `Store.messages`."""
        return self._read("read an inbox", lambda reader: reader.messages(id, after, limit))

    async def state(self, id: ExecutionId) -> Visible | None:  # noqa: A002 (the field's name)
        """See `Store.state`."""
        return self._read("read a state", lambda reader: reader.state(id))

    async def response(self, id: ExecutionId) -> Visible | None:  # noqa: A002 (the field's name)
        """See `Store.response`."""
        return self._read("read a response", lambda reader: reader.response(id))

    async def children(
        self,
        id: ExecutionId,  # noqa: A002 (the field's name)
        start: int = 0,
        count: int | None = None,
    ) -> Records:
        """See `Store.children`."""
        return self._read("list children", lambda reader: reader.children(id, start, count))

    async def child_count(self, id: ExecutionId) -> int:  # noqa: A002 (the field's name)
        """See `Store.child_count`."""
        return self._read("count children", lambda reader: reader.child_count(id))

    async def running(self, *, limit: int = 1000, after: ExecutionId | None = None) -> Records:
        """See `Store.running`."""
        return self._read("list running executions", lambda reader: reader.running(limit, after))

    async def due(self, now_us: int, *, limit: int = 1000) -> Records:
        """See `Store.due`."""
        return self._read("list due executions", lambda reader: reader.due(now_us, limit))

    async def next_wake_us(self) -> int | None:
        """See `Store.next_wake_us`."""
        return self._read("read the next wake time", lambda reader: reader.next_wake_us())

    async def counts(self) -> dict[Status, int]:
        """See `Store.counts`."""
        return self._read("count executions", lambda reader: reader.counts())

    async def deployment(self, id: DeploymentId) -> Deployment | None:  # noqa: A002 (the field's name)
        """See `Store.deployment`."""
        return self._read("read a deployment", lambda reader: reader.deployment(id))

    async def deployments(
        self, *, limit: int = 100, before: DeploymentId | None = None
    ) -> Deployments:
        """See `Store.deployments`."""
        return self._read("list deployments", lambda reader: reader.deployments(limit, before))

    async def active(self) -> DeploymentIds:
        """See `Store.active`."""
        return self._read("list active deployments", lambda reader: reader.active())

    async def blob(self, sha256: str) -> bytes | None:
        """See `Store.blob`."""
        parts = self._open_parts("read a blob")
        packed = self._read("read a blob", lambda reader: reader.packed_blob(sha256))
        if packed is None:
            return None
        return await asyncio.to_thread(parts.reader.unpack, sha256, packed)

    async def openings(self, *, limit: int = 100) -> Openings:
        """See `Store.openings`."""
        return self._read("list openings", lambda reader: reader.openings(limit))

    async def size_bytes(self) -> int:
        """See `Store.size_bytes`. The database file and its log."""
        self._open_parts("measure its size")
        try:
            return self.path.stat().st_size + log_bytes(self.path)
        except OSError as error:
            raise store_error("measure its size", error, self.path) from error

    def _read(self, operation: str, ask: Callable[[Reader], _T]) -> _T:
        parts = self._open_parts(operation)
        try:
            return ask(parts.reader)
        except apsw.Error as error:
            raise store_error(operation, error, self.path) from error
        except (KeyError, ValueError, msgspec.DecodeError) as error:
            raise damaged(
                operation, f"{self.path} holds a value that cannot be: {error}"
            ) from error

    def _open_parts(self, operation: str) -> _Parts:
        if self._parts is None:
            raise StoreError(operation, "it is not open", "Call `open` first.", retriable=False)
        return self._parts


def _disconnect(parts: _Parts, path: Path) -> None:
    parts.checkpointer.stop()
    parts.reading.close()
    try:
        end_session(parts.writing, path)
    finally:
        parts.writing.close()
