"""Other processes for the tests of the SQLite store: they hold it, commit to it, and are killed.

They come from a fork server that has everything imported, so that each costs milliseconds.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from flawless.core.status import Status
from flawless.errors import FlawlessError
from flawless.ids import DeploymentId, ExecutionId
from flawless.stores import Append, Chunk, Create, SQLiteStore, Write
from stores.writes import listed

LOG_PAGES_MAX = 60
"""So small that checkpoints happen all the time."""

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["flawless.stores"])


def start(target: Callable[..., None], *args: Any) -> tuple[BaseProcess, Connection]:
    """Start `target(connection, *args)` in a process of its own."""
    here, there = _context.Pipe()
    process = _context.Process(target=target, args=(there, *args), daemon=True)
    process.start()
    there.close()
    return process, here


def kill(process: BaseProcess) -> None:
    """`kill -9`, and wait until it is gone."""
    process.kill()
    process.join()


def hold(connection: Connection, path: Path, forks: bool) -> None:
    """Open a store and keep it open for ever. Send None, or the id of a child that was forked."""

    async def main() -> None:
        store = SQLiteStore(path, log_pages_max=LOG_PAGES_MAX)
        await store.open()
        await store.commit([Create(ExecutionId("held"), "w", DeploymentId("d"), b"", 1, chunk())])
        if not forks:
            connection.send(None)
        elif os.fork() == 0:
            connection.send(os.getpid())
        signal.pause()

    asyncio.run(main())


def open_as_nobody(connection: Connection, path: Path, warm_up: Path) -> None:
    """Try to open a store as a user without rights, and send what came of it."""

    async def main() -> None:
        store = SQLiteStore(warm_up)  # loads what this user may not read
        await store.open()
        await store.commit([Create(ExecutionId("a"), "w", DeploymentId("d"), b"", 1, chunk())])
        await store.close()
        if os.getuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        store = SQLiteStore(path)
        try:
            await store.open()
            await store.close()
        except FlawlessError as error:
            connection.send((type(error).__name__, str(error)))
        else:
            connection.send(None)

    asyncio.run(main())


def chunk() -> Chunk:
    """Return some first chunk."""
    return Chunk(0, 1, b"first")


# --- a process that commits until it is killed ---------------------------------------------------


def entry(id_: str, seq: int) -> bytes:
    """Return what the journal of `id_` must hold at `seq`."""
    return f"{id_}/{seq}/".encode() * (1 + (seq * 7919 + len(id_)) % 40)


def commit_for_ever(connection: Connection, path: Path, seed: int, log_pages_max: int) -> None:
    """Commit random batches; after each, send the new lengths of the journals it touched."""

    async def main() -> None:
        rng = random.Random(seed)
        store = SQLiteStore(path, log_pages_max=log_pages_max, executions_cached_max=5)
        await store.open()
        lengths = {
            str(r.id): sum(c.count for c in await store.journal(r.id))
            for r in await listed(store, limit=100_000)
        }
        connection.send({})
        while True:
            writes: list[Write] = []
            touched: dict[str, int] = {}
            for _ in range(rng.choice([1, 1, 1, 2, 5, 40])):
                id_ = f"x{rng.randrange(30)}"
                seq = touched.get(id_, lengths.get(id_, 0))
                data = Chunk(seq, 1, entry(id_, seq))
                status, wake_us = rng.choice(
                    [(None, None), (Status.WAITING, seq), (Status.RUNNING, None)]
                )
                if seq == 0:
                    writes.append(Create(ExecutionId(id_), "w", DeploymentId("d"), b"", seq, data))
                else:
                    writes.append(Append(ExecutionId(id_), data, status, wake_us, seq))
                touched[id_] = seq + 1
            await store.commit(writes, inline=rng.random() < 0.5)
            lengths |= touched
            connection.send(touched)

    asyncio.run(main())
