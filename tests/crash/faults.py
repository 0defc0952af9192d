"""Planted faults: engines that break one promise each. The checker must catch them all."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import seams
from flawless.core.encoding import decode_entries, encode_entry
from flawless.core.interruption import WhenInterrupted
from flawless.core.protocol import HttpRequest
from flawless.engine import effects, execution, loading
from flawless.engine.http import HttpPerformer
from flawless.engine.outcome import Outcome
from flawless.engine.outside import Outside
from flawless.stores.base import Append, Chunk, Create, NextRun, Send, Write


@dataclass(frozen=True, slots=True)
class Planted:
    """What a broken engine is made of besides what was replaced inside it."""

    outside: Outside
    around: Callable[[Any], Any] = lambda store: store
    """Puts something around the store."""


class Around:
    """A store with something around it."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class EarlyStore(Around):
    """Acknowledges a commit before it is durable: it is written with the one after it."""

    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self._held: list[Write] = []

    async def commit(self, writes: Sequence[Write], **options: Any) -> Any:
        """Write what the last call brought, and keep this call's."""
        if any(isinstance(write, Create) for write in writes):
            return await self._store.commit(writes, **options)
        held, self._held = self._held, list(writes)
        await self._store.commit(held, **options)
        if any(isinstance(w, Append) and w.status is not None for w in self._held):
            await self.flush()  # an end, or a sleep: nothing follows that would write it
        return [() if isinstance(write, Append) else None for write in writes]

    async def journal(self, id: Any, *more: Any) -> Any:  # noqa: A002 (the contract's name)
        """Read a journal, with what is held."""
        await self.flush()
        return await self._store.journal(id, *more)

    async def flush(self) -> None:
        """Write what is held."""
        held, self._held = self._held, []
        await self._store.commit(held)


class ForgetfulStore(Around):
    """Now and then loses the last entries of a journal when it reads it."""

    async def journal(self, id: Any, *more: Any) -> list[Chunk]:  # noqa: A002 (the contract's name)
        """Read a journal without its last chunk."""
        chunks: list[Chunk] = await self._store.journal(id, *more)
        return chunks[:-1] if len(chunks) > 2 else chunks


class SlowStore(Around):
    """Takes its time for every commit."""

    async def commit(self, writes: Sequence[Write], **options: Any) -> Any:
        """Commit a little later."""
        await asyncio.sleep(0.4)  # long enough for a request to go out first
        return await self._store.commit(writes, **options)


class TakingStore(Around):
    """Takes messages out of the inbox when they are read, not when it is recorded who saw them."""

    async def messages(self, id: Any, *more: Any, **options: Any) -> Any:  # noqa: A002 (the contract's name)
        """Read messages, once."""
        found = await self._store.messages(id, *more, **options)
        numbers = tuple(one.number for one in found if not one.name.startswith(":"))
        if numbers:
            record = await self._store.get(id)
            write = Append(id, None, None, None, record.updated_us, received=numbers)
            await self._store.commit([write])
        return found


class HoardingStore(Around):
    """Leaves some messages in the inbox when it is recorded that they were seen."""

    def __init__(self, store: Any, sign: str) -> None:
        super().__init__(store)
        self._sign = sign

    async def commit(self, writes: Sequence[Write], **options: Any) -> Any:
        """Commit without taking those messages out."""
        kept = [await self._without(write) for write in writes]
        return await self._store.commit(kept, **options)

    async def _without(self, write: Write) -> Write:
        if not isinstance(write, Append) or not write.received:
            return write
        found = await self._store.messages(write.id)
        stay = {one.number for one in found if one.name.startswith(":") == bool(self._sign)}
        left = tuple(number for number in write.received if number not in stay)
        return changed(write, received=left)


class SplittingStore(Around):
    """Makes some writes, or parts of them, in a commit of their own, before the others."""

    def __init__(
        self,
        store: Any,
        split: Callable[[Write], tuple[Write | None, Write | None]],
        pause_s: float,
    ) -> None:
        super().__init__(store)
        self._split = split
        self._pause_s = pause_s

    async def commit(self, writes: Sequence[Write], **options: Any) -> Any:
        """Commit in two parts."""
        parts = [self._split(write) for write in writes]
        first = [one for one, _ in parts if one is not None]
        rest = [one for _, one in parts if one is not None]
        if not first or not rest:
            return await self._store.commit(first or rest, **options)
        early = iter(await self._store.commit(first))
        await asyncio.sleep(self._pause_s)
        late = iter(await self._store.commit(rest))
        results = []
        for one, two in parts:
            result = next(early) if one is not None else None
            results.append(next(late) if two is not None else result)
        return results


class ForgettingRuns(Around):
    """Begins each next run with an empty inbox."""

    async def commit(self, writes: Sequence[Write], **options: Any) -> Any:
        """Commit, and empty the inbox of what begins again."""
        results = await self._store.commit(writes, **options)
        for write in writes:
            if isinstance(write, NextRun):
                found = await self._store.messages(write.id)
                numbers = tuple(one.number for one in found)
                empty = Append(write.id, None, None, None, write.at_us, received=numbers)
                await self._store.commit([empty])
        return results


class EndlessStore(Around):
    """Acknowledges ends, and never writes them."""

    async def commit(self, writes: Sequence[Write], **options: Any) -> Any:
        """Commit all but the ends."""
        return await _without(self._store, writes, _is_end, **options)


class DoublingStore(Around):
    """Writes each end twice."""

    async def commit(self, writes: Sequence[Write], **options: Any) -> Any:
        """Commit, and add the last entry of what has ended once more."""
        results = await self._store.commit(writes, **options)
        for write in writes:
            if isinstance(write, Append) and _is_end(write) and write.chunk is not None:
                first, count = write.chunk.first_seq, write.chunk.count
                end = decode_entries(write.id, first, write.chunk.data, count)[-1]
                again = Chunk(first + count, 1, encode_entry(first + count, end))
                await self._store.commit([Append(write.id, again, write.status, None, write.at_us)])
        return results


class LosingStore(Around):
    """Acknowledges starts for later, and never writes them."""

    async def commit(self, writes: Sequence[Write], **options: Any) -> Any:
        """Commit all but those starts."""
        return await _without(self._store, writes, _begins_later, **options)


class DroppingStore(Around):
    """Acknowledges a message, and drops it."""

    async def commit(self, writes: Sequence[Write], **options: Any) -> Any:
        """Commit, and take one message out at once."""
        results = await self._store.commit(writes, **options)
        for write, sent in zip(writes, results, strict=True):
            if isinstance(write, Send) and write.message_id == "n1" and sent.outcome == "sent":
                gone = (sent.number,)
                await self._store.commit(
                    [Append(write.id, None, None, None, write.at_us, received=gone)]
                )
        return results


def _is_end(write: Write) -> bool:
    return isinstance(write, Append) and write.status is not None and write.status.final


def _begins_later(write: Write) -> bool:
    return isinstance(write, Create) and write.parent is None and write.wake_us is not None


async def _without(
    store: Any, writes: Sequence[Write], left: Callable[[Write], bool], **options: Any
) -> list[Any]:
    """Commit those that are not to be left out; the others have no result."""
    kept = [write for write in writes if not left(write)]
    results = iter(await store.commit(kept, **options) if kept else [])
    return [None if left(write) else next(results) for write in writes]


def changed(write: Append, **fields: Any) -> Append:
    """Return a write with other fields."""
    known = {name: getattr(write, name) for name in write.__struct_fields__}
    return Append(**{**known, **fields})


def _child_first(write: Write) -> tuple[Write | None, Write | None]:
    """Children are created before it is recorded that they were started."""
    if isinstance(write, Create) and write.parent is not None:
        return write, None
    return None, write


def _state_first(write: Write) -> tuple[Write | None, Write | None]:
    """A state can be seen before what led to it is durable."""
    if isinstance(write, Append) and write.state is not None and write.chunk is not None:
        early = Append(write.id, None, None, None, write.at_us, state=write.state)
        return early, changed(write, state=None)
    return None, write


def _end_first(write: Write) -> tuple[Write | None, Write | None]:
    """An end is durable before the parent is told of it, and then it is not told."""
    if isinstance(write, Append) and write.outcome:
        return changed(write, outcome=b""), None
    return None, write


def _commits_late(outside: Outside) -> Planted:
    return Planted(outside, EarlyStore)


def _loses_entries(outside: Outside) -> Planted:
    return Planted(outside, ForgetfulStore)


def _repeats_posts(outside: Outside) -> Planted:
    performer: type[HttpPerformer] = outside.http  # type: ignore[assignment]  # it is a class here

    class Repeating(performer):  # type: ignore[misc, valid-type]  # known when it runs
        async def perform(self, execution: str, request: HttpRequest, **options: Any) -> Any:
            if request.method == "POST":
                await super().perform(execution, request, **options)
            return await super().perform(execution, request, **options)

    return Planted(replace(outside, http=Repeating))


def _repeats_anything(outside: Outside) -> Planted:
    seams.rebuild(loading, "when_interrupted", lambda _: lambda _: WhenInterrupted.REPEAT)
    return Planted(outside)


def _rolls_dice(outside: Outside) -> Planted:
    seams.rebuild(execution, "RandomStream", lambda stream: lambda _: stream(os.urandom(32)))
    return Planted(outside)


def _performs_early(outside: Outside) -> Planted:
    def make(live: Any) -> Any:
        class Hasty(live):  # type: ignore[misc]  # the class is known when it runs
            def _flush(self, durable: Callable[[], None] | None) -> None:
                if durable is not None:
                    durable()
                super()._flush(None)

        return Hasty

    seams.rebuild(loading, "LiveExecution", make)
    return Planted(outside, SlowStore)


def _skips_undos(outside: Outside) -> Planted:
    def make(performer: Any) -> Any:
        class Skipping(performer):  # type: ignore[misc]  # the class is known when it runs
            def perform(self, execution: str, request: Any, **options: Any) -> Any:
                if b"undo-two" in bytes(request.args):
                    options["report"](Outcome(False, b'"skipped"'))
                    return None
                return super().perform(execution, request, **options)

        return Skipping

    seams.rebuild(effects, "StepPerformer", make)
    return Planted(outside)


def _splits(
    split: Callable[[Write], tuple[Write | None, Write | None]], pause_s: float = 0.0
) -> Callable[[Outside], Planted]:
    return lambda outside: Planted(outside, lambda store: SplittingStore(store, split, pause_s))


FAULTS: dict[str, Callable[[Outside], Planted]] = {
    "commits late": _commits_late,
    "loses entries": _loses_entries,
    "repeats posts": _repeats_posts,
    "repeats anything": _repeats_anything,
    "rolls dice": _rolls_dice,
    "performs before it commits": _performs_early,
    "takes messages unrecorded": lambda outside: Planted(outside, TakingStore),
    "delivers twice": lambda outside: Planted(outside, lambda store: HoardingStore(store, "")),
    "tells signals twice": lambda outside: Planted(
        outside, lambda store: HoardingStore(store, ":")
    ),
    "decides twice": lambda outside: Planted(outside, lambda store: HoardingStore(store, ":")),
    "creates children early": _splits(_child_first),
    "shows states early": _splits(_state_first, 0.3),
    "tells no parent": _splits(_end_first),
    "skips undos": _skips_undos,
    "forgets messages between runs": lambda outside: Planted(outside, ForgettingRuns),
    "ends nothing": lambda outside: Planted(outside, EndlessStore),
    "ends twice": lambda outside: Planted(outside, DoublingStore),
    "loses starts": lambda outside: Planted(outside, LosingStore),
    "drops a message": lambda outside: Planted(outside, DroppingStore),
}


def plant(name: str, outside: Outside) -> Planted:
    """Break the engine in this process; `outside` is what it would be made of."""
    return FAULTS[name](outside)
