"""How an execution stands, as its row in the store says it."""

from __future__ import annotations

import msgspec

from flawless.core.machine import Machine, NewEntries
from flawless.core.status import Status
from flawless.ids import ExecutionId
from flawless.stores.base import Append, Chunk


class Rest(msgspec.Struct, frozen=True):
    """The status, when it has to go on by itself, and whether a message lets it go on."""

    status: Status
    wake_us: int | None = None
    listening: bool = False

    def woken(self) -> Rest:
        """Return what the row says when something came to the inbox: its wake time has passed."""
        return self if self.status is Status.RUNNING else msgspec.structs.replace(self, wake_us=0)


RUNNING = Rest(Status.RUNNING)


def resting(machine: Machine, soon_us: int) -> Rest:
    """Return how an execution stands.

    One that goes on by itself before `soon_us` counts as running: its row need not be written. So
    does one with effects under way, also when the engine stops and leaves them to the next one.
    """
    if machine.waiting is None or machine.in_flight:
        return RUNNING
    wake_us = machine.wake_us
    if machine.parked:
        return Rest(Status.PARKED, wake_us, machine.listening)
    if wake_us is not None and wake_us <= soon_us:
        return RUNNING
    return Rest(Status.WAITING, wake_us, machine.listening)


def chunk_of(new: NewEntries | None) -> Chunk | None:
    """Return what of the new is for the journal, if anything is."""
    return None if new is None or not new.count else Chunk(new.first_seq, new.count, new.data)


def append(
    execution: ExecutionId,
    new: NewEntries | None,
    rest: Rest | None,
    now_us: int,
    *,
    outcome: bytes = b"",
    seen: int = 0,
) -> Append:
    """Return the write of what is new; `rest` is None when that has not changed.

    `seen` is the number of the last message that the execution knows of.
    """
    chunk = chunk_of(new)
    if rest is None and (new is None or new.only_entries):
        return Append(execution, chunk, None, None, now_us)
    return Append(
        execution,
        chunk,
        None if rest is None else rest.status,
        None if rest is None else rest.wake_us,
        now_us,
        received=() if new is None else new.received,
        state=None if new is None else new.state,
        response=None if new is None else new.response,
        listening=rest is not None and rest.listening,
        outcome=outcome,
        seen=seen,
    )
