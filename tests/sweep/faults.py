"""Planted faults: engines that break one promise each. The checker must catch them all."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Any

import seams
from flawless.core.protocol import HttpRequest
from flawless.engine import execution, scheduler, service
from flawless.stores.base import Append, Chunk, Create, Write


class EarlyStore:
    """Acknowledges a commit before it is durable: it is written with the one after it."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._held: list[Write] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, writes: Sequence[Write], **options: Any) -> Any:
        """Write what the last call brought, and keep this call's."""
        if any(isinstance(write, Create) for write in writes):
            return await self._store.commit(writes, **options)
        held, self._held = self._held, list(writes)
        await self._store.commit(held, **options)
        if any(isinstance(w, Append) and w.status is not None for w in self._held):
            await self.flush()  # an end, or a sleep: nothing follows that would write it
        return [None] * len(writes)

    async def journal(self, id: Any) -> Any:  # noqa: A002 (the contract's name)
        """Read a journal, with what is held."""
        await self.flush()
        return await self._store.journal(id)

    async def flush(self) -> None:
        """Write what is held."""
        held, self._held = self._held, []
        await self._store.commit(held)


class ForgetfulStore:
    """Now and then loses the last entries of a journal when it reads it."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def journal(self, id: Any) -> list[Chunk]:  # noqa: A002 (the contract's name)
        """Read a journal without its last chunk."""
        chunks: list[Chunk] = await self._store.journal(id)
        return chunks[:-1] if len(chunks) > 2 else chunks


class SlowStore:
    """Takes its time for every commit."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, writes: Sequence[Write], **options: Any) -> Any:
        """Commit a little later."""
        await asyncio.sleep(0.4)  # long enough for a request to go out first
        return await self._store.commit(writes, **options)


def _commits_late() -> Callable[[Any], Any]:
    return EarlyStore


def _loses_entries() -> Callable[[Any], Any]:
    return ForgetfulStore


def _repeats_posts() -> None:
    def make(performer: Any) -> Any:
        class Repeating(performer):  # type: ignore[misc]  # the class is known when it runs
            async def perform(self, execution: str, request: HttpRequest) -> Any:
                if request.method == "POST":
                    await super().perform(execution, request)
                return await super().perform(execution, request)

        return Repeating

    seams.rebuild(scheduler, "HttpPerformer", make)


def _repeats_anything() -> None:
    seams.rebuild(service, "_may_repeat", lambda _: lambda request: True)


def _rolls_dice() -> None:
    seams.rebuild(execution, "RandomStream", lambda stream: lambda _: stream(os.urandom(32)))


def _performs_early() -> Callable[[Any], Any]:
    def make(live: Any) -> Any:
        class Hasty(live):  # type: ignore[misc]  # the class is known when it runs
            def _flush(self, durable: Callable[[], None] | None) -> None:
                if durable is not None:
                    durable()
                super()._flush(None)

        return Hasty

    seams.rebuild(scheduler, "LiveExecution", make)
    return SlowStore


FAULTS: dict[str, Callable[[], Callable[[Any], Any] | None]] = {
    "commits late": _commits_late,
    "loses entries": _loses_entries,
    "repeats posts": _repeats_posts,
    "repeats anything": _repeats_anything,
    "rolls dice": _rolls_dice,
    "performs before it commits": _performs_early,
}


def plant(name: str) -> Callable[[Any], Any]:
    """Break the engine in this process; return what to put around its store."""
    return FAULTS[name]() or (lambda store: store)
