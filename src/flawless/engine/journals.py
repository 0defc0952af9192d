"""Reading what a store keeps of one execution, with every check."""

from __future__ import annotations

import msgspec

from flawless.core.encoding import decode_entries
from flawless.core.entries import End, Entry
from flawless.core.history import end_of
from flawless.core.inbox import Message
from flawless.engine.attempts import SavedAttempts, decode_attempts
from flawless.engine.library import Library
from flawless.errors import JournalDamaged, StoreError
from flawless.ids import ExecutionId
from flawless.stores.base import Record, Store

_PAGE = 1_000


async def read_entries(
    store: Store, execution: ExecutionId, count: int | None = None
) -> tuple[list[Entry], int]:
    """Return all durable entries, or at least the first `count`, and how many bytes they take.

    Raises `JournalDamaged` when anything is not as it was written.
    """
    entries: list[Entry] = []
    size = 0
    for chunk in await store.journal(execution, 0, count):
        size += len(chunk.data)
        if chunk.first_seq != len(entries):
            raise JournalDamaged(execution, len(entries), "entries are missing here")
        entries += decode_entries(execution, chunk.first_seq, chunk.data, chunk.count)
    if not entries:
        raise JournalDamaged(execution, 0, "the journal is empty")
    return entries, size


async def find_end(store: Store, execution: ExecutionId) -> End | None:
    """Return how an execution ended, or None when its journal does not say so."""
    chunk = await store.last_chunk(execution)
    return end_of(decode_entries(execution, chunk.first_seq, chunk.data, chunk.count))


async def recorded_end(store: Store, library: Library, record: Record) -> End:
    """Return how an execution with a final status ended.

    Raises `JournalDamaged`, `DeploymentInvalid` and `StoreError`.
    """
    final = await find_end(store, record.id)
    if final is not None:
        return final
    # The journal has no end: something is damaged or lost, and looking for it says what.
    await read_entries(store, record.id)
    await library.find(record.deployment)
    raise StoreError(
        "read the end of an execution",
        f"{record.id!r} is {record.status}, but its journal has no last entry",
        "restore the data folder from a backup",
        retriable=False,
    )


async def read_attempts(store: Store, execution: ExecutionId) -> dict[int, SavedAttempts]:
    """Return the failed attempts of steps that had not ended, by effect.

    Raises `JournalDamaged` when they cannot be read.
    """
    earlier: dict[int, SavedAttempts] = {}
    for effect, data in (await store.attempts(execution)).items():
        try:
            earlier[effect] = decode_attempts(data)
        except msgspec.MsgspecError as error:
            reason = f"the attempts of effect {effect} cannot be read ({error})"
            raise JournalDamaged(execution, 0, reason) from error
    return earlier


async def read_messages(store: Store, execution: ExecutionId, after: int = 0) -> list[Message]:
    """Return what waits in an execution's inbox, in order."""
    found: list[Message] = []
    while True:
        page = await store.messages(execution, after, limit=_PAGE)
        found += [Message(one.number, one.name, one.payload, one.id) for one in page]
        if len(page) < _PAGE:
            return found
        after = page[-1].number
